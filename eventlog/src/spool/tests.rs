use std::fs;
use std::path::Path;

use bytes::Bytes;
use futures::future::join_all;

use super::{Entry, Place, Spool, SpoolError, SpoolOptions, WhenFull};
use crate::log::LogError;

fn open(dir: &Path, bytes_max: u64, when_full: WhenFull) -> Spool {
    Spool::open(dir, SpoolOptions { bytes_max, when_full }).unwrap()
}

fn queue(dir: &Path) -> Spool {
    open(dir, 256 << 10, WhenFull::Refuse)
}

/// A thousand bytes that begin with a number.
fn numbered(number: usize) -> Bytes {
    Bytes::from(format!("{number:01000}"))
}

fn number(entry: &Entry) -> usize {
    std::str::from_utf8(&entry.data).unwrap().parse().unwrap()
}

async fn push(spool: &Spool, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        spool.push(numbered(number)).await.unwrap();
    }
}

/// Everything that is held, without removing it.
async fn held(spool: &Spool) -> Vec<usize> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut after = spool.peek(1).await.unwrap();
    entries.append(&mut after);
    while let Some(last) = entries.last().map(|entry| entry.place) {
        let more = spool.read(last, 7).await.unwrap();
        if more.is_empty() {
            break;
        }
        entries.extend(more);
    }
    entries.iter().map(number).collect()
}

fn files(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with('0')).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_out_in_order_and_what_is_removed_stays_removed() {
    let dir = tempfile::tempdir().unwrap();
    let spool = queue(dir.path());
    assert_eq!(files(dir.path()), [""; 0], "nothing is allocated before there is something to hold");
    push(&spool, 0..60).await;
    assert_eq!(held(&spool).await, (0..60).collect::<Vec<_>>());
    assert_eq!(spool.stats().entries, 60);
    let first = spool.peek(25).await.unwrap();
    assert!(!first.is_empty() && first.len() <= 25);
    spool.remove_through(first.last().unwrap()).await.unwrap();
    let rest: Vec<usize> = (first.len()..60).collect();
    assert_eq!(held(&spool).await, rest);
    // As after a kill: nothing is closed.
    drop(spool);
    let spool = queue(dir.path());
    assert_eq!(held(&spool).await, rest);
    assert_eq!(spool.stats().entries, rest.len() as u64);
    push(&spool, 60..70).await;
    assert_eq!(held(&spool).await, (first.len()..70).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_been_read_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let spool = queue(dir.path());
    for round in 0..10 {
        push(&spool, round * 100..(round + 1) * 100).await;
        let mut next = round * 100;
        loop {
            let entries = spool.peek(8).await.unwrap();
            let Some(last) = entries.last() else { break };
            for entry in &entries {
                assert_eq!(number(entry), next);
                next += 1;
            }
            spool.remove_through(last).await.unwrap();
        }
        assert_eq!(next, (round + 1) * 100);
        assert_eq!((spool.stats().entries, spool.stats().oldest_recorded_at_ms), (0, None));
    }
    assert_eq!(files(dir.path()).len(), 1, "only the chapter that is written is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), 40_000, WhenFull::Refuse);
    let mut taken = 0;
    let full = loop {
        match spool.push(numbered(taken)).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 100, "it is never full");
    };
    assert!(matches!(full, SpoolError::Full { bytes_max: 40_000, .. }), "{full}");
    assert!(taken > 20, "{taken}");
    assert!(spool.stats().bytes <= 40_000);
    assert_eq!(held(&spool).await, (0..taken).collect::<Vec<_>>());
    let entries = spool.peek(taken).await.unwrap();
    spool.remove_through(entries.last().unwrap()).await.unwrap();
    push(&spool, [taken]).await;
    // Many at once do not get past the limit either.
    let pushes = (0..100).map(|_| spool.push(numbered(9)));
    let refused = join_all(pushes).await.into_iter().filter(Result::is_err).count();
    assert!(refused > 50 && refused < 100, "{refused}");
    assert!(spool.stats().bytes <= 40_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_go_when_that_is_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), 100_000, WhenFull::DropOldest);
    push(&spool, 0..500).await;
    let stats = spool.stats();
    assert!(stats.bytes <= 100_000 && stats.entries > 50, "{stats:?}");
    assert_eq!(stats.dropped_entries, 500 - stats.entries);
    let expected: Vec<usize> = (500 - stats.entries as usize..500).collect();
    assert_eq!(held(&spool).await, expected);
    drop(spool);
    assert_eq!(held(&Spool::open_read_only(dir.path()).unwrap()).await, expected);
    assert_eq!(held(&open(dir.path(), 100_000, WhenFull::DropOldest)).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_has_it_and_others_may_read() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!Spool::is_open(dir.path()));
    let spool = queue(dir.path());
    push(&spool, 0..40).await;
    assert!(Spool::is_open(dir.path()));
    let options = SpoolOptions { bytes_max: 1 << 20, when_full: WhenFull::Refuse };
    assert!(matches!(Spool::open(dir.path(), options), Err(LogError::Locked { .. })));
    let reader = Spool::open_read_only(dir.path()).unwrap();
    assert_eq!(held(&reader).await, (0..40).collect::<Vec<_>>());
    assert!(reader.push(numbered(1)).await.is_err());
    spool.close().await;
    assert!(spool.push(numbered(1)).await.is_err());
    let again = queue(dir.path());
    assert_eq!(held(&again).await, (0..40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_cut_and_a_damaged_chapter_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let spool = queue(dir.path());
    push(&spool, 0..40).await;
    drop(spool);
    let names = files(dir.path());
    assert!(names.len() >= 3, "{names:?}");
    // In the middle of the first chapter: nothing that a crash leaves.
    let damaged = dir.path().join(&names[0]).join("00000000000000000001.events");
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[9_000] ^= 0xff;
    fs::write(&damaged, bytes).unwrap();
    // And half an entry at the end of the last one.
    let torn = dir.path().join(names.last().unwrap()).join("00000000000000000001.events");
    let mut bytes = fs::read(&torn).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 300..=end].fill(0);
    fs::write(&torn, bytes).unwrap();
    let spool = queue(dir.path());
    // Whether the damage is met when it is opened or when it is read.
    held(&spool).await;
    let left = held(&spool).await;
    let whole: Vec<usize> = (left[0]..39).collect();
    assert_eq!(left, whole, "all of the other chapters, without the entry that was torn");
    assert!(left[0] > 5, "{left:?}");
    assert!(dir.path().join(format!("{}.damaged", names[0])).is_dir());
    push(&spool, [39]).await;
    assert_eq!(held(&spool).await.last(), Some(&39));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_cursor_something_comes_twice_rather_than_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let spool = queue(dir.path());
    push(&spool, 0..10).await;
    let entries = spool.peek(4).await.unwrap();
    spool.remove_through(&entries[3]).await.unwrap();
    drop(spool);
    for text in ["", "1 4", "1 9 77", "x"] {
        fs::write(dir.path().join("removed"), text).unwrap();
        assert_eq!(held(&queue(dir.path())).await.len(), 10, "{text:?}");
    }
    assert_eq!(queue(dir.path()).read(Place::default(), 100).await.unwrap().len(), 10);
}
