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
