//! Conversations, messages, read marks.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::User;
use crate::world::World;

async fn seqs(user: &User, path: &str) -> Vec<u64> {
    user.items(path).await.iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_have_one_direct_conversation() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let first = ada.post("/conversations", json!({"kind": "direct", "members": [bob.id]})).await.id();
    let second = bob.post("/conversations", json!({"kind": "direct", "members": [ada.id]})).await.id();
    assert_eq!(first, second);
    bob.says(first, "hi").await;
    for user in [&ada, &bob] {
        let all = user.items("/conversations").await;
        assert_eq!((all.len(), &all[0]["id"], &all[0]["kind"]), (1, &json!(first), &json!("direct")));
        assert_eq!(all[0]["last_message"]["text"], "hi");
        assert_eq!(all[0]["members"].as_array().unwrap().len(), 2);
    }
    ada.put(&format!("/conversations/{first}/members/{}", Uuid::now_v7()))
        .await
        .problem(409, "direct_conversation");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_by_their_seq_from_both_ends() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("planning", &[&bob]).await;
    for number in 0..30 {
        [&ada, &bob][number % 2].says(group, &format!("line {number}")).await;
    }
    let path = format!("/conversations/{group}/messages");
    assert_eq!(seqs(&ada, &path).await, (10..30).collect::<Vec<_>>(), "the newest, in ascending order");
    assert_eq!(seqs(&ada, &format!("{path}?after_seq=-1&limit=5")).await, [0, 1, 2, 3, 4]);
    assert_eq!(seqs(&ada, &format!("{path}?after_seq=27")).await, [28, 29]);
    assert_eq!(seqs(&ada, &format!("{path}?before_seq=3")).await, [0, 1, 2]);
    assert_eq!(seqs(&ada, &format!("{path}?before_seq=20&limit=2")).await, [18, 19]);
    let both = ada.get(&format!("{path}?before_seq=3&after_seq=1")).await.problem(422, "validation_failed");
    assert_eq!(both, ["before_seq"]);
    let found = ada.items(&format!("/conversations/{group}/search?q=LINE%2017")).await;
    assert_eq!((found.len(), &found[0]["seq"]), (1, &json!(17)));
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_is_what_others_said_since_the_mark() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("marks", &[&bob]).await;
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        said.push(ada.says(group, text).await);
    }
    bob.says(group, "mine").await;
    let path = format!("/conversations/{group}");
    let unread = async |user: &User| {
        let conversation = user.see(&path).await;
        (conversation["unread_count"].as_u64().unwrap(), conversation["last_read_seq"].clone())
    };
    assert_eq!(unread(&bob).await, (3, Value::Null));
    bob.send("PUT", &format!("{path}/read"), json!({"seq": 1})).await.ok();
    assert_eq!(unread(&bob).await, (1, json!(1)));
    // Marks only move forward.
    bob.send("PUT", &format!("{path}/read"), json!({"seq": 0})).await.ok();
    assert_eq!(unread(&bob).await, (1, json!(1)));
    ada.delete(&format!("{path}/messages/{}", said[2])).await.ok();
    assert_eq!(unread(&bob).await, (0, json!(1)), "what was taken back need not be read");
    let far = bob.send("PUT", &format!("{path}/read"), json!({"seq": 99})).await;
    assert_eq!(far.problem(422, "validation_failed"), ["seq"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_edited_and_taken_back_by_its_sender() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    let group = ada.starts_group("edits", &[&bob]).await;
    let message = bob.says(group, "teh plan").await;
    let path = format!("/conversations/{group}/messages/{message}");
    bob.send("PATCH", &path, json!({"text": "the plan"})).await.ok();
    ada.send("PATCH", &path, json!({"text": "my plan"})).await.problem(403, "not_yours");
    eve.send("PATCH", &path, json!({"text": "x"})).await.problem(404, "not_found");
    let list = ada.items(&format!("/conversations/{group}/messages")).await;
    assert_eq!((list.len(), &list[0]["text"], &list[0]["seq"]), (1, &json!("the plan"), &json!(0)));
    assert!(list[0]["edited_at"].is_string());

    let other = ada.starts_group("elsewhere", &[&bob]).await;
    let wrong =
        bob.send("PATCH", &format!("/conversations/{other}/messages/{message}"), json!({"text": "x"})).await;
    wrong.problem(404, "not_found");

    // An admin of the group may take it down; what it said is gone, its place stays.
    ada.delete(&path).await.ok();
    bob.send("PATCH", &path, json!({"text": "too late"})).await.problem(410, "gone");
    let list = bob.items(&format!("/conversations/{group}/messages")).await;
    assert_eq!((&list[0]["deleted"], &list[0]["text"]), (&json!(true), &json!(null)));
    assert!(bob.items(&format!("/conversations/{group}/search?q=plan")).await.is_empty());
    let deletions = world.auditor().items("/audit/deletions?entity=message").await;
    assert_eq!(deletions[0]["deleted_by"], json!(ada.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_members_read_and_write_and_admins_decide_who_they_are() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    let group = ada.starts_group("closed", &[&bob]).await;
    ada.says(group, "secret").await;
    let path = format!("/conversations/{group}");
    for query in [path.clone(), format!("{path}/messages"), format!("{path}/search?q=secret")] {
        eve.look(&query).await.problem(404, "not_found");
    }
    eve.post(&format!("{path}/messages"), json!({"text": "hi"})).await.problem(404, "not_found");
    bob.put(&format!("{path}/members/{}", eve.id)).await.problem(403, "not_an_admin");
    ada.put(&format!("{path}/members/{}", eve.id)).await.ok();
    eve.says(group, "thanks").await;
    assert_eq!(eve.items(&format!("{path}/messages")).await.len(), 2);
    ada.delete(&format!("{path}/members/{}", eve.id)).await.ok();
    eve.post(&format!("{path}/messages"), json!({"text": "hi"})).await.problem(404, "not_found");
    eve.look(&format!("{path}/messages")).await.problem(404, "not_found");
    assert!(eve.items("/conversations").await.is_empty());

    // When the last admin leaves, whoever has been in it longest becomes one.
    ada.delete(&format!("{path}/members/{}", ada.id)).await.ok();
    assert_eq!(bob.see(&path).await["members"][0]["role"], "admin");
    bob.send("PATCH", &path, json!({"title": "reopened"})).await.ok();
    assert_eq!(bob.see(&path).await["title"], "reopened");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_encrypted_is_passed_on_as_it_came() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("sealed", &[&bob]).await;
    let path = format!("/conversations/{group}/messages");
    let body =
        json!({"encrypted_content": "q83vASNFZ4k=", "nonce": "AAAAAAAAAAAAAAAA", "client_message_id": "c-1"});
    let sealed = ada.post(&path, body).await.id();
    let answer = json!({"conversation_id": group, "text": "got it", "reply_to": sealed});
    bob.post("/messages", answer).await.ok();
    let list = bob.items(&path).await;
    assert_eq!((&list[0]["message_type"], &list[0]["text"]), (&json!("encrypted"), &json!(null)));
    assert_eq!(
        (&list[0]["encrypted_content"], &list[0]["nonce"]),
        (&json!("q83vASNFZ4k="), &json!("AAAAAAAAAAAAAAAA"))
    );
    assert_eq!(list[1]["reply_to"], json!(sealed));
    for (body, field) in [
        (json!({"encrypted_content": "x"}), "nonce"),
        (json!({"nonce": "x"}), "encrypted_content"),
        (json!({"text": "a", "encrypted_content": "b", "nonce": "c"}), "text"),
        (json!({}), "text"),
        (json!({"text": "a", "reply_to": Uuid::now_v7()}), "reply_to"),
        (json!({"text": "a", "message_type": "encrypted"}), "message_type"),
        (json!({"text": "a", "message_type": "image"}), "media_id"),
        (json!({"encrypted_content": "a", "nonce": "b", "media_id": Uuid::now_v7()}), "encrypted_content"),
    ] {
        assert_eq!(ada.post(&path, body.clone()).await.problem(422, "validation_failed"), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_admins_all_left_is_managed_by_the_first_who_is_there() {
    let world = World::start().await;
    let [ada, bob, cat, dan] = world.someones(["ada", "bob", "cat", "dan"]).await;
    let group = ada.starts_group("wardens", &[&bob]).await;
    let path = format!("/conversations/{group}");
    for user in [&cat, &dan] {
        ada.put(&format!("{path}/members/{}", user.id)).await.ok();
    }
    // The first member's account is closed, then the only admin's.
    bob.delete("/users/me").await.ok();
    ada.delete("/users/me").await.ok();
    let conversation = cat.see(&path).await;
    let role = |who: &User| {
        let members = conversation["members"].as_array().unwrap();
        members.iter().find(|member| member["user_id"] == json!(who.id)).unwrap()["role"].clone()
    };
    assert_eq!((role(&cat), role(&dan)), (json!("admin"), json!("member")));
    dan.send("PATCH", &path, json!({"title": "mine"})).await.problem(403, "not_an_admin");
    cat.send("PATCH", &path, json!({"title": "ours"})).await.ok();
    cat.delete(&format!("{path}/members/{}", bob.id)).await.ok();
    // The heir of the last admin is someone who is there.
    cat.put(&format!("{path}/members/{}", cat.id)).await.ok();
    cat.send("PUT", &format!("{path}/members/{}", cat.id), json!({"role": "admin"})).await.ok();
    cat.delete(&format!("{path}/members/{}", ada.id)).await.ok();
    cat.delete(&format!("{path}/members/{}", cat.id)).await.ok();
    dan.send("PATCH", &path, json!({"title": "mine after all"})).await.ok();
}
