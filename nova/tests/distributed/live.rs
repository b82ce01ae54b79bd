//! WebSockets on two query-apis that know of each other through Redis alone.

use nova_events::UserId;
use serde_json::{Value, json};

use crate::client::Api;
use crate::cluster::Cluster;
use crate::process::Role;
use crate::servers::Servers;
use crate::socket::Socket;

/// A value of a process's metrics; 0 when it is not there.
async fn metric(api: &Api, operator: &str, name: &str) -> f64 {
    let answer = api.ask("GET", "/metrics").token(operator).send().await;
    let text = answer.body.as_str().expect("metrics are a text").to_owned();
    let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_on_two_servers_are_together() {
    let cluster = Cluster::found(Servers::given, &[]).await;
    cluster.start(&[Role::CommandApi], 1).await;
    cluster.start(&[Role::QueryApi], 2).await;
    let apis = cluster.living(Role::QueryApi);
    let people = [(); 3].map(|()| UserId::make());
    let tokens = people.map(|user| cluster.token(user));
    for (n, token) in tokens.iter().enumerate() {
        let body = json!({"handle": format!("somebody_{n}"), "display_name": "Somebody"});
        cluster.submit(token, "POST", "/users", &body).await.ok();
    }
    let body = json!({"kind": "group", "title": "together", "members": people});
    let group = cluster.submit(&tokens[0], "POST", "/conversations", &body).await.id();
    let messages = format!("/conversations/{group}/messages");

    let mut first = Socket::open(&apis[0], Some(&tokens[0])).await;
    first.subscribe(group, -1).await;
    let mut second = Socket::open(&apis[1], Some(&tokens[1])).await;
    second.subscribe(group, -1).await;
    // Whoever came first hears of the other, who hears who is there already.
    loop {
        let told = first.until("presence").await;
        if told["data"]["online"].as_array().unwrap().contains(&json!(people[1])) {
            break;
        }
    }
    loop {
        let told = second.until("presence").await;
        if told["data"]["online"].as_array().unwrap().contains(&json!(people[0])) {
            break;
        }
    }
    second.op(json!({"op": "typing", "conversation_id": group})).await;
    assert_eq!(first.until("typing").await["data"]["user_id"], json!(people[1]));

    for n in 0..20_u64 {
        cluster.submit(&tokens[0], "POST", &messages, &json!({"text": format!("message {n}")})).await.ok();
        for socket in [&mut first, &mut second] {
            let frame = socket.message().await;
            assert_eq!((&frame["type"], &frame["seq"]), (&json!("message.new"), &json!(n)), "{frame}");
        }
    }
    let mut heard = 0.0;
    for api in &apis {
        heard += metric(api, cluster.operator(), "redis_pubsub_heard_total").await;
    }
    assert!(heard >= 20.0, "announcements were heard: {heard}");

    // Removed by what the log says, on whichever server they are; and nothing that comes after it is told to them.
    let path = format!("/conversations/{group}/members/{}", people[1]);
    cluster.submit(&tokens[0], "DELETE", &path, &Value::Null).await.ok();
    cluster.submit(&tokens[2], "POST", &messages, &json!({"text": "afterwards"})).await.ok();
    assert_eq!(second.until("member.removed").await["data"]["user_id"], json!(people[1]));
    assert_eq!(first.message().await["seq"], 20);
    second.op(json!({"op": "ping"})).await;
    loop {
        match second.next().await {
            crate::socket::Told::Frame(frame) if frame["type"] == "pong" => break,
            crate::socket::Told::Frame(frame) => assert!(frame["seq"].is_null(), "{frame}"),
            crate::socket::Told::Closed(frame) => panic!("{frame:?}"),
        }
    }
    drop(second);
    loop {
        let told = first.until("presence").await;
        if told["data"]["offline"].as_array().unwrap().contains(&json!(people[1])) {
            break;
        }
    }
}
