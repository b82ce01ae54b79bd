//! A database that goes back to what it held earlier.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nova_distributed::log::PostgresLog;
use nova_eventlog::{Append, EventLog, EventMark, Expected, Kind, NewEvent, Recorded, StreamId, Write};
use uuid::Uuid;

use crate::open_on;
use crate::postgres::Database;

/// Several looks.
const LONG: Duration = Duration::from_secs(4);

async fn append(log: &PostgresLog, command: u128) -> u64 {
    let event = NewEvent {
        kind: Kind::new("Tested").unwrap(),
        data: Bytes::from_static(b"data"),
        meta: Bytes::from_static(b"{}"),
    };
    let stream = StreamId::new(format!("post-{command}")).unwrap();
    let write = Write { stream, expected: Expected::Any, events: vec![event] };
    let append = Append { command_id: Uuid::from_u128(command << 16), writes: vec![write] };
    log.append(append).await.unwrap().last_position
}

/// Two logs of one database. One has appended ten events, and the other has read the head.
async fn ten_events(database: &Database) -> (Arc<PostgresLog>, Arc<PostgresLog>) {
    let (ours, theirs) = (open_on(database).await, open_on(database).await);
    for command in 1..=10 {
        append(&theirs, command).await;
    }
    ours.read_head().await.unwrap();
    (ours, theirs)
}

/// The log ends there, as if it had been restored.
async fn go_back_to(database: &Database, position: i64) {
    let sql = format!(
        "BEGIN; DELETE FROM nova.events WHERE position > {position}; UPDATE nova.head SET position = {position}; COMMIT"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&database.pool().await).await.unwrap();
}

async fn noticed(log: &PostgresLog) -> String {
    tokio::time::timeout(LONG, log.history_changes()).await.expect("nobody has noticed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_only_grows_is_the_same() {
    let database = Database::migrated("log").await;
    let (ours, theirs) = (open_on(&database).await, open_on(&database).await);
    let busy = async {
        for command in 1.. {
            append(if command % 2 == 0 { &ours } else { &theirs }, command).await;
        }
    };
    tokio::select! {
        changed = ours.history_changes() => panic!("{changed}"),
        changed = theirs.history_changes() => panic!("{changed}"),
        () = busy => {}
        () = tokio::time::sleep(LONG) => {}
    }
    assert!(ours.head() > 100, "{}", ours.head());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_is_lost_is_noticed_though_more_has_come() {
    let database = Database::migrated("log").await;
    let (ours, theirs) = (open_on(&database).await, open_on(&database).await);
    for command in 1..=10 {
        append(&ours, command).await;
    }
    go_back_to(&database, 8).await;
    for command in 11..=20 {
        append(&theirs, command).await;
    }
    // Events of the new history do not hide the earlier ones.
    assert_eq!(append(&ours, 21).await, 19);
    assert_eq!(noticed(&ours).await, "it has another event at position 9");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_ends_earlier_is_noticed_by_who_only_reads() {
    let database = Database::migrated("log").await;
    let (ours, _theirs) = ten_events(&database).await;
    go_back_to(&database, 8).await;
    assert_eq!(noticed(&ours).await, "it ends at position 8, and was at 10");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_commands_at_the_same_positions_are_another_history() {
    let database = Database::migrated("log").await;
    let (ours, theirs) = ten_events(&database).await;
    let (before, _) = ours.mark_at(10).await.unwrap();
    go_back_to(&database, 8).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    for command in 9..=10 {
        append(&theirs, command).await;
    }
    let (after, head) = ours.mark_at(10).await.unwrap();
    assert_eq!((after.unwrap().event_id, head), (before.unwrap().event_id, 10));
    // Its polls may have come by both of them.
    let noticed = noticed(&ours).await;
    assert!(noticed.starts_with("it has another event at position "), "{noticed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_name_the_event_where_they_end() {
    let database = Database::migrated("log").await;
    let log = open_on(&database).await;
    for command in 1..=10 {
        append(&log, command).await;
    }
    let filter = |categories: &[&str], kinds: &[&str]| nova_eventlog::Filter {
        categories: categories.iter().map(|one| (*one).to_owned()).collect(),
        kinds: kinds.iter().map(|one| (*one).to_owned()).collect(),
    };
    let all: Vec<Recorded> = log.read_all(0, &filter(&[], &[]), 100).await.unwrap().events;
    for filter in [filter(&[], &[]), filter(&["post"], &[]), filter(&["like"], &[]), filter(&[], &["Tested"])]
    {
        for limit in [1, 3, 100] {
            let page = log.read_all(2, &filter, limit).await.unwrap();
            let expected = all[page.position as usize - 1].mark();
            assert_eq!(page.mark, Some(expected), "{filter:?}, {limit}");
        }
    }
    let none: (Option<EventMark>, u64) = (None, 10);
    assert_eq!(log.mark_at(11).await.unwrap(), none);
    assert_eq!(log.mark_at(0).await.unwrap(), none);
}
