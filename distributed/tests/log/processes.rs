//! Several logs on one database, as several processes have them, and connections that are lost.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nova_distributed::log::{PostgresLog, PostgresLogOptions};
use nova_eventlog::{Append, EventFeed as _, EventLog, Expected, Filter, LogError, Recorded};
use nova_testkit::contract::event_log::{Ports, append, assert_dense, fresh, write};
use tokio::time::timeout;
use uuid::Uuid;

use crate::open_on;
use crate::postgres::Database;

const PATIENCE: Duration = Duration::from_secs(60);

/// Follows from the beginning until there are so many events.
fn tail(log: &Arc<PostgresLog>, count: usize) -> tokio::task::JoinHandle<Vec<Recorded>> {
    let mut feed = log.follow(0, Filter::all(), 500);
    tokio::spawn(async move {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(timeout(PATIENCE, feed.next()).await.unwrap().unwrap().unwrap().events);
        }
        events
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_write_one_log() {
    const PROCESSES: usize = 4;
    const WRITERS: usize = 6;
    const ROUNDS: usize = 40;
    let database = Database::migrated("log").await;
    let logs = futures::future::join_all((0..PROCESSES).map(|_| open_on(&database))).await;
    let count = PROCESSES * WRITERS * ROUNDS * 2;
    let tails: Vec<_> = logs.iter().map(|log| tail(log, count)).collect();
    // All of them contend for a few streams, and each also has its own.
    let contended: Vec<_> = (0..3).map(|_| fresh("busy")).collect();
    let writers = (0..PROCESSES * WRITERS).map(|n| {
        let (log, contended) = (logs[n % PROCESSES].clone(), contended[n % 3].clone());
        let other = logs[(n + 1) % PROCESSES].clone();
        tokio::spawn(async move {
            let own = fresh("own");
            let mut written = Vec::new();
            for round in 0..ROUNDS as u64 {
                loop {
                    let head = log.stream_head(&contended).await.unwrap();
                    let command = append(vec![
                        write(&own, Expected::at(round.checked_sub(1)), 1),
                        write(&contended, Expected::at(head), 1),
                    ]);
                    let id = command.command_id;
                    match log.append(command).await {
                        Ok(appended) => {
                            assert!(!appended.duplicate);
                            assert_eq!(appended.events[0], (own.clone(), round));
                            assert!(log.head() >= appended.last_position);
                            if round % 8 == 0 {
                                // Whether or not the other process has heard of it.
                                assert!(other.read_head().await.unwrap() >= appended.last_position);
                            }
                            written.push((appended.first_position, id));
                            break;
                        }
                        Err(LogError::Conflict { stream, actual, .. }) => {
                            assert_eq!(stream, contended);
                            assert!(actual > head, "a conflict with what was read");
                            // What it conflicted with can be read.
                            assert!(log.stream_head(&contended).await.unwrap() >= actual);
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            assert!(written.is_sorted(), "later appends have later positions");
            written
        })
    });
    let written: Vec<_> =
        futures::future::join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    let whole = Ports::of(logs[0].clone()).read_from(0).await;
    assert_eq!(whole.len(), count);
    assert_dense(&whole, 0);
    assert!(whole.windows(2).all(|pair| pair[0].recorded_at_ms <= pair[1].recorded_at_ms));
    let at: HashMap<Uuid, u64> = whole.iter().map(|event| (event.id, event.position)).collect();
    assert_eq!(at.len(), count);
    assert!(written.iter().all(|(position, id)| at[id] == *position));
    for tail in tails {
        assert_eq!(tail.await.unwrap(), whole);
    }
    for log in &logs {
        assert_eq!(log.head(), count as u64);
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_heard_of_at_once_and_also_without_notifications() {
    let database = Database::migrated("log").await;
    let (writer, hearing) = (open_on(&database).await, open_on(&database).await);
    let mute = PostgresLogOptions { notify_interval_ms: 3_600_000, ..PostgresLogOptions::default() };
    let mute = PostgresLog::open(database.pool().await, mute).await.unwrap();
    let mut head = hearing.wakeup();
    for (log, round) in [(&writer, 0..20), (&mute, 20..24)] {
        for n in round {
            let position = log.append(append(vec![write(&fresh("post"), Expected::Any, 1)])).await.unwrap();
            let position = position.last_position;
            assert_eq!(position, n + 1);
            timeout(PATIENCE, head.wait_for(|head| *head >= position)).await.unwrap().unwrap();
        }
    }
}

/// Ends the connections of everybody but the one who asks, over and over.
async fn cut_connections(database: &Database, times: u32) {
    for _ in 0..times {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '";
        database.administer(&format!("{sql}{}'", database.name)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lost_connections_lose_and_repeat_nothing() {
    let database = Database::migrated("log").await;
    let logs = [open_on(&database).await, open_on(&database).await];
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let (log, stopped) = (logs[n % 2].clone(), stopped.clone());
            tokio::spawn(async move {
                let (stream, mut written) = (fresh("post"), 0u64);
                let mut acknowledged = Vec::new();
                while !*stopped.borrow() {
                    let at = written.checked_sub(1);
                    let command = append(vec![write(&stream, Expected::at(at), 3)]);
                    let id = command.command_id;
                    // One connection after the other is lost: the log tries again by itself.
                    let appended = log.append(command).await.unwrap();
                    assert_eq!(appended.events.last(), Some(&(stream.clone(), written + 2)));
                    acknowledged.push((id, appended.first_position));
                    written += 3;
                }
                acknowledged
            })
        })
        .collect();
    cut_connections(&database, 15).await;
    stop.send_replace(true);
    let mut acknowledged = HashMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let whole = Ports::of(logs[0].clone()).read_from(0).await;
    assert_dense(&whole, 0);
    assert_eq!(whole.len(), acknowledged.len() * 3, "each is there once, and nothing else");
    for event in whole.iter().filter(|event| event.ordinal == 0) {
        assert_eq!(acknowledged.get(&event.id), Some(&event.position));
    }
}

/// Nobody waits here for a server that is away: what was sent when the connection broke may be there or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_not_acknowledged_is_there_whole_or_not_at_all() {
    let database = Database::migrated("log").await;
    let impatient = PostgresLogOptions { append_retry_ms_max: 0, ..PostgresLogOptions::default() };
    let log = PostgresLog::open(database.pool().await, impatient).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let (log, stopped) = (log.clone(), stopped.clone());
            tokio::spawn(async move {
                let (mut acknowledged, mut unknown) = (Vec::new(), Vec::<Append>::new());
                while !*stopped.borrow() {
                    let command = append(vec![
                        write(&fresh("a"), Expected::NoStream, 2),
                        write(&fresh("b"), Expected::NoStream, 2),
                    ]);
                    match log.append(command.clone()).await {
                        Ok(_) => acknowledged.push(command.command_id),
                        Err(LogError::Unavailable(_)) => unknown.push(command),
                        Err(error) => panic!("{error}"),
                    }
                }
                (acknowledged, unknown)
            })
        })
        .collect();
    cut_connections(&database, 15).await;
    stop.send_replace(true);
    let (mut acknowledged, mut unknown) = (HashSet::new(), Vec::new());
    for writer in writers {
        let (yes, perhaps) = writer.await.unwrap();
        acknowledged.extend(yes);
        unknown.extend(perhaps);
    }
    assert!(!unknown.is_empty() && acknowledged.len() > 100);
    // A batch that was given up may still be on its way: an append comes behind it.
    log.append(append(vec![write(&fresh("last"), Expected::Any, 1)])).await.unwrap();
    let whole = Ports::of(log.clone()).read_from(0).await;
    assert_dense(&whole, 0);
    let mut commands = HashMap::<Uuid, usize>::new();
    whole.iter().for_each(|event| *commands.entry(event.command_id()).or_default() += 1);
    assert!(acknowledged.iter().all(|id| commands[id] == 4), "acknowledged and not there");
    for command in unknown {
        let there = commands.get(&command.command_id).copied();
        assert!(matches!(there, None | Some(4)), "{there:?}");
        // Repeating it finds it done, or does it.
        let again = log.append(command).await.unwrap();
        assert_eq!((again.events.len(), again.duplicate), (4, there.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_write_says_so_in_time_and_recovers() {
    let database = Database::migrated("log").await;
    let options = PostgresLogOptions { append_retry_ms_max: 400, ..PostgresLogOptions::default() };
    let log = PostgresLog::open(database.pool().await, options).await.unwrap();
    let forbid = async |yes: bool| {
        database.administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {}", database.name, !yes)).await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '";
        database.administer(&format!("{sql}{}'", database.name)).await;
    };
    log.append(append(vec![write(&fresh("post"), Expected::Any, 1)])).await.unwrap();
    forbid(true).await;
    let since = Instant::now();
    let refused = log.append(append(vec![write(&fresh("post"), Expected::Any, 1)])).await;
    assert!(matches!(refused, Err(LogError::Unavailable(_))), "{refused:?}");
    assert!(since.elapsed() < Duration::from_secs(10));
    forbid(false).await;
    let appended = log.append(append(vec![write(&fresh("post"), Expected::Any, 1)])).await.unwrap();
    assert_eq!(appended.last_position, 2);
    assert_eq!(Ports::of(log).read_from(0).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_what_is_accepted_is_written() {
    let database = Database::migrated("log").await;
    let options = PostgresLogOptions { queue_appends_max: 10, ..PostgresLogOptions::default() };
    let log = PostgresLog::open(database.pool().await, options).await.unwrap();
    let calls: Vec<_> =
        (0..500).map(|_| log.append(append(vec![write(&fresh("post"), Expected::Any, 1)]))).collect();
    let results = futures::future::join_all(calls).await;
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    assert!((10..500).contains(&accepted), "{accepted}");
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(LogError::Overloaded { waiting: 10 }))));
    assert_eq!(log.head(), accepted as u64);

    // What waits when it is closed is written, and nothing after that.
    let last = log.append(append(vec![write(&fresh("post"), Expected::Any, 1)]));
    log.close().await;
    assert_eq!(last.await.unwrap().last_position, accepted as u64 + 1);
    let late = log.append(append(Vec::new())).await;
    assert!(matches!(late, Err(LogError::Unavailable(_))), "{late:?}");
    assert!(log.stream_head(&fresh("post")).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_cannot_be_stored_fails_alone() {
    let database = Database::migrated("log").await;
    let log = open_on(&database).await;
    let first = append(vec![write(&fresh("post"), Expected::Any, 8)]);
    log.append(first.clone()).await.unwrap();
    // Its id is that of the first command's sixth event.
    let mut clashing = append(vec![write(&fresh("post"), Expected::Any, 1)]);
    clashing.command_id = nova_eventlog::event_id(first.command_id, 5);
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let command = if n == 10 {
                clashing.clone()
            } else {
                append(vec![write(&fresh("post"), Expected::NoStream, 1)])
            };
            log.append(command)
        })
        .collect();
    for (n, result) in futures::future::join_all(calls).await.into_iter().enumerate() {
        match result {
            Ok(_) => assert_ne!(n, 10),
            Err(error) => assert!(n == 10 && matches!(error, LogError::Invalid(_)), "{n}: {error}"),
        }
    }
    assert_eq!(log.head(), 8 + 19);
    assert_dense(&Ports::of(log).read_from(0).await, 0);
}
