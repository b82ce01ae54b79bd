//! The log in PostgreSQL, written by any number of processes.
//!
//! * One batch of a process is in flight at a time; what arrives meanwhile is the next one. A batch is one round trip and
//!   one transaction of the function `nova.append` (see `migrations/postgres/0001_log.sql`), which locks the one row of
//!   the head first: positions are dense and in commit order, whoever writes.
//! * Durable means committed, with the server's synchronous commit. Nothing of a batch is answered earlier.
//! * When the connection is lost, whether the batch was committed is not known. It is sent again, and finds itself done
//!   if it was, because its commands are in the log: an append is there once, or not at all.
//! * Readers see what is committed. A page and the head it names are of one snapshot.
//! * The head as this process knows it moves with its own batches, with every page it reads, and with what other
//!   processes tell: each sends at most one notification per 3 ms, never in the transaction that appends. A poll, the
//!   rarer the less happens, makes up for notifications that are lost.
//!
//! In reading order: `options`, `queue` -> `batch` -> `writer` (the way in), `read` (the way out), `wake` (the head), `history`
//! (whether it is still the same log).

mod batch;
mod history;
mod options;
mod queue;
mod read;
mod wake;
mod writer;

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _, unfold};
use nova_eventlog::log::{Batch, EventFeed, EventLog, LogError, Page};
use nova_eventlog::{Append, Appended, Direction, EventMark, Filter, Recorded, StreamId};
use parking_lot::Mutex;
use sqlx::postgres::PgPool;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use history::Seen;
pub(crate) use history::changed;
pub use options::PostgresLogOptions;
use queue::{Queue, Request};
use read::Reader;

/// The log. Dropping the last handle ends it: what waits is still written.
pub struct PostgresLog {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

struct Shared {
    options: PostgresLogOptions,
    reader: Reader,
    queue: Queue,
    head: Head,
    seen: Arc<Seen>,
    /// The last position this process has written: what it tells the others.
    written: watch::Sender<u64>,
    closed: watch::Sender<bool>,
}

/// The position of the last event known to be committed. Never goes back.
#[derive(Clone)]
struct Head(Arc<watch::Sender<u64>>);

impl Head {
    fn get(&self) -> u64 {
        *self.0.borrow()
    }

    /// Whether that was news.
    fn raise(&self, position: u64) -> bool {
        self.0.send_if_modified(|head| {
            let news = position > *head;
            *head = position.max(*head);
            news
        })
    }
}

const CLOSED: &str = "it has been closed";

impl PostgresLog {
    /// Reads through `pool`; writing, listening and notifying have a connection each beside it. The schema must be there:
    /// see [`check_schema`](crate::postgres::check_schema). Must be called within a runtime, which the log then uses.
    pub async fn open(pool: PgPool, options: PostgresLogOptions) -> Result<Arc<Self>, LogError> {
        let options = options.clamped();
        let head = Head(Arc::new(watch::Sender::new(0)));
        let seen = Arc::new(Seen::default());
        let reader = Reader::new(pool.clone(), head.clone(), Arc::clone(&seen), &options);
        head.raise(reader.head().await?);
        let shared = Arc::new(Shared {
            queue: Queue::new(options.queue_appends_max, options.queue_bytes_max),
            written: watch::Sender::new(0),
            closed: watch::Sender::new(false),
            options,
            reader,
            head,
            seen,
        });
        let connecting = pool.connect_options();
        let mut tasks = JoinSet::new();
        tasks.spawn(writer::run(shared.clone(), connecting.clone()));
        tasks.spawn(wake::listen(shared.clone(), connecting.clone()));
        tasks.spawn(wake::tell(shared.clone(), connecting));
        Ok(Arc::new(Self { shared, tasks: Mutex::new(tasks) }))
    }

    /// Follows the head, other processes' appends included.
    pub fn wakeup(&self) -> watch::Receiver<u64> {
        self.shared.head.0.subscribe()
    }

    /// Returns when the log is no longer the one that it was, and says how. Whoever waits has to begin again: what it
    /// remembers of the log may be of what was lost.
    pub async fn history_changes(&self) -> String {
        self.shared.seen.is_lost(&self.shared.reader).await
    }

    /// Writes what waits and ends. From then on everything is [`LogError::Unavailable`], and followers end.
    pub async fn close(&self) {
        self.shared.close();
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        while tasks.join_next().await.is_some() {}
    }
}

impl Drop for PostgresLog {
    fn drop(&mut self) {
        self.shared.close();
        // They end by themselves once the queue is written.
        self.tasks.get_mut().detach_all();
    }
}

impl fmt::Debug for PostgresLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLog").field("head", &self.head()).finish_non_exhaustive()
    }
}

impl Shared {
    fn close(&self) {
        self.queue.close(CLOSED);
        self.closed.send_replace(true);
    }

    fn ensure_open(&self) -> Result<(), LogError> {
        if *self.closed.borrow() { Err(LogError::Unavailable(CLOSED.to_owned())) } else { Ok(()) }
    }
}

#[async_trait::async_trait]
impl EventLog for PostgresLog {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        let (reply, answer) = oneshot::channel();
        let queued = self
            .shared
            .options
            .size(&append)
            .and_then(|bytes| self.shared.queue.push(Request::new(append, bytes, reply)));
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
        self.shared.reader.read_stream(stream, from, direction, limit).await
    }

    async fn stream_head(&self, stream: &StreamId) -> Result<Option<u64>, LogError> {
        self.shared.ensure_open()?;
        self.shared.reader.stream_head(stream).await
    }

    async fn read_all(&self, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError> {
        self.shared.ensure_open()?;
        self.shared.reader.read_all(after, filter, limit).await
    }

    async fn mark_at(&self, position: u64) -> Result<(Option<EventMark>, u64), LogError> {
        self.shared.ensure_open()?;
        self.shared.reader.mark_at(position).await
    }

    async fn find(&self, event_id: Uuid) -> Result<Option<Recorded>, LogError> {
        self.shared.ensure_open()?;
        self.shared.reader.find(event_id).await
    }

    fn head(&self) -> u64 {
        self.shared.head.get()
    }

    async fn clock_ms(&self) -> Result<i64, LogError> {
        self.shared.ensure_open()?;
        self.shared.reader.clock_ms().await
    }

    async fn read_head(&self) -> Result<u64, LogError> {
        self.shared.ensure_open()?;
        let head = self.shared.reader.head().await?;
        self.shared.head.raise(head);
        Ok(head)
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
                let page =
                    self.shared.reader.read_all(self.after, &self.filter, self.batch_events_max).await?;
                if page.position > self.after {
                    self.after = page.position;
                    let Page { events, position, head, .. } = page;
                    return Ok(Batch { events, position, head, late: false });
                }
            }
            // Neither sender goes before the receivers: both are in `shared`.
            tokio::select! {
                _ = self.head.changed() => {}
                _ = self.closed.changed() => {}
            }
        }
    }
}

impl EventFeed for PostgresLog {
    fn follow(
        &self,
        after: u64,
        filter: Filter,
        batch_events_max: usize,
    ) -> BoxStream<'static, Result<Batch, LogError>> {
        let following = Following {
            shared: self.shared.clone(),
            head: self.shared.head.0.subscribe(),
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
