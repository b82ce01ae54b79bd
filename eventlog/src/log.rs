//! The two ports: writing and reading the log, and following it.

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use uuid::Uuid;

use crate::record::{Append, Appended, Direction, EventMark, Expected, Filter, Recorded};
use crate::stream::StreamId;

/// The log.
///
/// * **All or nothing.** An append's events are in the log together or not at all, also after a crash at any instant.
/// * **Durable when it returns.** Once `append` has answered `Ok`, no crash of the process or the machine loses it.
/// * **Conditions are atomic.** Every write's expectation is checked against the log as it is at that append. Within
///   one append a later write sees the earlier writes to the same stream.
/// * **Idempotent.** An append whose command id is already in the log writes nothing, checks nothing and returns the
///   first result with `duplicate: true`. An append without events leaves no trace, so it can be neither.
/// * **Ordered.** Appends made one after the other on one handle take effect in the order of the *calls* (not of the
///   polls): `append` queues the request before it returns its future, and dropping the future does not withdraw it.
///   This lets a caller build on a predecessor that is not durable yet; if that one fails, the later one conflicts.
/// * **A conflict is answered no earlier than the state that caused it is durable**, so that a caller that reads after
///   a conflict sees what it conflicted with.
/// * **Dense.** Positions are 1, 2, 3 ... and revisions 0, 1, 2 ... without gaps. Readers see a prefix of the log, only
///   durable events, and never part of an append: an event is visible to every read that starts after its append
///   returned.
/// * **Bounded.** At most a configured number of appends wait; the next one is refused with [`LogError::Overloaded`].
#[async_trait::async_trait]
pub trait EventLog: Send + Sync + 'static {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>>;

    /// Up to `limit` events of one stream from revision `from` on: forwards those with revision >= `from`, backwards
    /// those with revision <= `from` (`u64::MAX`: from the end), nearest first. Empty when there are none.
    async fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError>;

    /// The last revision of a stream, `None` when it has no events.
    async fn stream_head(&self, stream: &StreamId) -> Result<Option<u64>, LogError>;

    /// Events with position > `after` that the filter admits, in order, up to `limit` of them. A page may hold fewer
    /// events than `limit`, even none, while more follow: go on from `Page::position` until it is the head.
    async fn read_all(&self, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError>;

    /// The event at this position, if there is one. Nothing is at 0.
    async fn event_at(&self, position: u64) -> Result<Option<Recorded>, LogError> {
        let Some(before) = position.checked_sub(1) else { return Ok(None) };
        let events = self.read_all(before, &Filter::all(), 1).await?.events;
        Ok(events.into_iter().next().filter(|event| event.position == position))
    }

    /// The mark of the event at this position, if there is one, and the head.
    async fn mark_at(&self, position: u64) -> Result<(Option<EventMark>, u64), LogError> {
        let event = self.event_at(position).await?;
        Ok((event.as_ref().map(Recorded::mark), self.read_head().await?))
    }

    /// The event with this id. A command's first event has the command's id.
    async fn find(&self, event_id: Uuid) -> Result<Option<Recorded>, LogError>;

    /// The position of the last durable event, 0 for an empty log. Where other processes append too, it may lag behind theirs.
    fn head(&self) -> u64;

    /// What time it is for the log, in milliseconds since the Unix epoch: events are recorded by this clock. A log in
    /// this process has the clock of this process.
    async fn clock_ms(&self) -> Result<i64, LogError> {
        let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Ok(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    /// Reads the position of the last durable event from where it is stored, whoever appended it.
    async fn read_head(&self) -> Result<u64, LogError> {
        Ok(self.head())
    }

    /// Why events cannot be appended, if the last attempt showed it; `None` otherwise. An empty append may succeed all the same.
    fn write_trouble(&self) -> Option<String> {
        None
    }
}

/// Part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub events: Vec<Recorded>,
    /// Everything up to here has been looked at: the `after` to go on with.
    pub position: u64,
    /// The mark of the event at `position`, where reading came by it: of the same state of the log as the events.
    pub mark: Option<EventMark>,
    /// The head of the log when the page was read.
    pub head: u64,
}

/// Following the log: first what is there, then what comes, with no gap and no repetition between the two.
pub trait EventFeed: Send + Sync + 'static {
    /// Endless. Batches of at most `batch_events_max` events that the filter admits, in order, starting behind
    /// position `after`. A batch may be empty: it then only moves `position` forward past events that the filter
    /// leaves out. A slow reader holds up nobody. An error ends the stream; follow again from the last position.
    fn follow(
        &self,
        after: u64,
        filter: Filter,
        batch_events_max: usize,
    ) -> BoxStream<'static, Result<Batch, LogError>>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub events: Vec<Recorded>,
    /// The cursor to save when the batch is done.
    pub position: u64,
    /// The head of the log when the batch was read: the difference is the lag.
    pub head: u64,
    /// These events had been held back on their way here, and others behind them have come already: they are new though
    /// their positions are below the cursor. The log itself never holds anything back.
    pub late: bool,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    #[error("stream {stream} was expected to be {expected:?} but its last revision is {actual:?}")]
    Conflict { stream: StreamId, expected: Expected, actual: Option<u64> },
    /// The request itself cannot be stored. Nothing was written.
    #[error("invalid append: {0}")]
    Invalid(String),
    /// Too many appends wait. Nothing was written; try again later.
    #[error("the log's queue of {waiting} waiting appends is full")]
    Overloaded { waiting: usize },
    /// Storage failed or the log is shutting down. Whether an unanswered append is there is known after a restart.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// What is stored is not what was written.
    #[error("the log is corrupt at {place}: {problem}")]
    Corrupt { place: String, problem: String },
    /// The folder holds something else, or a format this version does not know.
    #[error("cannot open the log in {place}: {problem}")]
    Format { place: String, problem: String },
    /// Another process writes to the log.
    #[error("the log in {place} is in use by another process{}", owner.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Locked { place: String, owner: Option<u32> },
}
