//! WebSocket and server-sent events.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use futures::SinkExt;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::client::User;
use crate::socket::{Socket, Told};
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn history_then_live_each_once_and_in_order() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("live", &[&bob]).await;
    let first = ada.says(group, "zero").await;
    ada.says(group, "one").await;

    let mut socket = Socket::of(&bob).await;
    let subscribed = socket.subscribe(group, -1).await;
    assert_eq!(subscribed["data"]["head_seq"], 1, "{subscribed}");
    let frame = socket.message().await;
    assert_eq!(
        (&frame["type"], &frame["seq"], &frame["data"]["text"]),
        (&json!("message.new"), &json!(0), &json!("zero"))
    );
    assert_eq!(socket.message().await["data"]["text"], "one");

    let path = format!("/conversations/{group}/messages");
    ada.send("PATCH", &format!("{path}/{first}"), json!({"text": "nil"})).await.ok();
    let frame = socket.message().await;
    assert_eq!((&frame["type"], &frame["seq"]), (&json!("message.edited"), &json!(2)));
    assert_eq!((&frame["data"]["id"], &frame["data"]["text"]), (&json!(first), &json!("nil")));
    ada.delete(&format!("{path}/{first}")).await.ok();
    let frame = socket.message().await;
    assert_eq!((&frame["type"], &frame["seq"]), (&json!("message.deleted"), &json!(3)));

    // Marks and typing of others arrive too.
    ada.send("PUT", &format!("/conversations/{group}/read"), json!({"seq": 1})).await.ok();
    assert_eq!(socket.until("message.read").await["data"]["user_id"], json!(ada.id));
    let mut other = Socket::of(&ada).await;
    other.subscribe(group, 3).await;
    other.op(json!({"op": "typing", "conversation_id": group})).await;
    assert_eq!(socket.until("typing").await["data"]["user_id"], json!(ada.id));
    socket.op(json!({"op": "read", "conversation_id": group, "seq": 3})).await;
    assert_eq!(other.until("message.read").await["data"]["user_id"], json!(bob.id));
    // Delivered marks are few, whatever comes, and the last one is told.
    for seq in 0..4 {
        socket
            .op(json!({"op": "delivered", "conversation_id": group, "seq": seq, "device_id": "phone"}))
            .await;
    }
    let mut told = vec![other.until("message.delivered").await];
    while told.last().is_none_or(|frame| frame["data"]["seq"] != 3) {
        told.push(other.until("message.delivered").await);
    }
    assert_eq!(told[0]["data"], json!({"user_id": bob.id, "seq": 0}));
    assert!(told.is_sorted_by_key(|frame| frame["data"]["seq"].as_u64()), "{told:?}");
    // What waits when a session ends is not lost.
    for seq in 0..2 {
        other.op(json!({"op": "delivered", "conversation_id": group, "seq": seq, "device_id": "pad"})).await;
    }
    drop(other);
    while socket.until("message.delivered").await["data"] != json!({"user_id": ada.id, "seq": 1}) {}
    bob.see("/conversations").await;
    socket.op(json!({"op": "ping"})).await;
    socket.until("pong").await;

    // What has been deleted is not told again.
    let mut late = Socket::of(&bob).await;
    late.subscribe(group, -1).await;
    let replayed = late.message().await;
    assert_eq!((&replayed["seq"], &replayed["data"]["text"]), (&json!(0), &json!(null)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_comes_and_goes_misses_nothing_and_gets_nothing_twice() {
    const MESSAGES: u64 = 400;
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("resume", &[&bob]).await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let ada = ada.clone();
            tokio::spawn(async move {
                for number in 0..MESSAGES / 4 {
                    ada.says(group, &format!("{writer}/{number}")).await;
                }
            })
        })
        .collect();
    let (mut seqs, mut last) = (Vec::new(), -1);
    while (seqs.len() as u64) < MESSAGES {
        let mut socket = Socket::of(&bob).await;
        socket.subscribe(group, last).await;
        // Breaks off after a while, in the middle of whatever is going on.
        for _ in 0..37.min(MESSAGES as usize - seqs.len()) {
            let seq = socket.message().await["seq"].as_u64().unwrap();
            last = i64::try_from(seq).unwrap();
            seqs.push(seq);
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(seqs, (0..MESSAGES).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_is_told_so_and_nothing_more() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    let group = ada.starts_group("removal", &[&bob]).await;
    let mut outside = Socket::of(&eve).await;
    outside.op(json!({"op": "subscribe", "conversation_id": group, "after_seq": -1})).await;
    assert_eq!(outside.until("error").await["data"]["code"], "not_found");

    let mut socket = Socket::of(&bob).await;
    socket.subscribe(group, -1).await;
    ada.says(group, "you see this").await;
    assert_eq!(socket.message().await["data"]["text"], "you see this");
    ada.put(&format!("/conversations/{group}/members/{}", eve.id)).await.ok();
    assert_eq!(socket.until("member.added").await["data"]["user_id"], json!(eve.id));
    ada.delete(&format!("/conversations/{group}/members/{}", bob.id)).await.ok();
    ada.says(group, "you do not see this").await;
    assert_eq!(socket.until("member.removed").await["data"]["user_id"], json!(bob.id));
    socket.op(json!({"op": "ping"})).await;
    match socket.next().await {
        Told::Frame(frame) => assert_eq!(frame["type"], "pong", "{frame}"),
        Told::Closed(frame) => panic!("{frame:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_reader_is_sent_away_and_resumes_where_it_was() {
    const MESSAGES: usize = 400;
    let world = World::with(|config| config.live.queue_bytes_max = 512 * 1024).await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("slow", &[&bob]).await;
    let mut slow = Socket::of(&bob).await;
    slow.subscribe(group, -1).await;
    let mut quick = Socket::of(&ada).await;
    quick.subscribe(group, -1).await;
    // More than the system's buffers hold for a socket that nobody reads from. Whoever keeps up is not held back.
    let text = "x".repeat(60_000);
    for expected in 0..MESSAGES {
        ada.says(group, &text).await;
        assert_eq!(quick.message().await["seq"], expected);
    }
    let mut last = -1;
    let code = loop {
        match slow.next().await {
            Told::Frame(frame) => {
                if let Some(seq) = frame["seq"].as_i64() {
                    assert_eq!(seq, last + 1, "no gap before the end");
                    last = seq;
                }
            }
            Told::Closed(frame) => break frame.map_or(0, |frame| u16::from(frame.code)),
        }
    };
    assert!(matches!(code, 4008 | 0), "{code}");
    assert!(last < MESSAGES as i64 - 1, "it was behind");
    let mut again = Socket::of(&bob).await;
    again.subscribe(group, last).await;
    for expected in last + 1..MESSAGES as i64 {
        assert_eq!(again.message().await["seq"], expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_and_tokens_that_are_not_what_they_must_be() {
    let world = World::with(|config| config.live.auth_timeout_ms = 300).await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("frames", &[&bob]).await;
    let mut socket = Socket::open(&world.api, None).await;
    assert_eq!(socket.closed().await, 4001, "no token in time");
    let mut socket = Socket::open(&world.api, None).await;
    socket.op(json!({"op": "auth", "token": "nonsense"})).await;
    assert_eq!(socket.closed().await, 4001);
    let mut socket = Socket::open(&world.api, None).await;
    socket.op(json!({"op": "auth", "token": ada.token})).await;
    socket.subscribe(group, -1).await;
    for text in ["", "hello", "{}", "[]", r#"{"op":"dance"}"#, r#"{"op":"subscribe","conversation_id":"x"}"#]
    {
        socket.0.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.until("error").await["data"]["code"], "malformed_frame", "{text}");
    }
    socket.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.until("error").await["data"]["code"], "malformed_frame");
    socket.op(json!({"op": "read", "conversation_id": group, "seq": 999})).await;
    assert_eq!(socket.until("error").await["data"]["code"], "validation_failed");
    socket.op(json!({"op": "subscribe", "conversation_id": Uuid::now_v7()})).await;
    assert_eq!(socket.until("error").await["data"]["code"], "not_found");
    socket.op(json!({"op": "subscribe", "conversation_id": group, "after_seq": 999})).await;
    assert_eq!(socket.until("resync_required").await["conversation_id"], json!(group));
    socket.0.send(Message::text("x".repeat(20_000))).await.unwrap();
    let closed = socket.closed().await;
    assert!(matches!(closed, 1009 | 0), "{closed}");

    let bad =
        world.api.ask("GET", "/ws").token("x").header("connection", "upgrade").header("upgrade", "websocket");
    let bad =
        bad.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    bad.send().await.problem(401, "malformed_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_when_to_come_back() {
    let world = World::with(|config| config.live.drain_ms = 200).await;
    let ada = world.someone("ada").await;
    let mut socket = Socket::of(&ada).await;
    socket.op(json!({"op": "ping"})).await;
    socket.until("pong").await;
    let stopping = tokio::spawn(world.stop());
    loop {
        if let Told::Closed(frame) = socket.next().await {
            let frame = frame.unwrap();
            assert_eq!(u16::from(frame.code), 1012);
            let hint: Value = serde_json::from_str(&frame.reason).unwrap();
            assert!(hint["retry_after_ms"].is_u64(), "{hint}");
            break;
        }
    }
    stopping.await.unwrap();
}

/// Reads server-sent events: the id and the frame of each.
struct Events {
    body: hyper::body::Incoming,
    text: String,
}

impl Events {
    async fn of(user: &User, query: &str, last_id: Option<&str>) -> Self {
        let uri = format!("http://{}/api/v1/stream{query}", user.api.address);
        let mut request =
            Request::builder().uri(uri).header("authorization", format!("Bearer {}", user.token));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let response = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    async fn next(&mut self) -> (Option<String>, Value) {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
                if let Some(data) = field("data: ") {
                    return (field("id: "), serde_json::from_str(&data).unwrap());
                }
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("an event in time");
            let data = frame.unwrap().unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn message(&mut self) -> (Option<String>, Value) {
        loop {
            let (id, frame) = self.next().await;
            if frame["type"] == "message.new" {
                return (id, frame);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_one_conversation_resumes_by_its_last_event_id() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("sse", &[&bob]).await;
    for text in ["zero", "one", "two"] {
        ada.says(group, text).await;
    }
    let query = format!("?conversation_id={group}&after_seq=-1");
    let mut events = Events::of(&bob, &query, None).await;
    assert_eq!(events.message().await.0.as_deref(), Some("0"));
    let (id, _) = events.message().await;
    drop(events);
    let mut events = Events::of(&bob, &query, id.as_deref()).await;
    assert_eq!(events.message().await.1["data"]["text"], "two");
    ada.says(group, "three").await;
    let (id, frame) = events.message().await;
    assert_eq!((id.as_deref(), &frame["data"]["text"]), (Some("3"), &json!("three")));
    let eve = world.someone("eve").await;
    eve.get(&format!("/stream{query}")).await.problem(404, "not_found");
    assert_eq!(bob.get("/stream?after_seq=3").await.problem(422, "validation_failed"), ["after_seq"]);
    let odd = bob.ask("GET", &format!("/stream{query}")).header("last-event-id", "x").send().await;
    assert_eq!(odd.problem(400, "invalid_header"), ["last-event-id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_everything_tells_of_all_conversations_and_of_new_posts() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    bob.follows(&ada).await;
    let (one, two) = (ada.starts_group("one", &[&bob]).await, ada.starts_group("two", &[&bob]).await);
    bob.see("/conversations").await;
    let mut events = Events::of(&bob, "", None).await;
    let mut subscribed = HashSet::new();
    while subscribed.len() < 2 {
        let (_, frame) = events.next().await;
        if frame["type"] == "subscribed" {
            subscribed.insert(frame["conversation_id"].as_str().unwrap().to_owned());
        }
    }
    ada.says(one, "here").await;
    ada.says(two, "there").await;
    let post = ada.publishes("a new post").await;
    let mut told = HashSet::new();
    while told.len() < 3 {
        let (_, frame) = events.next().await;
        match frame["type"].as_str() {
            Some("message.new") => told.insert(frame["data"]["text"].as_str().unwrap().to_owned()),
            Some("timeline.new") => told.insert(frame["data"]["post_id"].as_str().unwrap().to_owned()),
            _ => false,
        };
    }
    assert_eq!(told, HashSet::from(["here".to_owned(), "there".to_owned(), post.to_string()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_blocks_is_not_heard_of_any_more() {
    let world = World::with(|config| config.live.typing_interval_ms = 0).await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let body = json!({"kind": "direct", "members": [bob.id]});
    let direct = ada.send("POST", "/conversations", body).await.id();
    let mut hers = Socket::of(&ada).await;
    hers.subscribe(direct, -1).await;
    let mut his = Socket::of(&bob).await;
    his.subscribe(direct, -1).await;
    let typing = json!({"op": "typing", "conversation_id": direct});
    his.op(typing.clone()).await;
    assert_eq!(hers.until("typing").await["data"]["user_id"], json!(bob.id));

    ada.blocks(&bob).await;
    assert_eq!(hers.until("presence").await["data"]["offline"], json!([bob.id]));
    loop {
        let told = his.until("presence").await;
        if told["data"]["offline"] == json!([ada.id]) {
            break;
        }
    }
    his.op(typing.clone()).await;
    his.op(json!({"op": "ping"})).await;
    his.until("pong").await;
    hers.op(json!({"op": "ping"})).await;
    match hers.next().await {
        Told::Frame(frame) => assert_eq!(frame["type"], "pong", "{frame}"),
        Told::Closed(frame) => panic!("{frame:?}"),
    }
    // Whoever comes back meanwhile is alone.
    let mut again = Socket::of(&bob).await;
    again.subscribe(direct, -1).await;
    assert_eq!(again.until("presence").await["data"]["online"], json!([bob.id]));

    ada.delete(&format!("/users/{}/block", bob.id)).await.ok();
    assert_eq!(hers.until("presence").await["data"]["online"], json!([bob.id]));
    his.op(typing).await;
    hers.until("typing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_somebody_types_is_told_now_and_then() {
    let world = World::with(|config| config.live.typing_interval_ms = 3_600_000).await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let groups = [ada.starts_group("one", &[&bob]).await, ada.starts_group("two", &[&bob]).await];
    let (mut hers, mut his) = (Socket::of(&ada).await, Socket::of(&bob).await);
    for group in groups {
        hers.subscribe(group, -1).await;
        his.subscribe(group, -1).await;
    }
    for _ in 0..5 {
        for group in groups {
            his.op(json!({"op": "typing", "conversation_id": group})).await;
        }
    }
    his.op(json!({"op": "ping"})).await;
    his.until("pong").await;
    // What is said afterwards is told afterwards.
    let last = groups[0];
    ada.says(last, "done").await;
    let mut told = Vec::new();
    loop {
        match hers.next().await {
            Told::Frame(frame) if frame["type"] == "typing" => told.push(frame["conversation_id"].clone()),
            Told::Frame(frame) if frame["type"] == "message.new" => break,
            Told::Frame(_) => {}
            Told::Closed(frame) => panic!("{frame:?}"),
        }
    }
    assert_eq!(told, groups.map(|group| json!(group)), "once in each conversation");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_nobody_listens_counts_for_whoever_comes_back() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let group = ada.starts_group("comes back", &[&bob]).await;
    for round in 0..3_u64 {
        let mut socket = Socket::of(&bob).await;
        socket.subscribe(group, i64::try_from(round).unwrap() - 1).await;
        ada.says(group, &format!("round {round}")).await;
        assert_eq!(socket.message().await["seq"], round);
        drop(socket);
        // Until the server has noticed that nobody listens any more.
        tokio::time::sleep(Duration::from_millis(100)).await;
        ada.delete(&format!("/conversations/{group}/members/{}", bob.id)).await.ok();
        let mut outside = Socket::of(&bob).await;
        outside.op(json!({"op": "subscribe", "conversation_id": group, "after_seq": -1})).await;
        assert_eq!(outside.until("error").await["data"]["code"], "not_found");
        drop(outside);
        ada.put(&format!("/conversations/{group}/members/{}", bob.id)).await.ok();
    }
}
