//! What a profile brings, in the same shape for both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_eventlog::{EventFeed, EventLog};
use nova_events::Codec;
use nova_events::client_events::ClientEvents;
use nova_events::envelope::time_of_ms;
use nova_events::live::Live;
use nova_media::MediaStore;
use nova_projectors::Redriven;
use nova_query_api::jobs::{JobOutcome, Progress};
use nova_resilience::Dependency;
use nova_views::{ViewError, ViewReader, ViewWriter};

use crate::config::Config;

#[cfg_attr(not(feature = "distributed"), path = "profile/without_distributed.rs")]
pub(crate) mod distributed;
pub(crate) mod embedded;

/// The parts of the product that a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Takes commands over HTTP.
    pub commands: bool,
    /// Answers queries over HTTP.
    pub queries: bool,
    /// Keeps views up to date.
    pub projectors: bool,
    /// Publishes the log to Kafka. The embedded profile has nothing to publish to.
    pub relay: bool,
    /// Looks at every store of views, as an operator does.
    pub views: bool,
}

impl Roles {
    pub const NONE: Self =
        Self { commands: false, queries: false, projectors: false, relay: false, views: false };
    pub const ALL: Self = Self { commands: true, queries: true, projectors: true, relay: true, views: true };
    pub const VIEWS: Self = Self { views: true, ..Self::NONE };
    pub const COMMANDS: Self = Self { commands: true, ..Self::NONE };
    pub const QUERIES: Self = Self { queries: true, ..Self::NONE };
    pub const PROJECTORS: Self = Self { projectors: true, ..Self::NONE };
    pub const RELAY: Self = Self { relay: true, ..Self::NONE };
}

/// A kind of installation.
#[async_trait::async_trait]
pub(crate) trait Installation: Send + Sync {
    /// Opens what these roles need.
    async fn open(&self, config: &Config, roles: Roles) -> anyhow::Result<Stores>;

    /// Fails where nothing has been written yet. Whoever only looks, or mends, begins no installation.
    fn must_be_there(&self, _config: &Config) -> anyhow::Result<()> {
        Ok(())
    }

    /// Brings the schemas of all stores up to date. Says what it found, in words.
    async fn migrate(&self, config: &Config) -> anyhow::Result<String>;

    async fn read_only_log(&self, config: &Config) -> anyhow::Result<Arc<dyn EventLog>>;

    async fn log_stats(&self, config: &Config, told: Progress<'_>) -> anyhow::Result<String>;

    /// Reads the whole log and checks it. `told` hears how much it has read, and of how much.
    async fn verify_log(&self, config: &Config, told: Progress<'_>) -> anyhow::Result<JobOutcome>;
}

/// What services are built on, and what runs beside them.
pub(crate) struct Stores {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) feed: Arc<dyn EventFeed>,
    pub(crate) codec: Codec,
    pub(crate) reader: Arc<dyn ViewReader>,
    pub(crate) writer: Arc<dyn ViewWriter>,
    /// What this process works with, to be asked how it is doing.
    pub(crate) dependencies: Vec<Arc<dyn Dependency>>,
    /// Dependencies that must be up for this process to be ready, beside the log and the views.
    pub(crate) ready_checks: Vec<Arc<dyn Dependency>>,
    /// Where processes tell each other what has just happened, if there may be several.
    pub(crate) live: Option<Arc<dyn Live>>,
    /// No other process appends to the log.
    pub(crate) sole_writer: bool,
    /// Of a process that takes commands.
    pub(crate) client_events: Option<Arc<dyn ClientEvents>>,
    /// `None`: media are not taken.
    pub(crate) media: Option<MediaStore>,
    pub(crate) runtime: Arc<dyn Runtime>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

/// The moving parts of a profile.
#[async_trait::async_trait]
pub(crate) trait Runtime: std::fmt::Debug + Send + Sync {
    /// Starts what the roles ask for: keeping views up to date, relaying.
    async fn start(&self, config: &Config, roles: Roles) -> anyhow::Result<()>;

    /// Fills a view from the log, beside the live one, and switches to it. `told` hears how far it is and how far
    /// the log.
    async fn rebuild(&self, config: &Config, name: &str, told: Progress<'_>) -> anyhow::Result<()>;

    /// The names that [`Self::rebuild`] and [`Self::redrive`] take.
    fn projections(&self) -> Vec<String>;

    /// Projects dead letters again, of one stream or of all.
    async fn redrive(&self, config: &Config, name: &str, stream: Option<&str>) -> anyhow::Result<Redriven>;

    async fn outbox_status(&self) -> anyhow::Result<serde_json::Value> {
        Err(no_outbox())
    }

    async fn outbox_parked(&self, _after: u64, _limit: usize) -> anyhow::Result<Vec<Parked>> {
        Err(no_outbox())
    }

    async fn outbox_redrive(&self, _stream: Option<&str>) -> anyhow::Result<u64> {
        Err(no_outbox())
    }

    /// Has the views catch up with the log, where this process can, and waits for it. `told` hears how far they are and
    /// how far the log. `false`: they did not move for a while; nothing here fills them.
    async fn catch_up(&self, config: &Config, told: Progress<'_>) -> anyhow::Result<bool>;

    /// Brings the gauges up to date that nothing else does; called when metrics are asked for.
    fn record_metrics(&self);

    /// Returns when the log is no longer the one that it was, and says how. The process is to end then, without closing: what
    /// it remembers may be of events that are lost.
    async fn history_changes(&self) -> String {
        std::future::pending().await
    }

    /// Stops what runs when the history has changed. Nothing that is remembered is saved, except with what shows that it is of
    /// another history.
    async fn abandon(&self) {}

    /// Stops what runs and closes what is open: everything acknowledged is safe.
    async fn close(&self);
}

/// What the verification of a log does not prove. Printed with its result.
pub(crate) const VERIFY_SEES: &str = "this finds damage; it cannot find a deliberate change, since whoever can change an \
                                      event can make everything else fit";
/// Waits until the views hold what is in the log by now, or have not moved for `stalled_after`; returns which.
pub(crate) async fn wait_for_views(
    reader: &dyn ViewReader,
    head: u64,
    stalled_after: Duration,
    told: Progress<'_>,
) -> anyhow::Result<bool> {
    let (mut reached, mut moved) = (reader.applied(), Instant::now());
    loop {
        told(reached.min(head), head);
        match reader.wait_applied(head, CATCH_UP_STEP).await {
            Ok(()) => {
                told(head, head);
                return Ok(true);
            }
            // A large log takes its time; it gets on.
            Err(ViewError::Behind { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let applied = reader.applied();
        if applied != reached {
            (reached, moved) = (applied, Instant::now());
        } else if moved.elapsed() >= stalled_after {
            return Ok(false);
        }
    }
}

/// How often a wait for views says how far they are.
const CATCH_UP_STEP: Duration = Duration::from_millis(250);

pub(crate) fn outcome<'a, N: TryInto<u64>>(
    summary: String,
    numbers: impl IntoIterator<Item = (&'a str, N)>,
) -> JobOutcome {
    let number = |(name, number): (&str, N)| (name.to_owned(), number.try_into().unwrap_or(u64::MAX));
    JobOutcome { summary, numbers: numbers.into_iter().map(number).collect() }
}

/// The times that a log spans, as a line.
pub(crate) fn span(first_ms: Option<u64>, last_ms: Option<u64>) -> String {
    let time = |ms: u64| time_of_ms(i64::try_from(ms).unwrap_or(i64::MAX)).to_rfc3339();
    match (first_ms, last_ms) {
        (Some(first), Some(last)) => format!("recorded  {} to {}", time(first), time(last)),
        _ => "recorded  nothing yet".to_owned(),
    }
}

fn no_outbox() -> anyhow::Error {
    anyhow::anyhow!(NO_OUTBOX)
}

pub(crate) const NO_OUTBOX: &str = "the embedded profile has no outbox: its views follow the log itself";

/// An event that Kafka does not take, or one behind it in its stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Parked {
    pub position: u64,
    pub stream: String,
    pub kind: String,
    pub error: String,
    pub attempts: u64,
    /// RFC 3339; `None`: not by itself any more.
    pub next_attempt_at: Option<String>,
    pub parked_at: String,
}
