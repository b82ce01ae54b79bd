//! Whatever lies in a segment file, with checksums that fit: as somebody would make it who wants it to pass.

use std::fs;
use std::path::PathBuf;

use futures::executor::block_on;
use tempfile::TempDir;
use uuid::Uuid;

use super::format::{
    FRAME_HEADER_BYTES, FrameBuilder, FrameHeader, NewRecord, Parsed, SEGMENT_HEADER_BYTES, Seed,
    SegmentHeader, padded, parse_record, u32_at,
};
use super::{FileLog, FileLogOptions};
use crate::{Append, EventLog, Expected, Filter, Kind, NewEvent, StreamId, Write};

/// A log of a few events, where its only segment is, and the bytes of that.
fn sound() -> (TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let options = FileLogOptions { segment_bytes: 8192, ..FileLogOptions::default() };
    let log = FileLog::open(dir.path(), options).unwrap();
    for number in 0..4_u8 {
        let event = NewEvent {
            kind: Kind::new("Made").unwrap(),
            data: vec![number; 20].into(),
            meta: bytes::Bytes::from_static(b"{}"),
        };
        let stream = StreamId::new(format!("post-{}", number % 2)).unwrap();
        let writes = vec![Write { stream, expected: Expected::Any, events: vec![event] }];
        block_on(log.append(Append { command_id: Uuid::from_u128(u128::from(number) + 1), writes })).unwrap();
    }
    log.close();
    let files = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let path = files.filter(|path| path.extension().is_some_and(|is| is == "events")).max().unwrap();
    let bytes = fs::read(&path).unwrap();
    (dir, path, bytes)
}

/// Makes every checksum fit that can be found from the front on.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let page = SEGMENT_HEADER_BYTES as usize;
    if bytes.len() < page {
        return bytes;
    }
    let crc = crc32c::crc32c(&bytes[16..page]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    let Ok(header) = SegmentHeader::decode(&bytes[..page]) else { return bytes };
    let seed = Seed::of(header.log_id);
    let mut at = page;
    while at + FRAME_HEADER_BYTES <= bytes.len() {
        let crc = seed.crc(&bytes[at + 4..at + FRAME_HEADER_BYTES]);
        bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
        let Some(frame) = FrameHeader::decode(&bytes[at..], seed) else { break };
        let end = at + frame.frame_bytes() as usize;
        if end > bytes.len() {
            break;
        }
        let mut record = at + FRAME_HEADER_BYTES;
        while record + 8 < end {
            let whole = padded(u32_at(&bytes, record + 4) as usize);
            if whole < 8 || record + whole > end {
                break;
            }
            let crc = seed.crc(&bytes[record + 4..record + whole]);
            bytes[record..record + 4].copy_from_slice(&crc.to_le_bytes());
            record += whole;
        }
        bytes[end - 8..end].copy_from_slice(&frame.end_mark());
        at = end;
    }
    bytes
}

#[test]
fn whatever_a_segment_holds_it_is_read_or_refused() {
    let (dir, path, whole) = sound();
    let told = |text: String| text.replace(|c: char| c.is_ascii_digit(), "");
    nova_testkit::fuzz::fuzz("segment", vec![whole], |bytes| {
        fs::write(&path, sealed(bytes.to_vec())).unwrap();
        let read = FileLog::open_read_only(dir.path(), FileLogOptions::default()).and_then(|log| {
            let page = block_on(log.read_all(0, &Filter::all(), 1_000))?;
            Ok((page.events.len(), page.head.min(100)))
        });
        let verified = FileLog::verify(dir.path(), |_, _| ()).map(|report| report.events.min(100));
        (read.map_err(|error| told(error.to_string())), verified.map_err(|error| told(error.to_string())))
    });
}

#[test]
fn whatever_a_record_holds_it_is_parsed_or_refused() {
    let seed = Seed::of(7);
    let mut builder = FrameBuilder::new(seed);
    let at = builder.push(&NewRecord {
        position: 1,
        revision: 0,
        id: Uuid::from_u128(3),
        ordinal: 0,
        recorded_at_ms: 5,
        stream: "post-1",
        kind: "Made",
        meta: b"{}",
        data: b"data",
    });
    let sound = builder.finish(1)[at..].to_vec();
    nova_testkit::fuzz::fuzz("record", vec![sound], |bytes| {
        let mut bytes = bytes.to_vec();
        if let Some(whole) = bytes.get(4..8).map(|length| padded(u32_at(length, 0) as usize))
            && (8..=bytes.len()).contains(&whole)
        {
            let crc = seed.crc(&bytes[4..whole]);
            bytes[..4].copy_from_slice(&crc.to_le_bytes());
        }
        match parse_record(&bytes, seed) {
            Parsed::Record(record) => {
                assert!(record.bytes <= bytes.len() && record.data.1 <= record.bytes);
                assert!(record.meta.0 <= record.meta.1 && record.meta.1 == record.data.0);
                (0, record.stream.len())
            }
            Parsed::Short(wanted) => {
                assert!(wanted > bytes.len());
                (1, wanted.min(100))
            }
            Parsed::Damaged => (2, 0),
        }
    });
}
