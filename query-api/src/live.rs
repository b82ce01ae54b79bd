//! What happens, as it happens: WebSocket (`/ws`) and server-sent events (`/stream`).
//!
//! * Of each conversation that a client subscribes to, it gets every message event after the seq that it names, once,
//!   in the order of their seqs: first from the log, then live, with no gap and no repetition between the two. The
//!   seq is the event's revision in the conversation's stream, so nothing here has to be stored to resume.
//! * Only members are told. Who is one is read from the conversation's own stream, not from a view, and whoever is
//!   removed gets nothing that comes after their removal. Two who block each other do not hear of each other in their
//!   direct conversation: who is there, types or has read.
//! * What has been deleted is not shown again by a replay.
//! * A session ends when its user's account is closed: a WebSocket with code 4003.
//! * Typing, presence, read marks and `timeline.new` are told to whoever listens at that moment, and not repeated.
//! * One task follows the log for all sessions and decodes an event once. Each session has a queue bounded in bytes; a
//!   session whose queue is full is closed with code 4008 and resumes where it was.
//!
//! * Where there are other processes, they tell of message events as soon as those are durable, of typing and of who is
//!   there. All of it may be lost: what counts comes from the log.
//!
//! `hub` routes, `elsewhere` hears other processes, `registry` knows who listens, `room` what they are told and in which
//! order, `facts` reads it from the log once for all, `session` is one client (with `track` for each subscription),
//! `frame` is what is told; `ws` and `sse` carry it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use nova_eventlog::{EventFeed, EventLog, Filter, LogError};
use nova_events::Codec;
use nova_events::live::Live as Announcer;
use nova_http::ClosedAccounts;
use nova_views::ViewReader;
use tokio::sync::{OnceCell, watch};

use crate::state::{DeliveredCommand, QueryState, ReadCommand};

mod closed;
mod deletions;
mod delivered;
mod elsewhere;
mod facts;
mod frame;
mod hub;
mod mailbox;
mod membership;
mod op;
mod registry;
mod room;
mod session;
pub(crate) mod sse;
mod timeline;
mod track;
pub(crate) mod ws;

use deletions::Deletions;
use registry::Registry;

/// How long a subscriber waits for the hub before the log is asked instead.
const HUB_PATIENCE: Duration = Duration::from_millis(500);

/// The limits and times of live sessions.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Of this process.
    pub connections_max: usize,
    pub connections_per_user_max: usize,
    pub subscriptions_per_connection_max: usize,
    /// What waits for one client; beyond it the client is too slow.
    pub queue_bytes_max: usize,
    /// One frame of a client.
    pub frame_bytes_max: usize,
    /// Operations of one client, in the long run and at once; beyond it the client is closed with code 4029.
    pub ops_per_second_max: u32,
    pub ops_burst_max: u32,
    /// Whoever types is told so often at most, by each session and conversation.
    pub typing_interval: Duration,
    /// A client that is further behind is told `resync_required`.
    pub replay_messages_max: u64,
    /// Of the delivered marks that a client sends for one device in one conversation, at most one becomes a command in
    /// this time; the last one always does.
    pub delivered_interval: Duration,
    /// A WebSocket without a token in its header must send one within this time.
    pub auth_timeout: Duration,
    /// How long one write may take.
    pub write_timeout: Duration,
    /// Two and a half times this long without a word from a client, and it is taken for gone.
    pub ping_interval: Duration,
    /// On shutdown, clients are sent away one by one over this time.
    pub drain: Duration,
    /// Queries that one post may cost to find out who is to be told of it; beyond it nobody is.
    pub timeline_lookups_max: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            connections_per_user_max: 10,
            subscriptions_per_connection_max: 200,
            queue_bytes_max: 1024 * 1024,
            frame_bytes_max: 16 * 1024,
            ops_per_second_max: 20,
            ops_burst_max: 250,
            typing_interval: Duration::from_secs(1),
            replay_messages_max: 10_000,
            delivered_interval: Duration::from_millis(500),
            auth_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            timeline_lookups_max: 100,
        }
    }
}

/// The live sessions of this process. Cheap to clone; one for all.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

/// What all sessions share.
pub(crate) struct Shared {
    reader: Arc<dyn ViewReader>,
    log: Arc<dyn EventLog>,
    feed: Arc<dyn EventFeed>,
    codec: Codec,
    options: LiveOptions,
    registry: Registry,
    deletions: Deletions,
    /// Other processes, if there may be any.
    live: Option<Arc<dyn Announcer>>,
    read_command: OnceLock<ReadCommand>,
    delivered_command: OnceLock<DeliveredCommand>,
    closed: OnceLock<ClosedAccounts>,
    hub_runs: AtomicBool,
    /// Up to where the hub has told the log.
    told: watch::Sender<u64>,
    phase: watch::Sender<Phase>,
    epoch: OnceCell<String>,
    metrics: LiveMetrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Phase {
    Serving,
    /// Nobody is let in, and sessions end one by one.
    Draining,
    Stopped,
}

pub(crate) struct LiveMetrics {
    connections: Gauge,
    /// Conversations that this process knows.
    rooms: Gauge,
    /// Seconds from when a message event happened until it was heard of, and until it was written to a client.
    heard: Histogram,
    sent: Histogram,
    /// Frames put into the queues of sessions.
    frames: Counter,
    /// Sessions closed because their client was too slow.
    slow: Counter,
    replayed: Counter,
    /// Posts that nobody was told of because finding out whom would have cost too much.
    timeline_skipped: Counter,
}

impl Live {
    pub(crate) fn new(
        reader: Arc<dyn ViewReader>,
        log: Arc<dyn EventLog>,
        feed: Arc<dyn EventFeed>,
        codec: Codec,
        live: Option<Arc<dyn Announcer>>,
        options: LiveOptions,
    ) -> Self {
        let metrics = LiveMetrics {
            connections: gauge!("websocket_active_connections"),
            rooms: gauge!("live_rooms"),
            heard: histogram!("message_delivery_latency_seconds", "stage" => "heard"),
            sent: histogram!("message_delivery_latency_seconds", "stage" => "sent"),
            frames: counter!("live_frames_total"),
            slow: counter!("live_slow_clients_total"),
            replayed: counter!("live_replayed_events_total"),
            timeline_skipped: counter!("live_timeline_skipped_total"),
        };
        let shared = Shared {
            reader,
            log,
            feed,
            codec,
            options,
            registry: Registry::new(live.clone()),
            deletions: Deletions::default(),
            live,
            read_command: OnceLock::new(),
            delivered_command: OnceLock::new(),
            closed: OnceLock::new(),
            hub_runs: AtomicBool::new(false),
            told: watch::Sender::new(0),
            phase: watch::Sender::new(Phase::Serving),
            epoch: OnceCell::new(),
            metrics,
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn with_read_command(self, command: ReadCommand) -> Self {
        // The first one stays: there is one command side.
        let _ = self.shared.read_command.set(command);
        self
    }

    pub(crate) fn with_delivered_command(self, command: DeliveredCommand) -> Self {
        let _ = self.shared.delivered_command.set(command);
        self
    }

    pub(crate) fn with_closed_accounts(self, closed: ClosedAccounts) -> Self {
        let _ = self.shared.closed.set(closed);
        self
    }

    /// How many sessions there are.
    pub fn connections(&self) -> usize {
        self.shared.registry.connections()
    }

    pub fn is_draining(&self) -> bool {
        *self.shared.phase.borrow() != Phase::Serving
    }

    /// Lets nobody in, sends the sessions away over [`LiveOptions::drain`], and returns when they are gone.
    pub async fn drain(&self) {
        self.shared.phase.send_replace(Phase::Draining);
        let patience = self.shared.options.drain + self.shared.options.write_timeout;
        let gone = async {
            while self.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(patience, gone).await.is_err() {
            tracing::warn!(live.connections = self.connections(), "live sessions did not end in time");
        }
        self.shared.phase.send_replace(Phase::Stopped);
    }
}

impl Shared {
    /// Starts the hub with the first session. A session that comes after that has it all: it registers before it reads
    /// the log, and the hub tells all that is appended after the hub's start.
    fn ensure_hub(self: &Arc<Self>) {
        if self.hub_runs.load(Ordering::Acquire) {
            return;
        }
        // First, so that every session that finds the hub running hears of every closure from its opening on.
        let closures = self.closed.get().map(ClosedAccounts::closures);
        if !self.hub_runs.swap(true, Ordering::AcqRel) {
            let head = self.log.head();
            self.told.send_replace(head);
            tokio::spawn(hub::run(Arc::clone(self), head, closures));
        }
    }

    /// Waits until the hub has told what is in the log by now. `false`: it does not get on, so that what rooms know may be
    /// old.
    async fn is_current(&self) -> bool {
        let (head, mut told) = (self.log.head(), self.told.subscribe());
        let current = told.wait_for(|told| *told >= head);
        matches!(tokio::time::timeout(HUB_PATIENCE, current).await, Ok(Ok(_)))
    }

    /// Names the log: seqs of one epoch mean nothing in another. It is the id of the log's first event.
    async fn epoch(&self) -> Result<&str, LogError> {
        let first = || async {
            let page = self.log.read_all(0, &Filter::all(), 1).await?;
            Ok(page.events.first().map_or_else(String::new, |event| event.id.simple().to_string()))
        };
        self.epoch.get_or_try_init(first).await.map(String::as_str)
    }
}

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new().route("/ws", get(ws::websocket)).route("/stream", get(sse::stream))
}
