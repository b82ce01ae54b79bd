//! The embedded event log: a folder of segment files, one writer thread, any number of readers.
//!
//! * Durable means: one `fdatasync` after the batch's bytes, before anything of it is answered or visible.
//! * Positions are dense and in the order of the bytes; a stream's revisions are dense; both are checked at every read.
//! * Damage is never read as data, and never as the end of the log: what is returned is what was written, or an error
//!   that names the file and the offset. Only what a crash can leave of an unacknowledged batch is cut off; acknowledged
//!   events that are missing at the end are an error.
//! * Index files are derived; the `.events` files are the log.
//! * Memory: the index of the open segment (and of up to three being sealed), 1.5 bytes per stream and per command and
//!   segment for filters, the queue, the batch, the cache of heads. Nothing else grows with the log.
//!
//! In reading order: `options`, `format` (the bytes), `queue` -> `batch` -> `writer` (the way in), `memory`, `sidecar`
//! and `segment` (what is found where), `catalog` (all segments), `read` (the way out), `prepare` and `seal` (what runs
//! beside), `acknowledged`, `scan` and `open` (after a crash), `verify`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _, unfold};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::log::{Batch, EventFeed, EventLog, LogError, Page};
use crate::record::{Append, Appended, Direction, EventMark, Filter, Recorded};
use crate::stream::StreamId;

mod acknowledged;
mod batch;
mod blocks;
mod catalog;
mod context;
mod disk;
#[cfg(test)]
mod faults;
mod filter;
mod format;
mod hash;
mod lock;
mod memory;
mod open;
mod options;
mod prepare;
mod queue;
mod read;
mod scan;
mod seal;
mod segment;
mod sidecar;
mod verify;
mod writer;

use catalog::Catalog;
use context::Context;
use disk::{Disk, unavailable};
pub(crate) use format::SEGMENT_HEADER_BYTES;
use format::{RECORD_FIXED_BYTES, padded};
pub(crate) use lock::Lock;
use open::Writable;
pub use options::FileLogOptions;
use queue::{Queue, Request};
use read::Reader;
use seal::SealQueue;
pub use verify::VerifyReport;
use writer::Writer;

/// The embedded log. Share it in an [`Arc`]; dropping the last handle closes it.
pub struct FileLog {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

struct Shared {
    context: Arc<Context>,
    catalog: Arc<Catalog>,
    queue: Arc<Queue>,
    head: Arc<watch::Sender<u64>>,
    closed: watch::Sender<bool>,
}

struct Running {
    writer: JoinHandle<()>,
    sealer: JoinHandle<()>,
    seals: SealQueue,
    lock: Lock,
}

/// What is cheap to tell of a log, however large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogStats {
    pub events: u64,
    pub streams: u64,
    pub segments: u64,
    /// Of events with their framing, without index files and space allocated ahead.
    pub bytes: u64,
    pub head: u64,
    pub first_recorded_at_ms: Option<u64>,
    pub last_recorded_at_ms: Option<u64>,
}

/// Reads of at most this many events are done in place: they take microseconds from the page cache.
const READ_IN_PLACE_EVENTS_MAX: u64 = 256;

const CLOSED: &str = "it has been closed";

impl FileLog {
    /// Opens the log in a folder, or begins one in a folder that is empty or not there yet. Blocks for as long as it
    /// takes to read the last segment.
    pub fn open(dir: impl AsRef<Path>, options: FileLogOptions) -> Result<Self, LogError> {
        Self::open_on(dir.as_ref(), options, Disk::default())
    }

    /// Whether some process has it open for writing at this moment.
    pub fn is_open(dir: impl AsRef<Path>) -> bool {
        Lock::is_held(dir.as_ref())
    }

    /// Opens an existing log for reading as it is now. Takes no lock and changes nothing; beside a writer it may show a
    /// last batch that has not been acknowledged yet, and it does not follow what is appended later.
    pub fn open_read_only(dir: impl AsRef<Path>, options: FileLogOptions) -> Result<Self, LogError> {
        let opened = open::open(dir.as_ref(), options.clamped(), Disk::default(), true)?;
        let queue = Queue::new(0, 0);
        queue.close("it was opened for reading only");
        Ok(Self {
            shared: Arc::new(Shared {
                context: opened.context,
                catalog: opened.catalog,
                queue: Arc::new(queue),
                head: Arc::new(watch::Sender::new(opened.head)),
                closed: watch::Sender::new(false),
            }),
            running: Mutex::new(None),
        })
    }

    fn open_on(dir: &Path, options: FileLogOptions, disk: Disk) -> Result<Self, LogError> {
        let opened = open::open(dir, options.clamped(), disk, false)?;
        let Some(Writable { open: open_segment, acknowledged, lock }) = opened.writable else {
            return Err(LogError::Unavailable("the log was opened for reading only".to_owned()));
        };
        let options = &opened.context.options;
        let queue = Arc::new(Queue::new(options.queue_appends_max, options.queue_bytes_max));
        let head = Arc::new(watch::Sender::new(opened.head));
        let no_thread = |error: std::io::Error| unavailable("start a thread for", dir, &error);
        let (seals, sealer) = seal::start(&opened.context, &opened.catalog).map_err(no_thread)?;
        for segment in opened.catalog.segments().iter().rev().skip(1).take(2) {
            seals.seal(segment.first_position);
        }
        seals.load_filters();
        *opened.context.seals.lock() = Some(seals.clone());
        let writer = Writer {
            context: opened.context.clone(),
            catalog: opened.catalog.clone(),
            queue: queue.clone(),
            head: head.clone(),
            seals: seals.clone(),
            open: open_segment,
            acknowledged,
            last_recorded_at_ms: opened.last_recorded_at_ms,
            poisoned: None,
            no_room: None,
        };
        let writer =
            Builder::new().name("eventlog-write".into()).spawn(move || writer.run()).map_err(no_thread)?;
        Ok(Self {
            shared: Arc::new(Shared {
                context: opened.context,
                catalog: opened.catalog,
                queue,
                head,
                closed: watch::Sender::new(false),
            }),
            running: Mutex::new(Some(Running { writer, sealer, seals, lock })),
        })
    }

    /// Writes what waits, ends the threads and gives the folder free. Blocks meanwhile. From then on everything is
    /// [`LogError::Unavailable`], and followers end. Closing twice is fine.
    pub fn close(&self) {
        self.shared.queue.close(CLOSED);
        let mut running = self.running.lock();
        if let Some(Running { writer, sealer, seals, lock }) = running.take() {
            if writer.join().is_err() {
                tracing::error!("the thread that writes the log has failed");
            }
            seals.stop();
            if sealer.join().is_err() {
                tracing::error!("the thread that seals segments has failed");
            }
            *self.shared.context.seals.lock() = None;
            drop(lock);
        }
        self.shared.closed.send_replace(true);
    }

    pub fn stats(&self) -> LogStats {
        let segments = self.shared.catalog.segments();
        let mut stats = LogStats {
            events: 0,
            streams: 0,
            segments: segments.len() as u64,
            bytes: 0,
            head: self.head(),
            first_recorded_at_ms: None,
            last_recorded_at_ms: None,
        };
        for extent in segments.iter().map(|segment| segment.extent()) {
            if extent.events == 0 {
                // One that has just been begun has its header.
                stats.bytes += SEGMENT_HEADER_BYTES;
                continue;
            }
            stats.events += extent.events;
            stats.streams += extent.streams_started;
            stats.bytes += extent.data_end;
            stats.first_recorded_at_ms.get_or_insert(extent.first_recorded_at_ms);
            stats.last_recorded_at_ms = Some(extent.last_recorded_at_ms);
        }
        stats
    }

    /// Returns a reader for threads that may block. It does not keep the log open.
    pub fn reader(&self) -> LogReader {
        LogReader { shared: self.shared.clone() }
    }

    /// Follows the head: the position of the last durable event.
    pub fn watch_head(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    fn size(&self, append: &Append) -> Result<usize, LogError> {
        let options = &self.shared.context.options;
        let count = append.event_count();
        if append.command_id.is_nil() {
            return Err(LogError::Invalid("the command id is nil".to_owned()));
        }
        if count > options.append_events_max {
            let problem = format!("{count} events; at most {} go together", options.append_events_max);
            return Err(LogError::Invalid(problem));
        }
        let mut bytes = 0;
        for write in &append.writes {
            // A condition takes no room in the file, but some in the queue.
            bytes += 64;
            for event in &write.events {
                let fixed = RECORD_FIXED_BYTES + write.stream.as_str().len() + event.kind.as_str().len();
                let record = padded(fixed + event.data.len() + event.meta.len());
                if record > options.event_bytes_max {
                    let problem = format!(
                        "an event {} for {} of {record} bytes; at most {} fit",
                        event.kind, write.stream, options.event_bytes_max
                    );
                    return Err(LogError::Invalid(problem));
                }
                bytes += record;
            }
        }
        if bytes > options.append_bytes_max {
            let problem = format!("{bytes} bytes; at most {} go together", options.append_bytes_max);
            return Err(LogError::Invalid(problem));
        }
        Ok(bytes)
    }
}

/// Reads a [`FileLog`] from a thread that may block. Cheap to clone. It goes on reading what is there when the log has
/// been closed.
#[derive(Clone)]
pub struct LogReader {
    shared: Arc<Shared>,
}

impl LogReader {
    /// Returns the position of the last durable event, 0 for an empty log.
    pub fn head(&self) -> u64 {
        *self.shared.head.borrow()
    }

    /// Returns the mark of the event at this position, `None` when there is no such event. Reads one record.
    pub fn mark(&self, position: u64) -> Result<Option<EventMark>, LogError> {
        let Some(before) = position.checked_sub(1) else { return Ok(None) };
        Ok(self.read(before, 1)?.events.first().map(Recorded::mark))
    }

    /// Returns the events behind position `after`, up to `limit`; as [`EventLog::read_all`].
    pub fn read(&self, after: u64, limit: usize) -> Result<Page, LogError> {
        self.shared.read_all_now(after, &Filter::all(), limit)
    }

    /// Whether the stream has any events.
    pub fn has_stream(&self, stream: &StreamId) -> Result<bool, LogError> {
        Ok(self.shared.catalog.head(stream)?.is_some())
    }
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("head", &self.head()).finish()
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for FileLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLog").field("dir", &self.shared.context.dir).field("head", &self.head()).finish()
    }
}

impl Shared {
    fn reader(&self) -> Reader<'_> {
        Reader { context: &self.context, catalog: &self.catalog }
    }

    fn ensure_open(&self) -> Result<(), LogError> {
        if *self.closed.borrow() { Err(LogError::Unavailable(CLOSED.to_owned())) } else { Ok(()) }
    }

    fn read_all_now(&self, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError> {
        self.reader().read_all(after, filter, limit, *self.head.borrow())
    }

    /// What may take long goes to a thread that is there to be blocked.
    async fn read_all(self: &Arc<Self>, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError> {
        self.ensure_open()?;
        let behind = self.head.borrow().saturating_sub(after);
        let filter_all = filter.is_all();
        if behind.min(if filter_all { limit as u64 } else { u64::MAX }) <= READ_IN_PLACE_EVENTS_MAX {
            return self.read_all_now(after, filter, limit);
        }
        let (shared, filter) = (self.clone(), filter.clone());
        aside(move || shared.read_all_now(after, &filter, limit)).await
    }
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime
            .spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(LogError::Unavailable(format!("a read failed: {error}")))),
        Err(_) => work(),
    }
}

#[async_trait::async_trait]
impl EventLog for FileLog {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        let (reply, answer) = oneshot::channel();
        let queued =
            self.size(&append).and_then(|bytes| self.shared.queue.push(Request { append, bytes, reply }));
        if let Err(error) = queued {
            return std::future::ready(Err(error)).boxed();
        }
        async move {
            answer.await.unwrap_or_else(|_| Err(LogError::Unavailable("the writer has ended".to_owned())))
        }
        .boxed()
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        self.shared.ensure_open()?;
        if limit as u64 <= READ_IN_PLACE_EVENTS_MAX {
            return self.shared.reader().read_stream(stream, from, direction, limit);
        }
        let (shared, stream) = (self.shared.clone(), stream.clone());
        aside(move || shared.reader().read_stream(&stream, from, direction, limit)).await
    }

    async fn stream_head(&self, stream: &StreamId) -> Result<Option<u64>, LogError> {
        self.shared.ensure_open()?;
        Ok(self.shared.catalog.head(stream)?.map(|head| head.revision))
    }

    async fn read_all(&self, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError> {
        self.shared.read_all(after, filter, limit).await
    }

    async fn find(&self, event_id: Uuid) -> Result<Option<Recorded>, LogError> {
        self.shared.ensure_open()?;
        self.shared.catalog.event(event_id)
    }

    fn head(&self) -> u64 {
        *self.shared.head.borrow()
    }

    /// Cheap: the outcome of the last batch. After a full disk the writer checks by itself whether there is room again.
    fn write_trouble(&self) -> Option<String> {
        self.shared.context.write_trouble.lock().clone()
    }
}

struct Following {
    shared: Arc<Shared>,
    head: watch::Receiver<u64>,
    closed: watch::Receiver<bool>,
    after: u64,
    filter: Filter,
    batch_events_max: usize,
}

impl Following {
    async fn next(&mut self) -> Result<Batch, LogError> {
        loop {
            self.shared.ensure_open()?;
            let head = *self.head.borrow_and_update();
            if head > self.after {
                let page = self.shared.read_all(self.after, &self.filter, self.batch_events_max).await?;
                self.after = page.position;
                return Ok(Batch {
                    events: page.events,
                    position: page.position,
                    head: page.head,
                    late: false,
                });
            }
            // Neither sender goes before the receivers: both are in `shared`.
            tokio::select! {
                _ = self.head.changed() => {}
                _ = self.closed.changed() => {}
            }
        }
    }
}

impl EventFeed for FileLog {
    fn follow(
        &self,
        after: u64,
        filter: Filter,
        batch_events_max: usize,
    ) -> BoxStream<'static, Result<Batch, LogError>> {
        let following = Following {
            shared: self.shared.clone(),
            head: self.shared.head.subscribe(),
            closed: self.shared.closed.subscribe(),
            after,
            filter,
            batch_events_max: batch_events_max.max(1),
        };
        unfold(Some(following), |following| async move {
            let mut following = following?;
            match following.next().await {
                Ok(batch) => Some((Ok(batch), Some(following))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }
}

#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod tests;
