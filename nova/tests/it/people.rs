//! Accounts, following, blocking.

use nova_http::Role;
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_has_one_holder_and_a_profile_changes() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let thief = world.stranger(Role::User);
    let fields = thief
        .post("/users", json!({"handle": "ada", "display_name": "A"}))
        .await
        .problem(409, "handle_taken");
    assert_eq!(fields, ["handle"]);
    thief.post("/posts", json!({"text": "who am I"})).await.problem(403, "not_registered");
    let again = ada.post("/users", json!({"handle": "ada", "display_name": "Else"})).await;
    again.problem(409, "already_registered");

    ada.send("PATCH", "/users/me", json!({"handle": "ada_l", "bio": "numbers"})).await.ok();
    let profile = ada.see("/users/@ada_l").await;
    assert_eq!((&profile["id"], &profile["bio"]), (&json!(ada.id), &json!("numbers")));
    ada.look("/users/@ada").await.problem(404, "not_found");
    // The old handle is free again.
    thief.post("/users", json!({"handle": "ada", "display_name": "A"})).await.ok();
    assert_eq!(ada.see("/users/@ada").await["id"], json!(thief.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn following_counts_both_ways() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    bob.follows(&ada).await;
    bob.follows(&ada).await;
    eve.follows(&ada).await;
    ada.follows(&bob).await;
    let profile = bob.see(&format!("/users/{}", ada.id)).await;
    assert_eq!((&profile["follower_count"], &profile["following_count"]), (&json!(2), &json!(1)));
    assert_eq!((&profile["followed_by_viewer"], &profile["follows_viewer"]), (&json!(true), &json!(true)));
    let followers = eve.all(&format!("/users/{}/followers", ada.id), "handle").await;
    assert_eq!(followers, ["eve", "bob"], "newest first");
    assert_eq!(eve.all(&format!("/users/{}/following", bob.id), "handle").await, ["ada"]);
    // Whom those I follow follow.
    assert_eq!(eve.all("/discover", "handle").await, ["bob"]);
    bob.delete(&format!("/users/{}/follow", ada.id)).await.ok();
    assert_eq!(eve.see(&format!("/users/{}", ada.id)).await["follower_count"], 1);
    let fields = ada.put(&format!("/users/{}/follow", ada.id)).await.problem(422, "yourself");
    assert_eq!(fields, ["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_parts_two_people_everywhere() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    ada.follows(&bob).await;
    bob.follows(&ada).await;
    let by_bob = bob.publishes("wombat of bob").await;
    let by_ada = ada.publishes("wombat of ada").await;
    bob.comments(by_ada, "nice", None).await;
    let direct = ada.post("/conversations", json!({"kind": "direct", "members": [bob.id]})).await.id();
    bob.says(direct, "hello").await;

    ada.blocks(&bob).await;
    assert_eq!(ada.all("/users/me/blocks", "handle").await, ["bob"]);
    for (user, other, post) in [(&ada, &bob, by_bob), (&bob, &ada, by_ada)] {
        assert_eq!(user.look(&format!("/posts/{post}")).await.status, 404);
        assert_eq!(user.look(&format!("/users/{}", other.id)).await.status, 404);
        assert_eq!(user.items("/search?q=wombat").await.len(), 1);
        let own = user.all("/timeline", "id").await;
        assert!(!own.contains(&post.to_string()));
        user.put(&format!("/users/{}/follow", other.id)).await.problem(404, "not_found");
        user.put(&format!("/posts/{post}/like")).await.problem(404, "not_found");
        let body = json!({"text": "let me"});
        user.post(&format!("/conversations/{direct}/messages"), body).await.problem(403, "blocked");
    }
    assert!(ada.items(&format!("/posts/{by_ada}/comments")).await.is_empty(), "what a blocked one wrote");
    assert_eq!(eve.items(&format!("/posts/{by_ada}/comments")).await.len(), 1, "others still see it");
    assert_eq!(eve.see(&format!("/users/{}", ada.id)).await["follower_count"], 0, "blocking unfollows");

    ada.delete(&format!("/users/{}/block", bob.id)).await.ok();
    assert_eq!(bob.look(&format!("/posts/{by_ada}")).await.status, 200);
    bob.says(direct, "friends again?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_suggestion_does_not_come_back_until_it_is_restored() {
    let world = World::start().await;
    let [ada, bob, eve, joe] = world.someones(["ada", "bob", "eve", "joe"]).await;
    ada.follows(&bob).await;
    bob.follows(&eve).await;
    bob.follows(&joe).await;
    ada.follows(&joe).await;
    joe.follows(&eve).await;
    assert_eq!(ada.all("/discover", "handle").await, ["eve"]);
    let path = format!("/users/{}/dismiss", eve.id);
    ada.put(&path).await.ok();
    ada.put(&path).await.ok();
    assert!(ada.all("/discover", "handle").await.is_empty());
    assert!(!eve.all("/discover", "handle").await.is_empty(), "it is one person's wish");
    assert_eq!(ada.look(&format!("/users/{}", eve.id)).await.status, 200, "dismissing is not blocking");
    ada.delete(&path).await.ok();
    ada.delete(&path).await.ok();
    assert_eq!(ada.all("/discover", "handle").await, ["eve"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_not_shown_and_can_come_back() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    bob.follows(&ada).await;
    let post = ada.publishes("before I go").await;
    ada.delete("/users/me").await.ok();
    assert!(bob.items("/timeline").await.is_empty());
    assert!(!bob.look(&format!("/posts/{post}")).await.status.is_success());
    assert!(!bob.look(&format!("/users/{}", ada.id)).await.status.is_success());
    ada.post("/posts", json!({"text": "ghost"})).await.problem(403, "account_deactivated");
    let squatter = world.stranger(Role::User);
    let body = json!({"handle": "ada", "display_name": "Not Ada"});
    squatter.post("/users", body).await.problem(409, "handle_taken");
    ada.post("/users", json!({"handle": "ada", "display_name": "Ada again"})).await.ok();
    assert_eq!(bob.all("/timeline", "id").await, [post.to_string()]);
}
