//! Opening, locking, closing, refusing.

use std::fs;
use std::time::Duration;

use futures::StreamExt as _;
use futures::executor::block_on;
use nova_eventlog::{Append, EventFeed, EventLog, FileLog, FileLogOptions, Filter, LogError};

use super::{append, files, read_everything, tiny};

#[test]
fn a_second_writer_is_told_who_has_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    match FileLog::open(dir.path(), tiny()) {
        Err(LogError::Locked { owner, place }) => {
            assert_eq!((owner, place), (Some(std::process::id()), dir.path().display().to_string()));
        }
        other => panic!("unexpected: {other:?}"),
    }
    block_on(log.append(append("post-1", &[10]))).unwrap();
    let reader = FileLog::open_read_only(dir.path(), tiny()).unwrap();
    assert_eq!(reader.head(), 1);
    assert!(matches!(block_on(reader.append(append("post-1", &[10]))), Err(LogError::Unavailable(_))));
    assert_eq!(FileLog::verify(dir.path(), |_, _| ()).unwrap().events, 1);
    drop(log);
    assert_eq!(FileLog::open(dir.path(), tiny()).unwrap().head(), 1);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("holiday.jpg"), b"x").unwrap();
    match FileLog::open(dir.path(), tiny()) {
        Err(LogError::Format { problem, .. }) => assert!(problem.contains("holiday.jpg"), "{problem}"),
        other => panic!("unexpected: {other:?}"),
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(matches!(FileLog::open(dir.path().join("holiday.jpg"), tiny()), Err(LogError::Format { .. })));
    assert!(matches!(FileLog::open_read_only(dir.path().join("none"), tiny()), Err(LogError::Format { .. })));
    assert!(!dir.path().join("none").exists());
}

#[test]
fn a_newer_format_and_a_foreign_segment_are_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    FileLog::open(dir.path(), tiny()).unwrap().close();
    let path = files(dir.path(), "events").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let mut newer = whole.clone();
    newer[8] = 2;
    fs::write(&path, &newer).unwrap();
    match FileLog::open(dir.path(), tiny()) {
        Err(LogError::Format { problem, .. }) => assert!(problem.contains("version 2"), "{problem}"),
        other => panic!("unexpected: {other:?}"),
    }
    assert_eq!(fs::read(&path).unwrap(), newer);

    let other = tempfile::tempdir().unwrap();
    let log = FileLog::open(other.path(), tiny()).unwrap();
    for _ in 0..40 {
        block_on(log.append(append("post-1", &[500]))).unwrap();
    }
    log.close();
    fs::write(files(other.path(), "events").first().unwrap(), &whole).unwrap();
    match FileLog::open(other.path(), tiny()) {
        Err(LogError::Corrupt { problem, .. }) => assert!(problem.contains("another log"), "{problem}"),
        other => panic!("unexpected: {other:?}"),
    }
}

#[test]
fn the_newest_segment_cannot_go_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    for _ in 0..40 {
        block_on(log.append(append("post-1", &[500]))).unwrap();
    }
    log.close();
    fs::remove_file(files(dir.path(), "events").pop().unwrap()).unwrap();
    assert!(matches!(FileLog::open(dir.path(), tiny()), Err(LogError::Corrupt { .. })));
}

#[test]
fn closing_writes_what_waits_and_refuses_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), FileLogOptions::default()).unwrap();
    let waiting: Vec<_> = (0..500).map(|n| log.append(append(&format!("post-{n}"), &[50]))).collect();
    let mut feed = log.follow(500, Filter::all(), 10);
    log.close();
    log.close();
    for call in waiting {
        block_on(call).unwrap();
    }
    assert!(matches!(block_on(log.append(append("post-1", &[1]))), Err(LogError::Unavailable(_))));
    assert!(matches!(block_on(log.read_all(0, &Filter::all(), 1)), Err(LogError::Unavailable(_))));
    assert!(matches!(block_on(feed.next()), Some(Err(LogError::Unavailable(_)))));
    assert!(block_on(feed.next()).is_none());
    let log = FileLog::open(dir.path(), FileLogOptions::default()).unwrap();
    assert_eq!(read_everything(&log).unwrap().len(), 500);
}

#[tokio::test]
async fn a_waiting_follower_ends_when_the_log_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    let mut feed = log.follow(0, Filter::all(), 10);
    let waiting = tokio::spawn(async move { feed.next().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(log);
    assert!(matches!(waiting.await.unwrap(), Some(Err(LogError::Unavailable(_)))));
}

#[test]
fn a_full_queue_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = FileLogOptions { queue_appends_max: 4, ..FileLogOptions::default() };
    let log = FileLog::open(dir.path(), options).unwrap();
    let calls: Vec<_> = (0..2_000).map(|_| log.append(append("post-1", &[200]))).collect();
    let results: Vec<_> = calls.into_iter().map(block_on).collect();
    let written = results.iter().filter(|result| result.is_ok()).count();
    let refused =
        results.iter().filter(|result| matches!(result, Err(LogError::Overloaded { waiting: 4 }))).count();
    assert_eq!(written + refused, results.len());
    assert!(refused > 0 && written >= 4);
    assert_eq!(log.head(), written as u64);
}

#[test]
fn limits_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let options = FileLogOptions {
        event_bytes_max: 1000,
        append_bytes_max: 5000,
        append_events_max: 10,
        ..FileLogOptions::default()
    };
    let log = FileLog::open(dir.path(), options).unwrap();
    let problem = |append: Append| match block_on(log.append(append)) {
        Err(LogError::Invalid(problem)) => problem,
        other => panic!("unexpected: {other:?}"),
    };
    assert!(problem(append("post-1", &[1001])).contains("Made"));
    assert!(problem(append("post-1", &[900; 6])).contains("5000"));
    assert!(problem(append("post-1", &[1; 11])).contains("11 events"));
    block_on(log.append(append("post-1", &[400; 10]))).unwrap();
}

#[test]
fn leftovers_of_a_crash_are_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    FileLog::open(dir.path(), tiny()).unwrap().close();
    fs::write(dir.path().join("spare.tmp"), b"half").unwrap();
    fs::write(dir.path().join("00000000000000000001.index.tmp"), b"half").unwrap();
    drop(FileLog::open(dir.path(), tiny()).unwrap());
    assert!(files(dir.path(), "tmp").is_empty());
}
