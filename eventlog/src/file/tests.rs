//! A disk that fails: nothing is presented as durable that may not be, and what was acknowledged stays.

use futures::executor::block_on;
use tempfile::TempDir;

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
