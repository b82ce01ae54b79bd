//! What is read back is the exact durable prefix, or an error that names the place. Tried at every byte.

use std::fs;
use std::path::Path;

use futures::executor::block_on;
use nova_eventlog::{Direction, EventLog, FileLog, Filter, LogError, Recorded};
use tempfile::TempDir;

use super::{append, copy, events, files, read_everything, stream, tiny};

struct Written {
    dir: TempDir,
    events: Vec<Recorded>,
    /// How long the last segment was, and how many events the log had, after each batch in that segment.
    tail: Vec<(u64, usize)>,
}

/// A log of a few segments that was closed well.
fn written() -> Written {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    let (mut tail, mut before, mut segments) = (Vec::new(), 4096, 1);
    for n in 0..23 {
        let bytes_before = log.stats().bytes;
        let sizes: &[usize] = [&[10, 0][..], &[300], &[700, 1, 2]][n % 3];
        block_on(log.append(append(&format!("post-{}", n % 4), sizes))).unwrap();
        let stats = log.stats();
        if stats.segments > segments {
            (segments, before) = (stats.segments, 0);
            tail.clear();
        }
        before += stats.bytes - bytes_before;
        tail.push((before, stats.events as usize));
    }
    assert!(segments >= 3 && tail.len() >= 2, "{segments} segments, {tail:?}");
    let events = read_everything(&log).unwrap();
    log.close();
    Written { dir, events, tail }
}

/// Makes the log one of an earlier version, which did not record what it had acknowledged. A crash of the machine can
/// leave the same of a batch that was being written.
fn forget_acknowledged(dir: &Path) {
    fs::remove_file(dir.join("acknowledged")).ok();
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1 << (at % 8);
    fs::write(path, bytes).unwrap();
}

fn assert_names_the_file(error: &LogError, path: &Path) {
    let name = path.file_name().unwrap().to_str().unwrap();
    match error {
        LogError::Corrupt { place, .. } | LogError::Format { place, .. } => {
            assert!(
                place.contains(name) || place.contains(path.parent().unwrap().to_str().unwrap()),
                "{error}"
            );
        }
        other => panic!("unexpected: {other}"),
    }
}

#[test]
fn a_log_cut_at_any_byte_of_its_tail_is_the_prefix_of_whole_batches() {
    let written = written();
    let scratch = tempfile::tempdir().unwrap();
    copy(written.dir.path(), scratch.path());
    let path = files(scratch.path(), "events").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let first_of_tail = path.file_stem().unwrap().to_str().unwrap().parse::<usize>().unwrap();
    let end = written.tail.last().unwrap().0 as usize;
    for cut in 4096..=end {
        fs::write(&path, &whole[..cut]).unwrap();
        forget_acknowledged(scratch.path());
        let log = FileLog::open_read_only(scratch.path(), tiny()).unwrap();
        let kept = written
            .tail
            .iter()
            .rev()
            .find(|(bytes, _)| *bytes <= cut as u64)
            .map_or(first_of_tail - 1, |t| t.1);
        assert_eq!(log.head(), kept as u64, "cut at {cut}");
        if cut % 16 == 0 {
            // The same with what a crash leaves: the rest of the segment is there and zero.
            let mut zeroed = whole[..cut].to_vec();
            zeroed.resize(whole.len(), 0);
            fs::write(&path, &zeroed).unwrap();
            let log = FileLog::open(scratch.path(), tiny()).unwrap();
            assert_eq!(read_everything(&log).unwrap(), written.events[..kept], "zero from {cut}");
            let appended = block_on(log.append(append("post-0", &[5]))).unwrap();
            assert_eq!(appended.first_position, kept as u64 + 1);
            log.close();
            assert_eq!(FileLog::verify(scratch.path(), |_, _| ()).unwrap().events, kept as u64 + 1);
            for extra in files(scratch.path(), "events") {
                if extra > path {
                    fs::remove_file(&extra).unwrap();
                }
            }
            fs::remove_file(path.with_extension("index")).ok();
        }
    }
    for cut in 0..4096 {
        fs::write(&path, &whole[..cut]).unwrap();
        assert_names_the_file(&FileLog::open_read_only(scratch.path(), tiny()).unwrap_err(), &path);
    }
}

#[test]
fn acknowledged_events_that_are_gone_are_an_error_wherever_the_log_is_cut() {
    let written = written();
    let scratch = tempfile::tempdir().unwrap();
    copy(written.dir.path(), scratch.path());
    let path = files(scratch.path(), "events").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let head = written.events.len();
    let end = written.tail.last().unwrap().0 as usize;
    for cut in (4096..end).step_by(7) {
        // The end of the file is gone, or it is there and zero.
        for length in [cut, whole.len()] {
            let mut damaged = whole[..cut].to_vec();
            damaged.resize(length, 0);
            fs::write(&path, &damaged).unwrap();
            for result in [
                FileLog::open(scratch.path(), tiny()).map(drop),
                FileLog::open_read_only(scratch.path(), tiny()).map(drop),
                FileLog::verify(scratch.path(), |_, _| ()).map(drop),
            ] {
                let error = result.unwrap_err();
                assert_names_the_file(&error, &path);
                let text = error.to_string();
                // Where nearly all of a batch is there it is known to have been written whole, whatever the mark says.
                let is_named =
                    text.contains(&format!("to {head} are missing")) || text.contains("written whole");
                assert!(is_named, "cut at {cut}: {text}");
                assert!(text.contains("cut_damaged_tail"), "cut at {cut}: {text}");
            }
            assert_eq!(fs::read(&path).unwrap(), damaged, "a refused log is left as it is");
        }
    }
    // Its owner can give them up, and is asked only once.
    let give_up = nova_eventlog::FileLogOptions { cut_damaged_tail: true, ..tiny() };
    let kept = FileLog::open(scratch.path(), give_up).unwrap().head();
    assert!(kept < head as u64);
    let log = FileLog::open(scratch.path(), tiny()).unwrap();
    assert_eq!(log.head(), kept);
    block_on(log.append(append("post-0", &[5]))).unwrap();
    log.close();
    assert_eq!(FileLog::verify(scratch.path(), |_, _| ()).unwrap().events, kept + 1);
}

#[test]
fn an_unacknowledged_batch_behind_the_mark_is_cut_or_adopted() {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    block_on(log.append(append("post-1", &[100]))).unwrap();
    let mark = fs::read(dir.path().join("acknowledged")).unwrap();
    block_on(log.append(append("post-1", &[200]))).unwrap();
    let end = log.stats().bytes as usize;
    log.close();
    let path = files(dir.path(), "events").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in [end - 8, end] {
        // As a crash leaves it between the write of the batch and that of the mark.
        let mut torn = whole.clone();
        torn[cut..].fill(0);
        fs::write(&path, &torn).unwrap();
        fs::write(dir.path().join("acknowledged"), &mark).unwrap();
        let head = if cut == end { 2 } else { 1 };
        assert_eq!(FileLog::open(dir.path(), tiny()).unwrap().head(), head);
        // Events served since the start count as acknowledged.
        torn[end - 100..].fill(0);
        fs::write(&path, &torn).unwrap();
        assert_eq!(FileLog::open(dir.path(), tiny()).is_err(), head == 2);
    }
}

#[test]
fn a_damaged_slot_of_the_mark_leaves_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    for _ in 0..5 {
        block_on(log.append(append("post-1", &[10]))).unwrap();
    }
    log.close();
    let (path, mark) = (files(dir.path(), "events").pop().unwrap(), dir.path().join("acknowledged"));
    let (whole, slots) = (fs::read(&path).unwrap(), fs::read(&mark).unwrap());
    fs::write(&path, &whole[..4096]).unwrap();
    for at in 0..slots.len() {
        flip(&mark, at);
        let error = FileLog::open_read_only(dir.path(), tiny()).unwrap_err().to_string();
        assert!(error.contains("to 5 are missing") || error.contains("to 4 are missing"), "{at}: {error}");
        fs::write(&mark, &slots).unwrap();
    }
}

#[test]
fn a_log_whose_segments_are_all_gone_is_not_begun_again() {
    let written = written();
    for path in files(written.dir.path(), "events").into_iter().chain(files(written.dir.path(), "index")) {
        fs::remove_file(path).unwrap();
    }
    let error = FileLog::open(written.dir.path(), tiny()).unwrap_err().to_string();
    assert!(error.contains("its segments are missing"), "{error}");
    assert!(files(written.dir.path(), "events").is_empty());
}

#[test]
fn a_bit_flipped_anywhere_in_the_tail_is_never_read_as_data_nor_taken_for_the_end() {
    let written = written();
    let scratch = tempfile::tempdir().unwrap();
    copy(written.dir.path(), scratch.path());
    let path = files(scratch.path(), "events").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let last = &written.tail[written.tail.len() - 2..];
    let (mut refused, mut cut) = (0, 0);
    for at in 0..whole.len() {
        flip(&path, at);
        match FileLog::open_read_only(scratch.path(), tiny()).and_then(|log| read_everything(&log)) {
            Err(error) => {
                assert_names_the_file(&error, &path);
                refused += 1;
            }
            Ok(events) if events.len() == written.events.len() => {
                assert_eq!(events, written.events, "flipped {at}");
                assert!(at as u64 >= last[1].0, "byte {at} is covered by no checksum");
            }
            Ok(events) => {
                // Only the last batch may go, and only for damage within it.
                assert_eq!(events, written.events[..last[0].1], "flipped {at}");
                assert!((last[0].0..last[1].0).contains(&(at as u64)), "flipped {at}");
                cut += 1;
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    // The last batch has no empty sector: what happened to it was no crash.
    assert_eq!((refused, cut), (last[1].0, 0));

    flip(&path, last[1].0 as usize - 20);
    let error = FileLog::open(scratch.path(), tiny()).unwrap_err().to_string();
    assert!(error.contains("cut_damaged_tail"), "{error}");
    let log =
        FileLog::open(scratch.path(), nova_eventlog::FileLogOptions { cut_damaged_tail: true, ..tiny() })
            .unwrap();
    assert_eq!(read_everything(&log).unwrap(), written.events[..last[0].1]);
}

#[test]
fn sectors_missing_from_the_last_batch_are_a_torn_write() {
    let dir = tempfile::tempdir().unwrap();
    let options = nova_eventlog::FileLogOptions { segment_bytes: 32 << 10, ..tiny() };
    let log = FileLog::open(dir.path(), options).unwrap();
    block_on(log.append(append("post-1", &[100]))).unwrap();
    let start = log.stats().bytes as usize;
    block_on(log.append(append("post-1", &[3000, 3000, 3000]))).unwrap();
    let end = log.stats().bytes as usize;
    log.close();
    forget_acknowledged(dir.path());
    let path = files(dir.path(), "events").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let sectors: Vec<usize> = (start / 512..end.div_ceil(512)).collect();
    for mask in 1u64..1000 {
        let mut torn = whole.clone();
        for (n, sector) in sectors.iter().enumerate() {
            if mask.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 64) & 1 == 1
                || n as u64 == mask % sectors.len() as u64
            {
                torn[(sector * 512).max(start)..((sector + 1) * 512).min(end)].fill(0);
            }
        }
        fs::write(&path, &torn).unwrap();
        let log = FileLog::open_read_only(dir.path(), tiny()).unwrap();
        assert_eq!(log.head(), 1, "mask {mask}");
    }
    // It is wiped for good: the next batch is not mistaken for a later one.
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    assert_eq!(log.head(), 1);
    block_on(log.append(append("post-2", &[1]))).unwrap();
    log.close();
    assert_eq!(FileLog::verify(dir.path(), |_, _| ()).unwrap().torn_bytes, 0);
}

#[test]
fn damage_in_a_sealed_segment_is_an_error_where_it_is_read() {
    let written = written();
    let scratch = tempfile::tempdir().unwrap();
    copy(written.dir.path(), scratch.path());
    let path = files(scratch.path(), "events").swap_remove(1);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        flip(&path, at);
        match FileLog::open_read_only(scratch.path(), tiny()).and_then(|log| read_everything(&log)) {
            Ok(events) => assert_eq!(events, written.events, "flipped {at}"),
            Err(error) => assert_names_the_file(&error, &path),
        }
        let error = FileLog::verify(scratch.path(), |_, _| ()).unwrap_err();
        assert_names_the_file(&error, &path);
        fs::write(&path, &whole).unwrap();
    }
    // A sealed segment that lost whole batches at its end.
    let frames = whole.len() - 400;
    fs::write(&path, &whole[..frames]).unwrap();
    assert!(FileLog::verify(scratch.path(), |_, _| ()).is_err());
    fs::remove_file(path.with_extension("index")).unwrap();
    assert!(FileLog::open(scratch.path(), tiny()).is_err());
    fs::remove_file(&path).unwrap();
    assert_names_the_file(&FileLog::open(scratch.path(), tiny()).unwrap_err(), &path);
}

fn assert_all_indexes_answer(log: &FileLog, expected: &[Recorded]) {
    for name in ["post-0", "post-1", "post-2", "post-3"] {
        let own: Vec<_> = expected.iter().filter(|event| event.stream == stream(name)).cloned().collect();
        assert_eq!(block_on(log.read_stream(&stream(name), 0, Direction::Forwards, 999)).unwrap(), own);
    }
    for event in expected {
        assert_eq!(block_on(log.find(event.id)).unwrap().as_ref(), Some(event));
    }
    let all = Filter { categories: vec!["post".into()], kinds: vec!["Made".into()] };
    let (mut read, mut position) = (Vec::new(), 0);
    while position < log.head() {
        let page = block_on(log.read_all(position, &all, 7)).unwrap();
        position = page.position;
        read.extend(page.events);
    }
    assert_eq!(read, expected);
}

#[test]
fn a_damaged_or_missing_index_is_built_again() {
    let written = written();
    let scratch = tempfile::tempdir().unwrap();
    copy(written.dir.path(), scratch.path());
    let paths = files(scratch.path(), "index");
    let whole = fs::read(&paths[0]).unwrap();
    for at in 0..whole.len() {
        flip(&paths[0], at);
        assert!(FileLog::verify(scratch.path(), |_, _| ()).is_err(), "flipped {at}");
        if at % 7 == 0 {
            let log = FileLog::open_read_only(scratch.path(), tiny()).unwrap();
            assert_all_indexes_answer(&log, &written.events);
        }
        fs::write(&paths[0], &whole).unwrap();
    }
    for cut in (0..whole.len()).step_by(100) {
        fs::write(&paths[0], &whole[..cut]).unwrap();
        assert_all_indexes_answer(&FileLog::open_read_only(scratch.path(), tiny()).unwrap(), &written.events);
    }
    fs::write(&paths[0], &whole).unwrap();
    // Damage that is found while reading is repaired in place, and so are files that are gone.
    flip(&paths[0], 300);
    fs::remove_file(&paths[1]).unwrap();
    let log = FileLog::open(scratch.path(), tiny()).unwrap();
    assert_all_indexes_answer(&log, &written.events);
    log.close();
    assert_eq!(fs::read(&paths[0]).unwrap(), whole);
    let report = FileLog::verify(scratch.path(), |_, _| ()).unwrap();
    assert_eq!((report.indexes, report.events), (paths.len() as u64, written.events.len() as u64));

    paths.iter().for_each(|path| fs::remove_file(path).unwrap());
    let log = FileLog::open(scratch.path(), tiny()).unwrap();
    assert_all_indexes_answer(&log, &written.events);
    drop(log);
    assert_eq!(FileLog::verify(scratch.path(), |_, _| ()).unwrap().indexes, paths.len() as u64);
}

#[test]
fn an_event_that_imitates_the_log_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path(), nova_eventlog::FileLogOptions::default()).unwrap();
    block_on(log.append(append("post-1", &[10]))).unwrap();
    block_on(log.append(append("post-1", &[10]))).unwrap();
    // The log's own bytes as the data of an event, torn where they stand.
    let path = files(dir.path(), "events").pop().unwrap();
    let image = fs::read(&path).unwrap()[4096..8192].to_vec();
    let before = log.stats().bytes as usize;
    let mut command = append("post-2", &[]);
    command.writes[0].events = events("Copy", &[0]);
    command.writes[0].events[0].data = image.into();
    block_on(log.append(command)).unwrap();
    log.close();
    forget_acknowledged(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[before..before + 16].fill(0);
    let end = before.next_multiple_of(512);
    bytes[before..end].fill(0);
    fs::write(&path, bytes).unwrap();
    let log = FileLog::open(dir.path(), tiny()).unwrap();
    assert_eq!(log.head(), 2);
}
