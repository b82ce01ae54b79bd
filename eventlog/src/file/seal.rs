//! The background thread that gives segments their index files, and brings filters into memory.
//!
//! An index file appears whole or not at all: it is written under another name, synced, and renamed. Until then the
//! index stays in memory and answers from there.

use std::fs::{self, File};
use std::io::BufWriter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::log::LogError;
use crate::private;
use crate::stream::StreamId;

use super::catalog::Catalog;
use super::context::{Context, FileKind};
use super::disk::unavailable;
use super::memory::{MemIndex, Previous};
use super::segment::Segment;
use super::sidecar::{self, Sidecar, WriteError};

#[derive(Debug, Clone)]
pub(crate) struct SealQueue(Sender<Job>);

#[derive(Debug, Clone, Copy)]
enum Job {
    /// The segment that begins with this position.
    Seal(u64),
    LoadFilters,
    Stop,
}

impl SealQueue {
    /// The thread is there as long as the log is open; nobody waits for a job.
    pub(crate) fn seal(&self, first_position: u64) {
        self.0.send(Job::Seal(first_position)).ok();
    }

    pub(crate) fn load_filters(&self) {
        self.0.send(Job::LoadFilters).ok();
    }

    pub(crate) fn stop(&self) {
        self.0.send(Job::Stop).ok();
    }
}

pub(crate) fn start(
    context: &Arc<Context>,
    catalog: &Arc<Catalog>,
) -> std::io::Result<(SealQueue, JoinHandle<()>)> {
    let (sender, jobs) = channel();
    let (context, catalog) = (context.clone(), catalog.clone());
    let thread = Builder::new().name("eventlog-seal".into()).spawn(move || run(&context, &catalog, &jobs))?;
    Ok((SealQueue(sender), thread))
}

fn run(context: &Arc<Context>, catalog: &Catalog, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let segments = catalog.segments();
        match job {
            Job::Stop => break,
            Job::LoadFilters => {
                for segment in segments.iter().rev() {
                    report(segment.load_filters(), "cannot load the filters of an index");
                }
            }
            Job::Seal(first_position) => {
                // Whatever could not be sealed before (a full disk) is tried again with the next one.
                let upto = segments.partition_point(|segment| segment.first_position <= first_position);
                for segment in &segments[..upto.min(segments.len() - 1)] {
                    if segment.with_memory(|_| ()).is_some() {
                        let sealed = seal(context, catalog, segment);
                        context.seal_fails.store(sealed.is_err(), Ordering::Relaxed);
                        report(sealed, "cannot write an index file");
                    }
                }
            }
        }
    }
}

fn report(result: Result<(), LogError>, what: &str) {
    if let Err(error) = result {
        tracing::error!(%error, "{what}");
    }
}

fn seal(context: &Arc<Context>, catalog: &Catalog, segment: &Segment) -> Result<(), LogError> {
    let Some(written) = segment.with_memory(|index| write(context, catalog, index)) else { return Ok(()) };
    written?;
    let path = context.path(segment.first_position, FileKind::Index);
    let sidecar =
        Sidecar::open(context, segment.first_position).map_err(|error| unavailable("read", &path, &error))?;
    sidecar.load_filters().map_err(|error| unavailable("read", &path, &error))?;
    segment.seal(sidecar);
    Ok(())
}

/// Writes the index file of a segment that will not change any more, and cuts what was allocated for it in excess.
pub(crate) fn write(context: &Arc<Context>, catalog: &Catalog, index: &MemIndex) -> Result<(), LogError> {
    let events = context.path(index.first_position, FileKind::Events);
    let cut = || -> std::io::Result<()> {
        let file = File::options().write(true).open(&events)?;
        file.set_len(index.data_end)?;
        file.sync_all()
    };
    cut().map_err(|error| unavailable("cut", &events, &error))?;

    let path = context.path(index.first_position, FileKind::Index);
    let temporary = path.with_extension("index.tmp");
    let write = || -> Result<(), WriteError> {
        context.disk.check_index()?;
        let file = private::options().write(true).create(true).truncate(true).open(&temporary)?;
        let out = BufWriter::with_capacity(1 << 20, file);
        let out = sidecar::write(context, index, out, |stream| previous(catalog, index, stream))?;
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        context.disk.sync_dir(&context.dir)?;
        Ok(())
    };
    let written = write().map_err(|error| match error {
        WriteError::Io(error) => unavailable("write", &path, &error),
        WriteError::Log(error) => error,
    });
    context.forget_file(index.first_position, FileKind::Index);
    if written.is_err() {
        fs::remove_file(&temporary).ok();
    }
    written
}

/// In which segment the stream's event before those of `index` lies.
pub(crate) fn previous(catalog: &Catalog, index: &MemIndex, stream: &StreamId) -> Result<Previous, LogError> {
    let segments = catalog.segments();
    let found = catalog.stream(&segments, stream, index.first_position)?;
    Ok(found.map_or(Previous::None, |(at, _)| Previous::Segment(segments[at].first_position)))
}
