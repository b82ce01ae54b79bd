//! The file log against crashes, damage, and a model.
#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use nova_eventlog::{
    Append, EventLog, Expected, FileLog, FileLogOptions, Filter, Kind, LogError, NewEvent, Recorded,
    StreamId, Write,
};
use uuid::Uuid;

mod crash;
mod kill;
mod model;
mod opening;

/// Segments of one or two pages: everything that happens at their borders happens all the time.
fn tiny() -> FileLogOptions {
    FileLogOptions {
        segment_bytes: 8192,
        heads_cached_max: 4,
        open_files_max: 8,
        ..FileLogOptions::default()
    }
}

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

fn events(kind: &str, sizes: &[usize]) -> Vec<NewEvent> {
    let event = |&size| NewEvent {
        kind: Kind::new(kind).unwrap(),
        data: Bytes::from(vec![b'd'; size]),
        meta: Bytes::from_static(b"meta"),
    };
    sizes.iter().map(event).collect()
}

fn append(name: &str, sizes: &[usize]) -> Append {
    let writes = vec![Write { stream: stream(name), expected: Expected::Any, events: events("Made", sizes) }];
    Append { command_id: Uuid::new_v4(), writes }
}

fn read_everything(log: &FileLog) -> Result<Vec<Recorded>, LogError> {
    let (mut read, mut position) = (Vec::new(), 0);
    while position < log.head() {
        let page = futures::executor::block_on(log.read_all(position, &Filter::all(), 1000))?;
        position = page.position;
        read.extend(page.events);
    }
    Ok(read)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The files of a log with this extension, in order.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|is| is == extension)).collect();
    files.sort();
    files
}
