//! A disk that fails: nothing is presented as durable that may not be, and what was acknowledged stays.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;

use futures::executor::block_on;
use tempfile::TempDir;

use super::context::CLOCK_BACK_MS;
use super::disk::Disk;
use super::faults::{EIO, ENOSPC, Fault};
use super::{FileLog, FileLogOptions};
use crate::{Append, Direction, EventLog, Expected, Filter, Kind, LogError, NewEvent, StreamId, Write};
use uuid::Uuid;

fn options() -> FileLogOptions {
    FileLogOptions { segment_bytes: 8192, ..FileLogOptions::default() }
}

fn open() -> (FileLog, Disk, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    (FileLog::open_on(dir.path(), options(), disk.clone()).unwrap(), disk, dir)
}

fn append(bytes: usize) -> Append {
    let event =
        NewEvent { kind: Kind::new("Made").unwrap(), data: vec![1; bytes].into(), meta: bytes::Bytes::new() };
    let stream = StreamId::new("post-1").unwrap();
    let writes = vec![Write { stream, expected: Expected::Any, events: vec![event] }];
    Append { command_id: Uuid::new_v4(), writes }
}

fn append_nothing() -> Append {
    let write = Write::condition(StreamId::new("post-1").unwrap(), Expected::Any);
    Append { command_id: Uuid::new_v4(), writes: vec![write] }
}

fn assert_unavailable<T: std::fmt::Debug>(result: Result<T, LogError>, because: &str) {
    match result {
        Err(LogError::Unavailable(reason)) => assert!(reason.contains(because), "{reason}"),
        other => panic!("unexpected: {other:?}"),
    }
}

#[test]
fn a_failed_write_or_sync_poisons_the_log_until_it_is_opened_again() {
    let faults = [
        Fault::Write { written: 0, errno: ENOSPC },
        Fault::Write { written: 7, errno: EIO },
        Fault::Write { written: 1 << 20, errno: EIO },
        Fault::Sync { errno: EIO },
    ];
    for fault in faults {
        let (log, disk, dir) = open();
        for _ in 0..3 {
            block_on(log.append(append(100))).unwrap();
        }
        disk.faults.set(Some(fault));
        let waiting: Vec<_> = (0..20).map(|_| log.append(append(100))).collect();
        for call in waiting {
            assert_unavailable(block_on(call), "until it is opened again");
        }
        // Also when the disk has come back: what was written in between is not known.
        disk.faults.set(None);
        assert_unavailable(block_on(log.append(append(100))), "until it is opened again");
        assert_eq!(log.head(), 3);
        assert_eq!(block_on(log.read_all(0, &Filter::all(), 99)).unwrap().events.len(), 3);
        let stream = StreamId::new("post-1").unwrap();
        assert_eq!(block_on(log.read_stream(&stream, 0, Direction::Forwards, 99)).unwrap().len(), 3);
        log.close();
        // The batch nobody was told about may be there or not, but whole.
        let log = FileLog::open(dir.path(), options()).unwrap();
        assert!(log.head() >= 3, "{fault:?}");
        let head = log.head();
        assert_eq!(block_on(log.append(append(100))).unwrap().last_position, head + 1);
        log.close();
        assert_eq!(FileLog::verify(dir.path(), |_, _| ()).unwrap().events, head + 1);
    }
}

#[test]
fn a_full_disk_refuses_a_new_segment_and_goes_on_when_there_is_room() {
    let (log, disk, dir) = open();
    disk.faults.set(Some(Fault::Allocate { errno: ENOSPC }));
    let mut written = 0;
    while let Ok(done) = block_on(log.append(append(500))) {
        written = done.last_position;
        assert!(written < 100, "the segment is never full");
    }
    assert!(written > 0);
    assert_unavailable(block_on(log.append(append(500))), "No space left");
    // A condition needs no room.
    let exists = Write::condition(StreamId::new("post-1").unwrap(), Expected::Exact(written - 1));
    block_on(log.append(Append { command_id: Uuid::new_v4(), writes: vec![exists] })).unwrap();
    disk.faults.set(None);
    for n in 1..50 {
        assert_eq!(block_on(log.append(append(500))).unwrap().last_position, written + n);
    }
    log.close();
    assert_eq!(FileLog::verify(dir.path(), |_, _| ()).unwrap().events, written + 49);
}

#[test]
fn an_index_that_cannot_be_written_is_answered_from_memory_and_written_later() {
    let (log, disk, dir) = open();
    disk.faults.set(Some(Fault::Index { errno: ENOSPC }));
    let mut ids = Vec::new();
    // Memory is bounded: with too many such segments appends are refused.
    let refused = loop {
        let append = append(600);
        let id = append.command_id;
        match block_on(log.append(append)) {
            Ok(_) => ids.push(id),
            Err(error) => break error,
        }
        assert!(ids.len() < 200);
    };
    assert_unavailable(Err::<(), _>(refused), "index files");
    assert!(log.stats().segments > 3);
    for id in &ids {
        assert!(block_on(log.find(*id)).unwrap().is_some());
    }
    disk.faults.set(None);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    for _ in 0..20 {
        while let Err(error) = block_on(log.append(append(600))) {
            assert!(std::time::Instant::now() < deadline, "{error}");
        }
    }
    let segments = log.stats().segments;
    log.close();
    let report = FileLog::verify(dir.path(), |_, _| ()).unwrap();
    assert_eq!((report.events, report.indexes), (ids.len() as u64 + 20, segments - 1));
}

#[test]
fn a_clock_that_is_set_back_a_day_loses_nothing_and_never_runs_backwards() {
    let (log, _, dir) = open();
    let first = block_on(log.append(append(100))).unwrap().last_position;
    CLOCK_BACK_MS.store(86_400_000, Ordering::Relaxed);
    for _ in 0..10 {
        block_on(log.append(append(500))).unwrap();
    }
    log.close();
    let log = FileLog::open(dir.path(), options()).unwrap();
    block_on(log.append(append(100))).unwrap();
    log.close();
    CLOCK_BACK_MS.store(0, Ordering::Relaxed);
    let report = FileLog::verify(dir.path(), |_, _| ()).unwrap();
    assert_eq!(report.events, first + 11);
    assert!(report.last_recorded_at_ms >= report.first_recorded_at_ms);
}

/// Waits until the log reports no more trouble, without appending events.
fn heals(log: &FileLog, in_between: impl Fn()) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while log.write_trouble().is_some() {
        assert!(std::time::Instant::now() < deadline, "it is not tried again without events");
        in_between();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn the_log_says_why_it_takes_no_appends_and_heals_alone_when_there_is_room() {
    let (log, disk, _dir) = open();
    assert_eq!(log.write_trouble(), None);
    disk.faults.set(Some(Fault::Allocate { errno: ENOSPC }));
    while block_on(log.append(append(500))).is_ok() {}
    let trouble = log.write_trouble().unwrap();
    assert!(trouble.contains("No space left"), "{trouble}");
    // An append without events succeeds, and says nothing of the disk.
    block_on(log.append(append_nothing())).unwrap();
    assert!(log.write_trouble().is_some());
    disk.faults.set(None);
    heals(&log, || ());
    block_on(log.append(append(500))).unwrap();
    // Frequent empty appends do not stop the retries.
    disk.faults.set(Some(Fault::Allocate { errno: ENOSPC }));
    while block_on(log.append(append(500))).is_ok() {}
    disk.faults.set(None);
    heals(&log, || drop(block_on(log.append(append_nothing())).unwrap()));
    block_on(log.append(append(500))).unwrap();

    disk.faults.set(Some(Fault::Sync { errno: EIO }));
    assert!(block_on(log.append(append(100))).is_err());
    assert!(log.write_trouble().unwrap().contains("until it is opened again"));
}

#[test]
fn what_the_log_makes_is_for_its_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("made").join("log");
    let log = FileLog::open(&dir, options()).unwrap();
    for _ in 0..40 {
        block_on(log.append(append(500))).unwrap();
    }
    log.close();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&parent.path().join("made"))), (0o700, 0o700));
    let mut files = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files > 5, "{files} files");
}
