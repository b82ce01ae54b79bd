//! The relay: from the log to Kafka. The outbox is the tail of the log behind the relay's cursor, so nothing has to be
//! kept in step with anything.
//!
//! * **At least once, never skipped.** The cursor moves when everything up to it has been acknowledged by all in-sync
//!   replicas, or is noted as parked. Whatever goes wrong, the relay goes on from the cursor.
//! * **In sessions.** Each goes on from the cursor with a producer of its own, notes where it begins, and ends when the log does not have
//!   what it has published. Readers know by its name in every record what of a lost history to leave out (`sessions`).
//! * **In order.** A stream's events are in its partition in order of their first occurrence; after a crash or a change
//!   of the leader some stand there again.
//! * **One leads.** A lease in PostgreSQL with an epoch says who; a relay that lost it cannot move the cursor, and stops
//!   publishing when its own clock says that the lease has run out. What it still had under way changes nothing for
//!   readers: it is in order, and repeated by its successor.
//! * **Watermarks.** Behind events come watermarks on every partition, so that a reader of a quiet one knows how far the
//!   log has come.
//! * **Poison parks its stream.** An event that Kafka refuses for what it is, and all later ones of its stream, are noted
//!   beside the cursor; the rest goes on. They are tried again after growing pauses and on request, and come marked late.
//! * **An idle relay waits.** It is woken by the log; the leader renews its lease, the others look at it.

use std::sync::Arc;
use std::time::Duration;

use nova_eventlog::EventLog;
use parking_lot::Mutex;
use serde::Serialize;
use sqlx::postgres::PgPool;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kafka::{KafkaOptions, replaced};
use crate::postgres::sql_problem;
use lease::Lease;
use session::{End, Memory, Session};
use store::{Store, Taken};

mod lease;
mod outbox;
mod publisher;
mod redrive;
mod seen;
mod session;
mod sessions;
mod store;

pub use outbox::{
    OutboxStatus, ParkedEvent, ParkedSummary, outbox_status, parked, remember_topics, request_redrive,
};
pub use seen::{OutboxSeen, OutboxWatch};
pub use sessions::{Sessions, Validity};

/// Names of the relay's metrics.
pub mod names {
    pub const BACKLOG: &str = "outbox_backlog_events";
    pub const OLDEST: &str = "outbox_oldest_unpublished_seconds";
    pub const OBSERVED: &str = "outbox_observed_timestamp_seconds";
    pub const BATCH: &str = "relay_batch_events";
    pub const IN_FLIGHT: &str = "relay_in_flight_events";
    pub const PUBLISH_SECONDS: &str = "relay_publish_seconds";
    pub const EPOCH: &str = "relay_epoch";
    pub const LEADER: &str = "relay_is_leader";
    pub const PARKED_STREAMS: &str = "relay_parked_streams";
    pub const RETRIES: &str = "relay_retries_total";
    pub const FENCED: &str = "relay_fenced_total";
}

/// Limits of the relay. What it holds in memory is at most what may be in flight and one batch more.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// For how long a relay leads without renewing: how long nobody publishes after a crash of the leader.
    pub lease_ms: u64,
    /// Events that are read and sent at once.
    pub batch_events_max: usize,
    /// Bytes of events that are read at once, as far as the size of earlier ones foretells it.
    pub batch_bytes_max: usize,
    /// Events that are sent but not acknowledged.
    pub in_flight_events_max: usize,
    /// Bytes of events that are sent but not acknowledged.
    pub in_flight_bytes_max: usize,
    /// Watermarks are at most this often sent, and at most this late.
    pub watermark_interval_ms: u64,
    /// Under load the cursor is moved at most this often.
    pub cursor_interval_ms: u64,
    /// Events that wait this long for Kafka are sent again, by a new producer.
    pub stall_ms: u64,
    /// How long stopping may wait for what is in flight.
    pub stop_ms: u64,
    /// How long a record may wait for others to be sent with. The relay sends batches as it is.
    pub linger_ms: u64,
    /// The pause before a parked stream is tried again for the first time; each further one is four times as long.
    pub parked_retry_ms: u64,
    /// How often a parked event is tried before it waits for a request.
    pub parked_attempts_max: u32,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            lease_ms: 5_000,
            batch_events_max: 5_000,
            batch_bytes_max: 4 << 20,
            in_flight_events_max: 20_000,
            in_flight_bytes_max: 32 << 20,
            watermark_interval_ms: 100,
            cursor_interval_ms: 20,
            stall_ms: 8_000,
            stop_ms: 5_000,
            linger_ms: 2,
            parked_retry_ms: 30_000,
            parked_attempts_max: 8,
        }
    }
}

impl RelayOptions {
    fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms.max(100))
    }

    /// The pause after the event has been refused so often; `None`: not any more on its own.
    fn parked_retry(&self, attempts: u32) -> Option<Duration> {
        let grown = 4_u64.saturating_pow(attempts.saturating_sub(1));
        let pause = Duration::from_millis(self.parked_retry_ms.saturating_mul(grown));
        (attempts < self.parked_attempts_max).then_some(pause)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error(
        "the log is published to topics with {noted} partitions but kafka.partitions is {configured}; the number cannot change: set it back to {noted}"
    )]
    Partitions { noted: i32, configured: i32 },
    #[error(
        "the log is published to topics called {noted}.* but kafka.prefix is {configured}; events published before would be missing there: set it back to {noted}"
    )]
    Prefix { noted: String, configured: String },
    #[error("the outbox in PostgreSQL: {}", sql_problem(.0))]
    Postgres(#[from] sqlx::Error),
}

/// What the relay of this process does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RelayStatus {
    pub leads: bool,
    /// Of the lease it has, or had last.
    pub epoch: i64,
    /// The cursor, as far as this relay moved it.
    pub position: u64,
    pub in_flight_events: usize,
    pub parked_streams: usize,
    /// What keeps it from publishing; `None` when nothing does.
    pub problem: Option<String>,
}

/// The running relay. Dropped without [`stop`](Self::stop), its lease has to run out before another one leads.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    store: Store,
    log: Arc<dyn EventLog>,
    wakeup: watch::Receiver<u64>,
    kafka: KafkaOptions,
    options: RelayOptions,
    owner: String,
    status: Mutex<RelayStatus>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("owner", &self.owner)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Relay {
    /// Starts on the current runtime. `wakeup` holds the head of the log.
    pub fn start(
        pool: PgPool,
        log: Arc<dyn EventLog>,
        wakeup: watch::Receiver<u64>,
        kafka: KafkaOptions,
        options: RelayOptions,
    ) -> Self {
        let shared = Arc::new(Shared {
            store: Store { pool },
            log,
            wakeup,
            kafka,
            options,
            owner: owner(),
            status: Mutex::default(),
            stop: CancellationToken::new(),
        });
        let task = tokio::spawn(Arc::clone(&shared).run());
        Self { shared, task: Mutex::new(Some(task)) }
    }

    pub fn status(&self) -> RelayStatus {
        self.shared.status.lock().clone()
    }

    /// Waits for what is in flight, moves the cursor and gives the lease back, so that another relay leads at once.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        let task = self.task.lock().take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

/// Tells this relay from any other, for people.
fn owner() -> String {
    let host =
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.map_or_else(|| "host".to_owned(), |name| name.trim().to_owned());
    format!("{host}:{}:{:08x}", std::process::id(), rand::random::<u32>())
}

/// How long those that do not lead wait before they look again.
const STANDBY_MAX: Duration = Duration::from_millis(250);
/// Pauses after failures grow from this to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Growing pauses, none of them exact, so that several relays do not knock together.
#[derive(Debug)]
struct Backoff(Duration);

impl Backoff {
    fn new() -> Self {
        Self(BACKOFF_MIN)
    }

    fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(rand::random_range(0.5..1.0));
        self.0 = (self.0 * 2).min(BACKOFF_MAX);
        pause
    }
}

impl Shared {
    async fn run(self: Arc<Self>) {
        let standby = (self.options.lease() / 20).min(STANDBY_MAX);
        let mut backoff = Backoff::new();
        while !self.stop.is_cancelled() {
            let since = Instant::now();
            let pause = match self.store.take(&self.owner, self.options.lease()).await {
                Ok(Some(taken)) => {
                    tracing::info!(epoch = taken.epoch, position = taken.position, "this relay leads");
                    backoff = Backoff::new();
                    match self.store.remember_topics(&self.kafka.topics).await {
                        Ok(()) => {
                            self.lead(taken, since).await;
                            standby
                        }
                        Err(error) => self.refuse(taken, &error).await,
                    }
                }
                Ok(None) => {
                    backoff = Backoff::new();
                    self.problem(None);
                    standby
                }
                Err(error) => {
                    tracing::warn!(error = %sql_problem(&error), "the relay cannot reach its outbox, trying again");
                    self.problem(Some(format!("PostgreSQL: {}", sql_problem(&error))));
                    backoff.next()
                }
            };
            self.pause(pause).await;
        }
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    fn problem(&self, problem: Option<String>) {
        self.status.lock().problem = problem;
    }

    /// Does not lead, and leaves the lease to another one that may.
    async fn refuse(&self, taken: Taken, error: &RelayError) -> Duration {
        tracing::error!(%error, "this relay cannot lead");
        self.problem(Some(error.to_string()));
        if let Err(error) = self.store.release(taken.epoch).await {
            tracing::warn!(error = %sql_problem(&error), "the relay's lease could not be given back, it runs out");
        }
        BACKOFF_MAX
    }

    /// Until the lease is lost or given back.
    async fn lead(&self, taken: Taken, since: Instant) {
        let lease = Lease::new(taken.epoch, since, self.options.lease());
        {
            let mut status = self.status.lock();
            (status.leads, status.epoch, status.position) = (true, taken.epoch, taken.position);
        }
        metrics::gauge!(names::LEADER).set(1.0);
        metrics::gauge!(names::EPOCH).set(taken.epoch as f64);
        let kept = lease.keep(self.store.clone(), self.options.lease());
        let given_back = self.publish(&lease).await;
        drop(kept);
        if given_back {
            if let Err(error) = self.store.release(taken.epoch).await {
                tracing::warn!(error = %sql_problem(&error), "the relay's lease could not be given back, it runs out");
            }
        } else {
            metrics::counter!(names::FENCED).increment(1);
            tracing::warn!(epoch = taken.epoch, "this relay has lost its lease");
        }
        {
            let mut status = self.status.lock();
            (status.leads, status.in_flight_events) = (false, 0);
        }
        for name in [names::LEADER, names::IN_FLIGHT] {
            metrics::gauge!(name).set(0.0);
        }
    }

    /// One session after the other. Whether the lease is still ours to give back.
    async fn publish(&self, lease: &Arc<Lease>) -> bool {
        let mut backoff = Backoff::new();
        let mut memory = Memory::default();
        while lease.holds() {
            let begun = Instant::now();
            let problem = match Session::start(self, lease, &mut memory).await {
                Ok(session) => match session.run().await {
                    End::Stopped => return true,
                    End::Lost => return false,
                    // A poisonous event was found: nothing to wait for.
                    End::Again => continue,
                    End::Failed(problem) => problem,
                },
                Err(problem) => problem,
            };
            if self.stop.is_cancelled() {
                return lease.holds();
            }
            if begun.elapsed() > BACKOFF_MAX {
                backoff = Backoff::new();
            }
            metrics::counter!(names::RETRIES).increment(1);
            replaced("relay");
            tracing::warn!(%problem, "the relay goes on from its cursor with a new producer");
            self.problem(Some(problem));
            tokio::select! {
                () = self.stop.cancelled() => return lease.holds(),
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_of_parked_streams_grow_and_end() {
        let options = RelayOptions { parked_retry_ms: 10, parked_attempts_max: 4, ..RelayOptions::default() };
        let pauses: Vec<_> = (1..6).map(|attempts| options.parked_retry(attempts)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(pauses, [ms(10), ms(40), ms(160), None, None]);
    }

    #[test]
    fn pauses_after_failures_grow_to_a_limit() {
        let mut backoff = Backoff::new();
        let first = backoff.next();
        let last = (0..20).map(|_| backoff.next()).last().unwrap();
        assert!(first <= BACKOFF_MIN, "{first:?}");
        assert!(last >= BACKOFF_MAX / 2 && last <= BACKOFF_MAX, "{last:?}");
    }
}
