//! The one thread that writes.
//!
//! * Whatever waits becomes one batch, one frame, one sync: as soon as the queue is drained, never on a timer.
//! * Appends are checked in order, each against the log as its predecessors in the batch will have left it.
//! * Nothing is answered, and no reader sees anything, before the sync: conflicts neither, since they may rest on the
//!   batch. Without new events there is nothing to sync, and nothing undurable to rest on.
//! * When a write or a sync fails, nobody knows what is on the disk: the log takes no more appends until it is opened
//!   again. When a new segment cannot be made, nothing has been written: only this batch fails.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::log::LogError;

use super::acknowledged::Acknowledged;
use super::batch::{Batch, Heads};
use super::catalog::Catalog;
use super::context::{Context, FileKind, now_ms};
use super::disk::unavailable;
use super::format::SEGMENT_HEADER_BYTES;
use super::memory::MemIndex;
use super::prepare::{Spare, at_least, create_segment, fits, next_segment_bytes};
use super::queue::{Queue, Request, Taken};
use super::seal::SealQueue;
use super::segment::Segment;

/// Segments whose index is still in memory besides the one that is written. More than this and appends wait for, or
/// fail with, the thread that seals: memory is bounded.
const UNSEALED_MAX: usize = 3;
/// How often a writer without new events checks whether there is room for a segment again.
const ROOM_RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    pub(crate) context: Arc<Context>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) head: Arc<watch::Sender<u64>>,
    pub(crate) seals: SealQueue,
    pub(crate) open: OpenSegment,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) last_recorded_at_ms: u64,
    /// Why nothing is written any more.
    pub(crate) poisoned: Option<LogError>,
    /// While it is set, appends fail.
    pub(crate) no_room: Option<NoRoom>,
}

/// The segment that is written.
pub(crate) struct OpenSegment {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: File,
    pub(crate) bytes: u64,
    pub(crate) data_end: u64,
    pub(crate) spare: Option<Spare>,
}

/// No segment could be made for a frame of so many bytes.
pub(crate) struct NoRoom {
    frame_bytes: usize,
    tried: Instant,
}

impl Writer {
    pub(crate) fn run(mut self) {
        let mut heads = Heads::new(self.context.options.heads_cached_max);
        let mut batch = Batch::new(self.context.seed);
        let mut requests = Vec::new();
        let (events_max, bytes_max) =
            (self.context.options.batch_events_max, self.context.options.batch_bytes_max);
        loop {
            let idle_max = self.acknowledged.idle_max().or(self.no_room.as_ref().map(|_| ROOM_RETRY));
            match self.queue.take(events_max, bytes_max, idle_max, &mut requests) {
                Taken::Batch => {
                    self.commit(&mut batch, &mut heads, &mut requests);
                    self.acknowledged.sync_if_due(&self.context);
                }
                Taken::Idle => self.acknowledged.sync(&self.context),
                Taken::Closed => break,
            }
            self.retry_room();
        }
        self.acknowledged.sync(&self.context);
        if let Some(spare) = self.open.spare.take() {
            spare.discard(&self.context);
        }
    }

    fn commit(&mut self, batch: &mut Batch, heads: &mut Heads, requests: &mut Vec<Request>) {
        if let Some(error) = &self.poisoned {
            for request in requests.drain(..) {
                request.reply.send(Err(error.clone())).ok();
            }
            return;
        }
        self.last_recorded_at_ms = self.last_recorded_at_ms.max(now_ms());
        let head = *self.head.borrow();
        batch.begin(head, self.last_recorded_at_ms);
        for request in requests.drain(..) {
            batch.admit(request, heads, &self.catalog);
        }
        if batch.frame.is_empty() {
            batch.answer(None);
            return;
        }
        if let Err(error) = self.make_room(batch.frame.len(), head + 1) {
            let no_room = NoRoom { frame_bytes: batch.frame.len(), tried: Instant::now() };
            if self.no_room.replace(no_room).is_none() {
                tracing::error!(%error, "appends fail until there is room for a new segment");
            }
            self.set_trouble(Some(error.to_string()));
            batch.answer(Some(&error));
            return;
        }
        self.has_room();
        let offset = self.open.data_end;
        let frame_bytes = batch.frame.len() as u64;
        if let Err(error) = self.write(batch.frame.finish(head + 1), offset) {
            tracing::error!(%error, "the log takes no more appends until it is opened again");
            let reason = format!("{error}; the log takes no appends until it is opened again");
            self.queue.close(&reason);
            self.set_trouble(Some(reason.clone()));
            let error = self.poisoned.insert(LogError::Unavailable(reason));
            batch.answer(Some(error));
            return;
        }
        self.open.data_end += frame_bytes;
        self.open.segment.extend(|index| batch.index(index, offset, heads));
        self.acknowledged.note(&self.context, batch.head());
        // Readers first, then the writers: who has an answer can read what it says.
        self.head.send_replace(batch.head());
        batch.answer(None);
        self.prepare_ahead();
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.context.write_trouble.lock() = trouble;
    }

    fn has_room(&mut self) {
        if self.no_room.take().is_some() {
            tracing::info!("there is room for a new segment again");
            self.set_trouble(None);
        }
    }

    /// Without events there is no other way to notice that a full disk has room again. Empty appends may still arrive:
    /// readiness checks send them.
    fn retry_room(&mut self) {
        let due = self.no_room.as_mut().filter(|no_room| no_room.tried.elapsed() >= ROOM_RETRY);
        let Some(no_room) = due else { return };
        no_room.tried = Instant::now();
        let frame_bytes = no_room.frame_bytes;
        let next = *self.head.borrow() + 1;
        if self.make_room(frame_bytes, next).is_ok() {
            self.has_room();
        }
    }

    fn write(&self, frame: &[u8], offset: u64) -> Result<(), LogError> {
        let disk = &self.context.disk;
        let written = disk.write_at(&self.open.file, frame, offset).and_then(|()| disk.sync(&self.open.file));
        written.map_err(|error| {
            let path = self.context.path(self.open.segment.first_position, FileKind::Events);
            unavailable("write", &path, &error)
        })
    }

    /// Goes on to a new segment when the frame does not fit into this one.
    fn make_room(&mut self, frame_bytes: usize, first_position: u64) -> Result<(), LogError> {
        let fits_here = fits(self.open.bytes, self.open.data_end, frame_bytes);
        // A segment without events would have the same name as the next one.
        if fits_here || (self.open.data_end == SEGMENT_HEADER_BYTES && self.grow(frame_bytes)?) {
            return Ok(());
        }
        self.await_seals()?;
        let wanted = next_segment_bytes(Some(self.open.bytes), self.context.options.segment_bytes);
        let wanted = at_least(wanted, frame_bytes);
        let (file, bytes) = create_segment(&self.context, self.open.spare.take(), first_position, wanted)?;
        let index = MemIndex::new(first_position, SEGMENT_HEADER_BYTES, self.context.key);
        let segment = Arc::new(Segment::in_memory(self.context.clone(), index));
        self.catalog.add(segment.clone());
        self.seals.seal(self.open.segment.first_position);
        self.open = OpenSegment { segment, file, bytes, data_end: SEGMENT_HEADER_BYTES, spare: None };
        Ok(())
    }

    /// Makes the empty segment large enough for its first frame.
    fn grow(&mut self, frame_bytes: usize) -> Result<bool, LogError> {
        let bytes = at_least(self.open.bytes, frame_bytes);
        let grown = self.context.disk.allocate(&self.open.file, bytes);
        grown.map_err(|error| {
            let path = self.context.path(self.open.segment.first_position, FileKind::Events);
            unavailable("enlarge", &path, &error)
        })?;
        self.open.bytes = bytes;
        Ok(true)
    }

    fn await_seals(&self) -> Result<(), LogError> {
        loop {
            let segments = self.catalog.segments();
            let unsealed = segments.iter().filter(|segment| segment.with_memory(|_| ()).is_some()).count();
            if unsealed <= UNSEALED_MAX {
                return Ok(());
            }
            if self.context.seal_fails.load(Ordering::Relaxed) {
                // Tried again meanwhile: the next append may find it done.
                self.seals.seal(self.open.segment.first_position);
                return Err(LogError::Unavailable("index files cannot be written".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts on the next segment when a quarter of this one is used.
    fn prepare_ahead(&mut self) {
        if let Some(spare) = &self.open.spare {
            spare.keep_step(self.open.data_end, self.open.bytes);
            return;
        }
        if self.open.data_end < self.open.bytes / 4 {
            return;
        }
        let bytes = next_segment_bytes(Some(self.open.bytes), self.context.options.segment_bytes);
        match Spare::start(&self.context, bytes) {
            Ok(spare) => self.open.spare = Some(spare),
            Err(error) => tracing::warn!(%error, "cannot prepare the next segment ahead of time"),
        }
    }
}
