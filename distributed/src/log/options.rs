//! What can be set, each limit with its unit, and whether an append keeps within.

use nova_eventlog::{Append, LogError};

/// Settings of a [`PostgresLog`](super::PostgresLog).
#[derive(Debug, Clone)]
pub struct PostgresLogOptions {
    /// Largest event: name, kind, data and meta together.
    pub event_bytes_max: usize,
    /// Most events of one append; never more than 65,536.
    pub append_events_max: usize,
    /// Largest append.
    pub append_bytes_max: usize,
    /// Appends are committed together until a batch holds this many events ...
    pub batch_events_max: usize,
    /// ... or this many bytes. One append always fits. A batch holds the lock on the head: other processes wait.
    pub batch_bytes_max: usize,
    /// Appends that may wait for the writer ...
    pub queue_appends_max: usize,
    /// ... and the bytes they may hold; the next one is refused as overloaded.
    pub queue_bytes_max: usize,
    /// Largest page or batch of events a read returns (and one event more).
    pub page_bytes_max: usize,
    /// How long a batch is tried again when the server does not take it, before it is answered as unavailable.
    pub append_retry_ms_max: u64,
    /// The same for reads.
    pub read_retry_ms_max: u64,
    /// An attempt that has not been answered after so long is given up and counts as failed. Longer than the server's
    /// own limit for a statement.
    pub attempt_ms_max: u64,
    /// Notifications to other processes are at least so far apart.
    pub notify_interval_ms: u64,
    /// The head is asked for so often while other processes append, ...
    pub poll_busy_ms: u64,
    /// ... up to so seldom when they do not, ...
    pub poll_idle_ms: u64,
    /// ... and so seldom when nothing has happened for a while and notifications would arrive.
    pub poll_quiet_ms: u64,
}

impl Default for PostgresLogOptions {
    fn default() -> Self {
        Self {
            event_bytes_max: 1 << 20,
            append_events_max: 65_536,
            append_bytes_max: 16 << 20,
            batch_events_max: 2_048,
            batch_bytes_max: 4 << 20,
            queue_appends_max: 16_384,
            queue_bytes_max: 64 << 20,
            page_bytes_max: 8 << 20,
            append_retry_ms_max: 10_000,
            read_retry_ms_max: 3_000,
            attempt_ms_max: 35_000,
            notify_interval_ms: 3,
            poll_busy_ms: 2,
            poll_idle_ms: 50,
            poll_quiet_ms: 200,
        }
    }
}

/// What a row takes beside its texts and bytes.
const ROW_BYTES: usize = 100;

impl PostgresLogOptions {
    /// Within what the table and the protocol can hold.
    pub(crate) fn clamped(mut self) -> Self {
        self.append_events_max = self.append_events_max.clamp(1, 65_536);
        self.append_bytes_max = self.append_bytes_max.clamp(1, 256 << 20);
        self.event_bytes_max = self.event_bytes_max.clamp(1, self.append_bytes_max);
        self.batch_events_max = self.batch_events_max.clamp(1, 65_536);
        self.batch_bytes_max = self.batch_bytes_max.clamp(1, 256 << 20);
        self.notify_interval_ms = self.notify_interval_ms.max(1);
        self.poll_busy_ms = self.poll_busy_ms.max(1);
        self.poll_idle_ms = self.poll_idle_ms.max(self.poll_busy_ms);
        self.poll_quiet_ms = self.poll_quiet_ms.max(self.poll_idle_ms);
        self
    }

    /// How many bytes it takes, if it can be stored at all.
    pub(crate) fn size(&self, append: &Append) -> Result<usize, LogError> {
        let count = append.event_count();
        if append.command_id.is_nil() {
            return Err(LogError::Invalid("the command id is nil".to_owned()));
        }
        if count > self.append_events_max {
            let problem = format!("{count} events; at most {} go together", self.append_events_max);
            return Err(LogError::Invalid(problem));
        }
        let mut bytes = 0;
        for write in &append.writes {
            // A condition takes no room in the table, but some in the queue.
            bytes += 64;
            for event in &write.events {
                let names = write.stream.as_str().len() + event.kind.as_str().len();
                let row = ROW_BYTES + names + event.data.len() + event.meta.len();
                if row > self.event_bytes_max {
                    let (kind, stream, max) = (&event.kind, &write.stream, self.event_bytes_max);
                    let problem = format!("an event {kind} for {stream} of {row} bytes; at most {max} fit");
                    return Err(LogError::Invalid(problem));
                }
                bytes += row;
            }
        }
        if bytes > self.append_bytes_max {
            let problem = format!("{bytes} bytes; at most {} go together", self.append_bytes_max);
            return Err(LogError::Invalid(problem));
        }
        Ok(bytes)
    }
}
