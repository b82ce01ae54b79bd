//! A query-api that starts while ClickHouse and Redis are away: refused, or, when that is asked for, answering from elsewhere
//! and using them as soon as they are there. And what it tells operators meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_events::UserId;
use nova_testkit::fault_proxy::{FaultProxy, Faults};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::process::Role;
use crate::servers::Servers;

const PATIENCE: Duration = Duration::from_secs(30);

/// `host:port` of an address.
fn place(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

/// Whether a dependency is up, and its breaker.
fn dependency(body: &Value, name: &str) -> (String, String) {
    let all = body["dependencies"].as_array().unwrap();
    let found = all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {body}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("breaker"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_without_clickhouse_and_redis_and_uses_them_when_they_come() {
    let cluster = Arc::new(Cluster::found(Servers::given, &[]).await);
    let (clickhouse, redis) = (cluster.servers.clickhouse.clone(), cluster.servers.redis.clone());
    let to_clickhouse = FaultProxy::start(place(&clickhouse)).await.unwrap();
    let to_redis = FaultProxy::start(place(&redis)).await.unwrap();
    for (key, url, proxy) in
        [("CLICKHOUSE__URL", &clickhouse, &to_clickhouse), ("REDIS__URL", &redis, &to_redis)]
    {
        let through = url.replace(place(url), &proxy.address().to_string());
        cluster.set_for(Role::QueryApi, &format!("NOVA__{key}"), through);
        proxy.set(Faults::refuse());
    }
    let short = ["CLICKHOUSE", "REDIS"].map(|store| format!("NOVA__RESILIENCE__{store}_OPEN_MS"));
    for key in short {
        cluster.set_for(Role::QueryApi, &key, "500".to_owned());
    }
    cluster.start(&[Role::Relay, Role::Projectors, Role::CommandApi], 1).await;

    let refused = cluster.launch(Role::QueryApi, &[]);
    let began = Instant::now();
    while cluster.with(refused, |process| process.ended()).is_none() {
        assert!(began.elapsed() < PATIENCE, "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = cluster.with(refused, |process| process.told());
    assert!(told.contains(&to_clickhouse.address().to_string()), "{told}");
    assert!(told.contains("--allow-degraded-start"), "{told}");
    cluster.supervise();

    let (me, other) = (UserId::make(), UserId::make());
    let tokens = [me, other].map(|user| cluster.token(user));
    for (n, token) in tokens.iter().enumerate() {
        let body = json!({"handle": format!("somebody_{n}"), "display_name": "Somebody"});
        ask(&cluster, token, "POST", "/users", body).await;
    }
    ask(&cluster, &tokens[0], "PUT", &format!("/users/{other}/follow"), Value::Null).await;
    let posted = ask(&cluster, &tokens[1], "POST", "/posts", json!({"text": "hello"})).await;
    let position = posted["position"].as_u64().unwrap();

    let number = cluster.launch(Role::QueryApi, &["--allow-degraded-start"]);
    cluster.ready(number).await;
    let feed = cluster.query(&tokens[0], &format!("/feed?after={position}")).await;
    assert_eq!(feed.headers["nova-degraded"], "true");
    let feed = feed.ok();
    assert_eq!((&feed["degraded"], &feed["source"]), (&json!(true), &json!("postgres")), "{feed}");
    assert_eq!(feed["items"][0]["id"], posted["id"]);
    for path in ["/timeline", "/trending", "/discover"] {
        cluster.query(&tokens[0], path).await.ok();
    }
    let health = cluster.query(&tokens[0], "/health/dependencies").await.ok();
    assert_eq!(health["status"], "down");
    assert_eq!(dependency(&health, "clickhouse").0, "down");
    assert_eq!(dependency(&health, "redis").0, "down");
    assert_eq!(dependency(&health, "postgres"), ("up".to_owned(), "closed".to_owned()));
    assert!(!health.to_string().contains("127.0.0.1"), "nobody is told where servers are: {health}");
    assert_eq!(cluster.query(&tokens[0], "/health/ready").await.ok()["status"], "up");

    to_clickhouse.heal();
    to_redis.heal();
    let began = Instant::now();
    loop {
        let feed = cluster.query(&tokens[0], "/feed").await.ok();
        let health = cluster.query(&tokens[0], "/health/dependencies").await.ok();
        if feed["source"] == "clickhouse" && feed["degraded"] == false && health["status"] == "up" {
            assert_eq!(feed["items"][0]["id"], posted["id"]);
            break;
        }
        assert!(began.elapsed() < PATIENCE, "they are not used: {feed} {health}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What was ranked a moment ago will not do for whoever waits for more.
    let another = ask(&cluster, &tokens[1], "POST", "/posts", json!({"text": "hello again"})).await;
    let position = another["position"].as_u64().unwrap();
    let feed = cluster.query(&tokens[0], &format!("/feed?after={position}")).await.ok();
    assert_eq!(feed["items"][0]["id"], another["id"], "{feed}");
    let breakers = cluster.query(cluster.operator(), "/admin/breakers").await.ok();
    let all = breakers["items"].as_array().unwrap();
    let names: Vec<_> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["postgres", "postgres_fallback", "clickhouse", "redis"]);
    assert!(all.iter().all(|one| one["state"] == "closed"), "{breakers}");
    assert_eq!(all[2]["address"], to_clickhouse.address().to_string());
    assert_eq!(all[2]["failures_to_open"], 3);
    let refused = cluster.query(&tokens[0], "/admin/breakers").await;
    assert_eq!(refused.status.as_u16(), 403);
}

async fn ask(cluster: &Cluster, token: &str, method: &'static str, path: &str, body: Value) -> Value {
    let answer = cluster.ask(Role::CommandApi, PATIENCE, |api| {
        let ask = api.ask(method, path).token(token);
        if body.is_null() { ask } else { ask.json(&body) }
    });
    answer.await.unwrap_or_else(|| panic!("{path} is not answered")).ok()
}
