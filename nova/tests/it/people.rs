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

#[tokio::test(flavor = "multi_thread")]
async fn paths_name_people_by_id_or_handle() {
    let world = World::start().await;
    let [ada, bob, cat] = world.someones(["ada", "bob", "cat"]).await;
    let group = ada.starts_group("all of us", &[]).await;
    let answer = ada.put("/users/@Bob/follow").await.ok();
    assert_eq!(answer["id"], json!(bob.id));
    assert_eq!(ada.put(&format!("/users/{}/follow", bob.id)).await.ok()["revision"], answer["revision"]);
    for (method, path) in [
        ("DELETE", "/users/@bob/follow"),
        ("PUT", "/users/@bob/block"),
        ("DELETE", "/users/@bob/block"),
        ("PUT", "/users/@bob/dismiss"),
        ("DELETE", "/users/@bob/dismiss"),
    ] {
        assert_eq!(ada.ask(method, path).send().await.ok()["id"], json!(bob.id), "{method} {path}");
    }
    ada.put(&format!("/conversations/{group}/members/@cat")).await.ok();
    assert_eq!(cat.items("/conversations").await.len(), 1);
    ada.delete(&format!("/conversations/{group}/members/@cat")).await.ok();
    // A handle that nobody has is as unknown as an id that nobody has.
    for (method, action) in [("PUT", "follow"), ("DELETE", "follow"), ("PUT", "block"), ("PUT", "dismiss")] {
        let named = ada.ask(method, &format!("/users/@nobody_here/{action}")).send().await;
        let id = uuid::Uuid::now_v7();
        let unknown = ada.ask(method, &format!("/users/{id}/{action}")).send().await;
        assert_eq!(named.body["detail"], unknown.body["detail"]);
        assert_eq!(named.problem(404, "not_found"), unknown.problem(404, "not_found"));
    }
    ada.put("/users/bob/follow").await.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_handles_and_names_that_deceive_are_refused() {
    let world = World::with(|config| config.limits.handles_reserved = vec!["admin".to_owned()]).await;
    let ada = world.someone("ada").await;
    let new = world.stranger(Role::User);
    for handle in ["admin", "_ad_min_"] {
        let register = new.post("/users", json!({"handle": handle, "display_name": "A"})).await;
        assert_eq!(register.problem(409, "handle_reserved"), ["handle"]);
        let change = ada.send("PATCH", "/users/me", json!({"handle": handle})).await;
        change.problem(409, "handle_reserved");
    }
    for name in ["\u{2060}", "\u{202e}nimda"] {
        let register = new.post("/users", json!({"handle": "new", "display_name": name})).await;
        assert_eq!(register.problem(422, "validation_failed"), ["display_name"]);
        let change = ada.send("PATCH", "/users/me", json!({"display_name": name})).await;
        change.problem(422, "validation_failed");
        let group = ada.post("/conversations", json!({"kind": "group", "title": name, "members": []})).await;
        assert_eq!(group.problem(422, "validation_failed"), ["title"]);
    }
    ada.post("/posts", json!({"text": "\u{200b}\u{feff}"})).await.problem(422, "validation_failed");
    // What a text is written in stays as it is.
    let post = ada.publishes("read \u{202e}this").await;
    assert_eq!(ada.see(&format!("/posts/{post}")).await["text"], "read \u{202e}this");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_keep_what_closed_accounts_did_and_lists_leave_them_out() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    let post = ada.publishes("hello").await;
    for fan in [&bob, &eve] {
        fan.follows(&ada).await;
        fan.likes(post).await;
        fan.comments(post, "hello", None).await;
    }
    bob.delete("/users/me").await.ok();
    let card = eve.see(&format!("/posts/{post}")).await;
    assert_eq!((&card["like_count"], &card["comment_count"]), (&json!(2), &json!(2)));
    assert_eq!(eve.see(&format!("/users/{}", ada.id)).await["follower_count"], 2);
    assert_eq!(eve.items(&format!("/posts/{post}/comments")).await.len(), 1);
    assert_eq!(eve.items(&format!("/users/{}/followers", ada.id)).await.len(), 1);
}
