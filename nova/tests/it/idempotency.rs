//! The same command again, however often.

use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_with_one_key_are_one_event_and_one_answer() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let head = world.head().await;
    let key = Uuid::now_v7().to_string();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (ada, key) = (ada.clone(), key.clone());
        asking.spawn(async move {
            let ask = ada.ask("POST", "/posts").header("idempotency-key", &key);
            let answer = ask.json(&json!({"text": "once"})).send().await;
            (answer.status.as_u16(), answer.body)
        });
    }
    let answers = asking.join_all().await;
    let first = &answers[0];
    assert_eq!(first.0, 201, "{}", first.1);
    for answer in &answers {
        assert_eq!(answer, first);
    }
    assert_eq!(world.head().await, head + 1);
    assert_eq!(ada.items("/timeline").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_user_and_its_command_and_lasts_over_a_restart() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let key = Uuid::now_v7().to_string();
    let publish = async |user: &crate::client::User| {
        user.ask("POST", "/posts").header("idempotency-key", &key).json(&json!({"text": "mine"})).send().await
    };
    let by_ada = publish(&ada).await.ok();
    let by_bob = publish(&bob).await.ok();
    assert_ne!(by_ada["id"], by_bob["id"]);
    let other = ada.ask("PUT", &format!("/posts/{}/like", by_bob["id"].as_str().unwrap()));
    other.header("idempotency-key", &key).send().await.problem(422, "idempotency_key_reused");

    let data = world.stop().await;
    let world = World::in_folder(data, |_| {}).await;
    let head = world.head().await;
    let ada = world.api.as_user(ada.id, ada.token);
    assert_eq!(publish(&ada).await.ok(), by_ada);
    assert_eq!(world.head().await, head);
    assert_eq!(ada.items("/timeline").await.len(), 1, "the views go on where they were");
}

/// Every command twice with one key: the same request answers as the first time, another target or body is refused and
/// leaves no trace.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_target_or_body_is_refused() {
    let world = World::start().await;
    let [ada, bob, cat] = world.someones(["ada", "bob", "cat"]).await;
    let post = ada.publishes("first").await;
    let other_post = ada.publishes("other").await;
    let comment = ada.comments(post, "first", None).await;
    let group = ada.starts_group("one", &[]).await;
    let other_group = ada.starts_group("two", &[]).await;
    let said = ada.says(group, "first").await;
    ada.says(group, "second").await;
    ada.says(other_group, "first").await;
    let (b, c) = (bob.id, cat.id);
    let text = |text: &str| json!({"text": text});
    let chats = |id| format!("/conversations/{id}/messages");
    let members = |user| format!("/conversations/{group}/members/{user}");
    let wanted = |length: u64| json!({"content_type": "image/png", "content_length": length, "sha256": "ab".repeat(32)});
    let start = |title: &str| json!({"kind": "group", "title": title, "members": [b]});
    // Method, path and body, then what differs.
    let cases = [
        ("POST", "/posts".to_owned(), text("a"), "/posts".to_owned(), text("b")),
        ("PATCH", format!("/posts/{post}"), text("a"), format!("/posts/{post}"), text("b")),
        ("PATCH", format!("/posts/{post}"), text("c"), format!("/posts/{other_post}"), text("c")),
        (
            "POST",
            format!("/posts/{post}/comments"),
            text("a"),
            format!("/posts/{other_post}/comments"),
            text("a"),
        ),
        ("POST", format!("/posts/{post}/comments"), text("a"), format!("/posts/{post}/comments"), text("b")),
        ("PATCH", format!("/comments/{comment}"), text("a"), format!("/comments/{comment}"), text("b")),
        ("PUT", format!("/posts/{post}/like"), json!(null), format!("/posts/{other_post}/like"), json!(null)),
        ("PUT", format!("/users/{b}/follow"), json!(null), format!("/users/{c}/follow"), json!(null)),
        ("PUT", format!("/users/{b}/dismiss"), json!(null), "/users/@cat/dismiss".to_owned(), json!(null)),
        ("PATCH", "/users/me".to_owned(), json!({"bio": "a"}), "/users/me".to_owned(), json!({"bio": "b"})),
        ("POST", "/conversations".to_owned(), start("a"), "/conversations".to_owned(), start("b")),
        ("PUT", members(b), json!({"role": "member"}), members(b), json!({"role": "admin"})),
        ("PUT", members(c), json!({"role": "member"}), members(b), json!({"role": "member"})),
        ("POST", chats(group), text("a"), chats(group), text("b")),
        ("POST", chats(group), text("a"), chats(other_group), text("a")),
        (
            "PATCH",
            format!("{}/{said}", chats(group)),
            text("a"),
            format!("{}/{said}", chats(group)),
            text("b"),
        ),
        (
            "PUT",
            format!("/conversations/{group}/read"),
            json!({"seq": 0}),
            format!("/conversations/{group}/read"),
            json!({"seq": 1}),
        ),
        (
            "PUT",
            format!("/conversations/{group}/delivered"),
            json!({"seq": 0, "device_id": "a"}),
            format!("/conversations/{group}/delivered"),
            json!({"seq": 0, "device_id": "b"}),
        ),
        ("POST", "/uploads".to_owned(), wanted(5), "/uploads".to_owned(), wanted(6)),
        (
            "DELETE",
            format!("/comments/{comment}"),
            json!({"reason": "a"}),
            format!("/comments/{comment}"),
            json!({"reason": "b"}),
        ),
        ("DELETE", format!("/posts/{post}"), json!(null), format!("/posts/{other_post}"), json!(null)),
    ];
    for (method, path, body, other_path, other_body) in cases {
        let key = Uuid::now_v7().to_string();
        let ask = async |path: &str, body: &serde_json::Value| {
            let ask = ada.ask(method, path).header("idempotency-key", &key);
            if body.is_null() { ask.send().await } else { ask.json(body).send().await }
        };
        let first = ask(&path, &body).await;
        assert!(first.status.is_success(), "{method} {path} {body}: {}", first.body);
        let head = world.head().await;
        let other = ask(&other_path, &other_body).await;
        assert_eq!(
            (other.status.as_u16(), other.body["code"].as_str()),
            (422, Some("idempotency_key_reused")),
            "{method} {other_path} {other_body}: {}",
            other.body
        );
        let again = ask(&path, &body).await;
        assert_eq!((again.status, &again.body["id"]), (first.status, &first.body["id"]), "{method} {path}");
        assert_eq!(again.body["position"], first.body["position"]);
        assert_eq!(world.head().await, head, "{method} {path}: neither wrote anything");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_a_batch_is_compared_with_its_first_request() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let key = Uuid::now_v7().to_string();
    let publish = async |texts: &[&str]| {
        let posts: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
        let ask = ada.ask("POST", "/posts/batch-create").header("idempotency-key", &key);
        ask.json(&json!({"posts": posts})).send().await.ok()["results"].clone()
    };
    let first = publish(&["one", "two"]).await;
    assert_eq!(publish(&["one", "two"]).await, first);
    let head = world.head().await;
    let changed = publish(&["one", "another two"]).await;
    assert_eq!(changed[0], first[0]);
    assert_eq!(
        (&changed[1]["status"], &changed[1]["problem"]["code"]),
        (&json!(422), &json!("idempotency_key_reused"))
    );
    assert_eq!(world.head().await, head);
}

/// A request that changes nothing leaves no event that its key could be found by.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_changed_nothing_does_not_use_up_its_key() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    ada.follows(&bob).await;
    let key = Uuid::now_v7().to_string();
    let ask = |method: &str, path: &str| ada.ask(method, path).header("idempotency-key", &key);
    ask("PUT", &format!("/users/{}/follow", bob.id)).send().await.ok();
    ask("DELETE", &format!("/users/{}/follow", bob.id)).send().await.ok();
    ask("PUT", &format!("/users/{}/follow", bob.id)).send().await.problem(422, "idempotency_key_reused");
}
