//! Client events: what is refused, what is kept, and that a crash loses nothing of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nova_eventlog::Spool;
use nova_eventlog::spool::Place;
use nova_events::UserId;
use nova_events::client_events::ClientEventBatch;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Api, User};
use crate::process::{Process, nova, out};
use crate::world::World;

/// What a data folder keeps, oldest first.
async fn kept(data: &Path) -> Vec<ClientEventBatch> {
    let spool = Spool::open_read_only(data.join("client-events").join("kept")).unwrap();
    let (mut batches, mut after) = (Vec::new(), Place::default());
    loop {
        let entries = spool.read(after, 100).await.unwrap();
        let Some(last) = entries.last() else { return batches };
        after = last.place;
        batches.extend(
            entries.iter().map(|entry| serde_json::from_slice::<ClientEventBatch>(&entry.data).unwrap()),
        );
    }
}

fn minutes_ago(minutes: i64) -> String {
    (chrono::Utc::now() - chrono::TimeDelta::minutes(minutes)).to_rfc3339()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_an_event_is_refused_and_the_field_is_named() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let (id, good) = (Uuid::now_v7(), json!({"kind": "view"}));
    let with = |key: &str, value: Value| json!({"kind": "view", key: value});
    let property = |name: &str, value: Value| json!({"kind": "view", "properties": {name: value}});
    let many: serde_json::Map<String, Value> = (0..17).map(|n| (format!("p{n}"), json!(n))).collect();
    let refused = [
        (json!({}), "events[1].kind"),
        (json!({"kind": "stare"}), "events[1].kind"),
        (json!({"kind": 7}), "events[1].kind"),
        (with("colour", json!("red")), "events[1].colour"),
        (with("id", json!("x")), "events[1].id"),
        (with("id", json!(Uuid::nil())), "events[1].id"),
        (with("session_id", json!(Uuid::nil())), "events[1].session_id"),
        (with("subject", json!({"type": "planet", "id": id})), "events[1].subject.type"),
        (with("subject", json!({"type": "post"})), "events[1].subject.id"),
        (with("subject", json!({"type": "post", "id": Uuid::nil()})), "events[1].subject.id"),
        (with("subject", json!({"type": "post", "id": id, "name": "x"})), "events[1].subject.name"),
        (with("at", json!("yesterday")), "events[1].at"),
        (with("at", json!(minutes_ago(-6))), "events[1].at"),
        (with("at", json!(minutes_ago(7 * 24 * 60 + 1))), "events[1].at"),
        (with("properties", json!(many)), "events[1].properties"),
        (with("properties", json!([])), "events[1].properties"),
        (property("Name", json!(1)), "events[1].properties"),
        (property("", json!(1)), "events[1].properties"),
        (property(&"n".repeat(33), json!(1)), "events[1].properties"),
        (property("word", json!("Ada Lovelace")), "events[1].properties.word"),
        (property("word", json!("ada@example.org")), "events[1].properties.word"),
        (property("word", json!("")), "events[1].properties.word"),
        (property("word", json!("w".repeat(65))), "events[1].properties.word"),
        (property("word", json!(null)), "events[1].properties.word"),
        (property("word", json!({"deep": 1})), "events[1].properties.word"),
        (property("word", json!([1])), "events[1].properties.word"),
    ];
    for (event, field) in refused {
        let answer = ada.post("/events", json!({"events": [good, event]})).await;
        assert_eq!(answer.problem(422, "validation_failed"), [field], "{event}");
    }
    for (body, field) in [
        (json!({}), "events"),
        (json!({"events": []}), "events"),
        (json!({"events": vec![good.clone(); 101]}), "events"),
        (json!({"events": [], "user": id}), "user"),
    ] {
        assert_eq!(ada.post("/events", body).await.problem(422, "validation_failed"), [field]);
    }
    let both = json!({"events": [with("at", json!(minutes_ago(-6))), property("A", json!(1))]});
    let fields = ada.post("/events", both).await.problem(422, "validation_failed");
    assert_eq!(fields, ["events[0].at", "events[1].properties"], "all that is wrong is told at once");
    world
        .api
        .ask("POST", "/events")
        .json(&json!({"events": [good]}))
        .send()
        .await
        .problem(401, "missing_token");
    assert_eq!(kept(world.data.path()).await, [], "what is refused leaves no trace");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_is_kept_in_order_and_is_no_event_of_the_log() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let (head, post, session) = (world.head().await, Uuid::now_v7(), Uuid::new_v4());
    let full = json!({"id": Uuid::now_v7(), "kind": "dwell", "subject": {"type": "post", "id": post},
        "at": minutes_ago(3), "session_id": session,
        "properties": {"duration_ms": 1200, "share": 0.25, "autoplay": false, "surface": "home.top-1"}});
    let traced = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let ask = ada.ask("POST", "/events").header("traceparent", traced).json(&json!({"events": [full]}));
    let answer = ask.send().await;
    assert_eq!(answer.status, 202);
    let correlation = answer.headers["x-correlation-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.body, json!({"accepted": 1, "queued": false}));
    let hundred = json!({"events": vec![json!({"kind": "impression"}); 100]});
    assert_eq!(bob.post("/events", hundred).await.ok()["accepted"], 100);
    // The same key is the same events.
    let key = Uuid::now_v7().to_string();
    for _ in 0..2 {
        let ask = ada.ask("POST", "/events").header("idempotency-key", &key);
        ask.json(&json!({"events": [{"kind": "open"}, {"kind": "close"}]})).send().await.ok();
    }
    assert_eq!(world.head().await, head);
    let data = world.stop().await;
    let batches = kept(data.path()).await;
    let users: Vec<_> = batches.iter().map(|batch| batch.user).collect();
    assert_eq!(users, [ada.id, bob.id, ada.id, ada.id]);
    let row = serde_json::to_value(batches[0].rows().next().unwrap()).unwrap();
    for (key, value) in full.as_object().unwrap().iter().filter(|(key, _)| *key != "at") {
        assert_eq!(&row[key], value, "{key}");
    }
    assert_eq!(batches[0].correlation_id.to_string(), correlation);
    assert_eq!(batches[0].traceparent.as_deref(), Some(traced));
    let ids = |batch: &ClientEventBatch| batch.events.iter().map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(ids(&batches[1]).into_iter().collect::<BTreeSet<_>>().len(), 100, "each has an id");
    assert_eq!(ids(&batches[2]), ids(&batches[3]));
    assert_ne!(ids(&batches[2])[0], ids(&batches[2])[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_go_when_there_are_too_many() {
    let world = World::with(|config| config.client_events.kept_bytes_max = 100_000).await;
    let ada = world.someone("ada").await;
    let mut last = Uuid::nil();
    for _ in 0..40 {
        last = Uuid::now_v7();
        let mut events = vec![json!({"kind": "impression"}); 50];
        events.push(json!({"kind": "view", "id": last}));
        assert_eq!(ada.post("/events", json!({"events": events})).await.ok()["queued"], false);
    }
    let batches = kept(world.stop().await.path()).await;
    assert!(batches.len() > 3 && batches.len() < 40, "{}", batches.len());
    assert_eq!(batches.last().unwrap().events.last().unwrap().id, last);
}

/// Sends events until the server is gone; the ids that were accepted.
fn busy(user: &User, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Vec<Uuid>> {
    let (user, stop) = (user.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut accepted = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let ids = [Uuid::now_v7(), Uuid::now_v7()];
            let events = ids.map(|id| json!({"id": id, "kind": "impression"}));
            let Some(answer) = user.ask("POST", "/events").json(&json!({"events": events})).try_send().await
            else {
                break;
            };
            if answer.status == 202 {
                accepted.extend(ids);
            }
        }
        accepted
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kill_9_loses_nothing_that_was_accepted() {
    let data = tempfile::tempdir().unwrap();
    let user = UserId::make();
    let token = out(&nova(data.path(), &["token", "--user", &user.to_string()])).trim().to_owned();
    let mut accepted = Vec::new();
    for _ in 0..3 {
        let mut server = Process::start(data.path(), &["serve"]);
        let user = Api::new(server.address).as_user(user, token.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..6).map(|_| busy(&user, &stop)).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.signal("KILL");
        tokio::task::block_in_place(|| server.wait());
        stop.store(true, Ordering::SeqCst);
        for client in clients {
            accepted.push(client.await.unwrap());
        }
        let kept: Vec<Uuid> =
            kept(data.path()).await.iter().flat_map(|batch| &batch.events).map(|event| event.id).collect();
        for ids in &accepted {
            let mut rest = kept.iter();
            for id in ids {
                assert!(rest.any(|kept| kept == id), "{id} is missing, or out of order");
            }
        }
    }
    let printed = out(&nova(data.path(), &["client-events"]));
    let rows: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let printed: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    for id in accepted.iter().flatten() {
        assert!(printed.contains(&*id.to_string()), "{id} is not printed");
    }
    assert_eq!(rows[0]["user_id"], user.to_string());
    let count: usize = accepted.iter().map(Vec::len).sum();
    assert!(count > 100, "only {count}: nothing was tested");
}
