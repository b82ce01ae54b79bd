//! Reading everything and believing nothing: records, their order, and the indexes against them.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use crate::log::LogError;

use super::FileLog;
use super::catalog::Catalog;
use super::context::{Context, FileKind};
use super::disk::{Disk, corrupt, unavailable};
use super::lock::Lock;
use super::memory::MemIndex;
use super::open;
use super::options::FileLogOptions;
use super::scan::{Mode, scan};
use super::seal::previous;
use super::segment::Segment;
use super::sidecar::{self, WriteError};

/// What was found to be in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifyReport {
    pub segments: u64,
    pub events: u64,
    pub streams: u64,
    pub bytes: u64,
    /// Index files compared with the events, byte by byte. The last segment has none, nor one just being sealed.
    pub indexes: u64,
    /// What a crash left behind the last batch; cut off at the next opening.
    pub torn_bytes: u64,
    pub first_recorded_at_ms: Option<u64>,
    pub last_recorded_at_ms: Option<u64>,
}

impl FileLog {
    /// Reads the whole log: every checksum, the density of positions and revisions, every index file against the events.
    /// Changes nothing and takes no lock. Beside a writer it looks at what is there when it begins. `progress` is called
    /// after each segment with how many are done and how many there are. Reads at the speed of the disk; memory for one
    /// segment's index.
    pub fn verify(
        dir: impl AsRef<Path>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<VerifyReport, LogError> {
        let opened = open::open(dir.as_ref(), FileLogOptions::default().clamped(), Disk::default(), true)?;
        let (context, catalog) = (opened.context, opened.catalog);
        let segments = catalog.segments();
        let mut report = VerifyReport::default();
        for (at, segment) in segments.iter().enumerate() {
            let mode = if at + 1 < segments.len() { Mode::Sealed } else { Mode::Tail };
            verify_segment(&context, &catalog, segment, mode, &mut report)?;
            progress(at as u64 + 1, segments.len() as u64);
        }
        Ok(report)
    }
}

fn verify_segment(
    context: &Arc<Context>,
    catalog: &Catalog,
    segment: &Segment,
    mode: Mode,
    report: &mut VerifyReport,
) -> Result<(), LogError> {
    let path = context.path(segment.first_position, FileKind::Events);
    let extent = segment.extent();
    let scanned = scan(context, &path, &*segment.file()?, segment.first_position, mode)?;
    let index = &scanned.index;
    if (index.offsets.len() as u64) < extent.events
        || (mode == Mode::Sealed && index.offsets.len() as u64 != extent.events)
    {
        let problem = format!("{} events, but the index has {}", index.offsets.len(), extent.events);
        return Err(corrupt(&path, index.data_end, problem));
    }
    if let Some(last) = report.last_recorded_at_ms
        && !index.offsets.is_empty()
        && index.first_recorded_at_ms < last
    {
        return Err(corrupt(&path, 0, "the segment was recorded before its predecessor"));
    }
    verify_revisions(context, catalog, index)?;
    if context.path(segment.first_position, FileKind::Index).exists() {
        compare_index(context, catalog, index)?;
        report.indexes += 1;
    }
    report.segments += 1;
    report.events += index.offsets.len() as u64;
    report.streams += index.streams_started;
    report.bytes += index.data_end;
    // A frame that is being written at this moment is no remainder of a crash.
    if !Lock::is_held(&context.dir) {
        report.torn_bytes += scanned.torn_until.map_or(0, |end| end - index.data_end);
    }
    if !index.offsets.is_empty() {
        report.first_recorded_at_ms.get_or_insert(index.first_recorded_at_ms);
        report.last_recorded_at_ms = Some(index.last_recorded_at_ms);
    }
    Ok(())
}

/// A stream goes on where the segments before have left it. Their indexes have been verified by now.
fn verify_revisions(context: &Context, catalog: &Catalog, index: &MemIndex) -> Result<(), LogError> {
    let segments = catalog.segments();
    for (stream, here) in &index.streams {
        let before = catalog.stream(&segments, stream, index.first_position)?;
        let expected = before.map_or(0, |(_, part)| part.last_revision() + 1);
        if here.first_revision != expected {
            let path = context.path(index.first_position, FileKind::Events);
            let problem =
                format!("{stream} goes on with revision {} instead of {expected}", here.first_revision);
            return Err(corrupt(&path, u64::from(here.first_offset), problem));
        }
    }
    Ok(())
}

fn compare_index(context: &Arc<Context>, catalog: &Catalog, index: &MemIndex) -> Result<(), LogError> {
    let path = context.path(index.first_position, FileKind::Index);
    let file = std::fs::File::open(&path).map_err(|error| unavailable("read", &path, &error))?;
    let compare = io::BufWriter::with_capacity(1 << 20, Compare { file: &file, at: 0 });
    let written = sidecar::write(context, index, compare, |stream| previous(catalog, index, stream));
    match written {
        Ok(_) => Ok(()),
        Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Err(corrupt(&path, 0, error.to_string()))
        }
        Err(WriteError::Io(error)) => Err(unavailable("read", &path, &error)),
        Err(WriteError::Log(error)) => Err(error),
    }
}

/// "Writes" by comparing with what is there.
struct Compare<'a> {
    file: &'a std::fs::File,
    at: u64,
}

impl Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut there = Vec::with_capacity(bytes.len());
        super::disk::read_at(self.file, &mut there, self.at)?;
        if there.get(..bytes.len()) != Some(bytes) {
            let problem = format!("the index differs from the events near byte {}", self.at);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
