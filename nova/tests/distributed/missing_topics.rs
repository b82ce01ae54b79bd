//! A topic that was deleted is named, and comes back with `nova migrate`.

use std::time::{Duration, Instant};

use nova_events::UserId;
use serde_json::{Value, json};

use crate::check::caught_up;
use crate::cluster::Cluster;
use crate::gauges::values;
use crate::process::Role;
use crate::servers::Servers;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_topic_is_named_until_migrate_makes_it_again() {
    let cluster = Cluster::found(Servers::given, &[]).await;
    cluster.start(&Role::ALL, 1).await;
    let user = UserId::make();
    let token = cluster.token(user);
    let body = json!({"handle": "ada", "display_name": "Ada"});
    cluster.submit(&token, "POST", "/users", &body).await.ok();
    caught_up(&cluster, PATIENCE).await;

    let topic = format!("{}.post", cluster.name);
    crate::topics::delete(&cluster.servers.kafka, std::slice::from_ref(&topic)).await;
    let words = format!("topic {topic} is missing: run nova migrate");
    let post = cluster.submit(&token, "POST", "/posts", &json!({"text": "while it is missing"})).await.ok();
    for role in [Role::Relay, Role::Projectors] {
        let (api, number) = (cluster.living(role).remove(0), cluster.of(role)[0]);
        let began = Instant::now();
        loop {
            let health = api.ask("GET", "/health/dependencies").send().await.body;
            let kafka = health["dependencies"].as_array().unwrap().iter().find(|one| one["name"] == "kafka");
            let kafka = kafka.unwrap();
            let missing = values(&api, "kafka_topics_missing").await;
            let told = cluster.with(number, |process| process.told());
            let is_named = kafka["status"] == "down"
                && kafka["error_class"] == "missing_topic"
                && kafka["detail"] == Value::String(words.clone())
                && told.contains(&words)
                && missing.first().is_some_and(|(_, count)| *count >= 1.0);
            if is_named {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{role:?} does not name it: {kafka} {missing:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let lines = cluster.with(number, |process| process.told()).matches(&words).count();
        assert!(lines < 30, "{role:?} says so at a bounded rate, not {lines} times");
    }

    cluster.run(&["migrate"]);
    caught_up(&cluster, PATIENCE).await;
    let path = format!("/posts/{}", post["id"].as_str().unwrap());
    assert_eq!(cluster.query(&token, &path).await.ok()["text"], "while it is missing");
    let api = cluster.living(Role::Relay).remove(0);
    let began = Instant::now();
    while values(&api, "kafka_topics_missing").await.first().is_none_or(|(_, count)| *count != 0.0) {
        assert!(began.elapsed() < PATIENCE, "it is there again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
