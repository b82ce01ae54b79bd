//! An event that nobody can read: it stops its stream and nothing else, and an operator sees it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nova_distributed::log::{PostgresLog, PostgresLogOptions};
use nova_distributed::postgres::{PostgresOptions, connect};
use nova_eventlog::{Append, Direction, EventLog, Expected, Kind, NewEvent, Recorded, StreamId, Write};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::check::{all_is_well, caught_up};
use crate::cluster::Cluster;
use crate::faults;
use crate::load::Town;
use crate::process::Role;
use crate::servers::Servers;

const PATIENCE: Duration = Duration::from_secs(20);

/// The views that look at posts.
const PARKED_IN: [&str; 4] = ["clickhouse/posts", "deletions", "posts", "redis/posts"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_event_parks_its_stream() {
    let cluster = Arc::new(Cluster::found(Servers::given, &[]).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    let poisoned = town.publishes(0, "before the poison").await;
    let other = town.publishes(0, "another").await;
    caught_up(&cluster, PATIENCE).await;
    all_is_well(&town).await;

    let (poison, behind) = append_poison(&cluster, poisoned).await;
    caught_up(&cluster, PATIENCE).await;

    // Everything else goes on.
    let later = town.publishes(0, "after the poison").await;
    let token = &town.people[0].1;
    for post in [other, later] {
        let head = cluster.query(token, "/health/ready").await.ok()["head"].as_u64().unwrap();
        let card = cluster.query(token, &format!("/posts/{post}?after={head}")).await.ok();
        assert_eq!(card["id"], post.to_string());
    }
    // The stream stands where it stood: the deletion behind the poison has not been seen.
    let card = cluster.query(token, &format!("/posts/{poisoned}")).await.ok();
    assert_eq!(card["text"], "before the poison");

    let letters = letters(&cluster);
    let found = |position: u64| -> Vec<&str> {
        let here = letters.iter().filter(|letter| letter["position"] == position);
        let mut names: Vec<_> = here.map(|letter| letter["projection"].as_str().unwrap()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(found(poison), PARKED_IN, "{letters:?}");
    assert_eq!(found(behind), PARKED_IN, "{letters:?}");
    assert_eq!(letters.len(), 2 * PARKED_IN.len(), "{letters:?}");
    let stream = nova_events::streams::post(nova_events::PostId(poisoned));
    for letter in &letters {
        assert_eq!(letter["stream"], stream.as_str(), "{letter}");
        assert!(!letter["error"].as_str().unwrap().is_empty(), "{letter}");
        assert!(
            !letter.to_string().contains("no JSON at all"),
            "an error never quotes what it is about: {letter}"
        );
    }
    let shown = cluster.run(&["dead-letters", "show", &poison.to_string()]);
    assert_eq!(shown.matches("\"error\"").count(), PARKED_IN.len(), "{shown}");
    assert!(!cluster.try_run(&["dead-letters", "show", "1"]).status.success(), "nothing is parked at 1");

    for name in PARKED_IN {
        let output = cluster.try_run(&["dead-letters", "redrive", name]);
        let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{name}: {out}{told}");
        assert!(out.contains("2 events still parked"), "{name}: {out}");
        assert!(told.contains("dead-letters list"), "{name}: it says where to look: {told}");
    }
    let job = json!({"kind": "redrive", "projection": "clickhouse/posts", "reason": "is it still so?"});
    let job = cluster.job(&job).await;
    assert_eq!(
        (&job["state"], &job["outcome"]["numbers"]["events_still_parked"]),
        (&json!("done"), &json!(2))
    );
    let outbox = cluster.job(&json!({"kind": "redrive_outbox", "reason": "nothing is parked"})).await;
    assert_eq!(outbox["outcome"]["numbers"]["events"], 0, "{outbox}");
    let verified = cluster.job(&json!({"kind": "verify_log", "reason": "an event is no event"})).await;
    assert!(verified["outcome"]["summary"].as_str().unwrap().starts_with("the log is sound"), "{verified}");
    assert_eq!(self::letters(&cluster).len(), letters.len(), "redriving loses nothing");

    // A rebuild meets the poison again and stops at nothing else.
    cluster.run(&["projections", "rebuild", "posts"]);
    assert_eq!(self::letters(&cluster).len(), letters.len(), "a rebuilt view has them too");

    a_repaired_one_is_let_go(&cluster, &town, other).await;
}

/// An event that can be read, parked by hand as if the program that met it could not read it yet.
async fn a_repaired_one_is_let_go(cluster: &Cluster, town: &Town, post: Uuid) {
    let mut connection = faults::connect(cluster).await;
    let stream = nova_events::streams::post(nova_events::PostId(post));
    let parked = "INSERT INTO nova.view_dead_letters
        SELECT g.projection, g.live_number, e.position, e.stream, e.kind, 'not known to this version', e.recorded_at
          FROM nova.events e, nova.view_generations g
         WHERE g.projection = 'posts' AND e.stream = $1";
    let done = sqlx::query(parked).bind(stream.as_str()).execute(&mut connection).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    let before = letters(cluster).len();
    let out = cluster.run(&["dead-letters", "redrive", "posts", "--stream", stream.as_str()]);
    assert!(out.starts_with("1 events projected, 1 streams free again, 0 events still parked"), "{out}");
    assert_eq!(letters(cluster).len(), before - 1);
    let card = cluster.query(&town.people[0].1, &format!("/posts/{post}")).await.ok();
    assert_eq!(card["text"], "another");
}

/// An event that is no event, and a good one behind it; their positions.
async fn append_poison(cluster: &Cluster, post: Uuid) -> (u64, u64) {
    let options = PostgresOptions { url: cluster.postgres(), ..PostgresOptions::default() };
    let pool = connect(&options).await.unwrap();
    let log = PostgresLog::open(pool, PostgresLogOptions::default()).await.unwrap();
    let stream = nova_events::streams::post(nova_events::PostId(post));
    let published = last(&log, &stream).await;
    let author: Value = serde_json::from_slice(nova_events::codec::clear_part(&published.data)).unwrap();
    let deletion = json!({"author": author["author"], "deleted_by": author["author"], "post_id": post});
    let event = |kind: &str, data: Bytes| NewEvent {
        kind: Kind::new(kind).unwrap(),
        data,
        meta: published.meta.clone(),
    };
    let mut positions = Vec::new();
    for event in [
        event("PostEdited", Bytes::from_static(b"no JSON at all")),
        event("PostDeleted", deletion.to_string().into()),
    ] {
        let write = Write { stream: stream.clone(), expected: Expected::StreamExists, events: vec![event] };
        let append = Append { command_id: Uuid::new_v4(), writes: vec![write] };
        positions.push(log.append(append).await.unwrap().last_position);
    }
    log.close().await;
    (positions[0], positions[1])
}

async fn last(log: &PostgresLog, stream: &StreamId) -> Recorded {
    log.read_stream(stream, u64::MAX, Direction::Backwards, 1).await.unwrap().remove(0)
}

fn letters(cluster: &Cluster) -> Vec<Value> {
    cluster.run(&["dead-letters", "list"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
