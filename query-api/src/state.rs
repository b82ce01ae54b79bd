//! What the query side works with.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use nova_eventlog::{EventFeed, EventLog};
use nova_events::{Codec, ConversationId};
use nova_http::{ApiError, Caller, ClosedAccounts};
use nova_resilience::Dependency;
use nova_views::{ViewReader, ViewWriter};

use crate::after::AfterWaits;
use crate::current::CurrentReader;
use crate::lag::LagMonitor;
use crate::live::{Live, LiveOptions};
use crate::routes::media::MediaAccess;

/// The command side's "read up to a seq", for the WebSocket: the query side writes nothing itself.
pub type ReadCommand =
    Arc<dyn Fn(Caller, ConversationId, u64) -> BoxFuture<'static, Result<(), ApiError>> + Send + Sync>;

/// "One of my devices, by its id, has everything up to a seq" over a WebSocket.
pub type DeliveredCommand = Arc<
    dyn Fn(Caller, ConversationId, u64, String) -> BoxFuture<'static, Result<(), ApiError>> + Send + Sync,
>;

/// How the query side answers.
#[derive(Debug, Clone)]
pub struct QueryOptions {
    /// How long a query with `after=` waits for the views to get there.
    pub after_patience: Duration,
    /// How many may wait so at once, and how many of one user.
    pub after_waiting_max: usize,
    pub after_waiting_per_user_max: usize,
    /// How far the views may be behind the log for their answers to count as current, and for Nova as ready.
    pub ready_lag_events_max: u64,
    /// The same in time: how long the oldest event that they lack may have been in the log.
    pub ready_lag: Duration,
    pub live: LiveOptions,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            after_patience: Duration::from_secs(2),
            after_waiting_max: 1_024,
            after_waiting_per_user_max: 64,
            ready_lag_events_max: 10_000,
            ready_lag: Duration::from_secs(5),
            live: LiveOptions::default(),
        }
    }
}

/// What `GET /health/ready` requires of a process, beside not draining. Whatever is not required is reported as well.
#[derive(Clone, Default)]
pub struct ReadyWhen {
    /// The views are not behind the log.
    pub views_current: bool,
    /// The log takes appends.
    pub log_writable: bool,
    /// These are up.
    pub checks: Vec<Arc<dyn Dependency>>,
}

impl std::fmt::Debug for ReadyWhen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadyWhen")
            .field("views_current", &self.views_current)
            .field("log_writable", &self.log_writable)
            .finish_non_exhaustive()
    }
}

/// Everything that the handlers need. Build it once; [`crate::router`] shares it.
#[derive(Clone)]
pub struct QueryState {
    pub reader: Arc<dyn ViewReader>,
    /// For what operators ask: the state of the projections and their dead letters.
    pub writer: Arc<dyn ViewWriter>,
    pub log: Arc<dyn EventLog>,
    pub codec: Codec,
    pub options: QueryOptions,
    /// What this process works with.
    pub dependencies: Vec<Arc<dyn Dependency>>,
    /// The WebSocket and SSE sessions of this process.
    pub live: Live,
    /// `None`: this installation has no place for media.
    pub media: Option<MediaAccess>,
    pub(crate) ready_when: ReadyWhen,
    pub(crate) lag: LagMonitor,
    pub(crate) after: Arc<AfterWaits>,
}

impl std::fmt::Debug for QueryState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryState").field("options", &self.options).finish_non_exhaustive()
    }
}

impl QueryState {
    /// `announcements`: where other processes tell what has just happened, if there may be any.
    pub fn new(
        reader: Arc<dyn ViewReader>,
        writer: Arc<dyn ViewWriter>,
        log: Arc<dyn EventLog>,
        feed: Arc<dyn EventFeed>,
        codec: Codec,
        announcements: Option<Arc<dyn nova_events::live::Live>>,
        options: QueryOptions,
    ) -> Self {
        let (events_max, patience) = (options.ready_lag_events_max, options.ready_lag);
        let lag = LagMonitor::new(Arc::clone(&log), Arc::clone(&reader), events_max, patience);
        let reader: Arc<dyn ViewReader> = Arc::new(CurrentReader::new(reader, lag.clone()));
        let (codec_too, live_options) = (codec.clone(), options.live.clone());
        let live =
            Live::new(Arc::clone(&reader), Arc::clone(&log), feed, codec_too, announcements, live_options);
        let ready_when = ReadyWhen { views_current: true, log_writable: true, checks: Vec::new() };
        let (dependencies, media, after) = (Vec::new(), None, Arc::default());
        Self { reader, writer, log, codec, options, dependencies, live, media, ready_when, lag, after }
    }

    /// Sets what this process needs to be ready. By default: current views and a writable log.
    pub fn with_ready_when(mut self, ready_when: ReadyWhen) -> Self {
        self.ready_when = ready_when;
        self
    }

    /// What operators are told of, beside the log and the views.
    pub fn with_dependencies(mut self, dependencies: Vec<Arc<dyn Dependency>>) -> Self {
        self.dependencies = dependencies;
        self
    }

    /// Lets media be got.
    pub fn with_media(mut self, media: Option<MediaAccess>) -> Self {
        self.media = media;
        self
    }

    /// Ends the live sessions of these accounts.
    pub fn with_closed_accounts(mut self, closed: ClosedAccounts) -> Self {
        self.live = self.live.with_closed_accounts(closed);
        self
    }

    /// Lets WebSocket clients say how far they have read.
    pub fn with_read_command(mut self, command: ReadCommand) -> Self {
        self.live = self.live.with_read_command(command);
        self
    }

    /// Lets WebSocket clients say how far their devices have received what was said.
    pub fn with_delivered_command(mut self, command: DeliveredCommand) -> Self {
        self.live = self.live.with_delivered_command(command);
        self
    }
}
