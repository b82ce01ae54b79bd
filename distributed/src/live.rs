//! What has just happened in conversations, over Redis' publish and subscribe: the channel
//! `{prefix}conversation:{id}:messages`, on which stands what clients are told, with a few keys more (see `wire`).
//!
//! * **Best effort.** Nothing waits for Redis: what does not fit into the queue, or comes while Redis is taken to be away,
//!   is dropped and counted (`redis_pubsub_failure_total`). Whoever listens follows the log too, and finds it there.
//! * One connection announces and one listens. Each is made anew when it breaks, or when nothing is heard of it for
//!   too long; what was announced meanwhile is not heard.

use std::sync::Arc;
use std::time::Duration;

use nova_events::ConversationId;
use nova_events::live::{Announcement, Heard, Live};
use nova_resilience::{Breaker, BreakerOptions, BreakerStatus};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use listen::Wish;

mod announce;
mod listen;
mod wire;

/// Announcements that wait for Redis.
const ANNOUNCEMENTS_WAITING_MAX: usize = 8_192;
/// What was heard and nobody has taken yet.
const HEARD_WAITING_MAX: usize = 8_192;

#[derive(Clone)]
pub struct RedisLiveOptions {
    /// May hold a password: never printed.
    pub url: String,
    /// Before every channel.
    pub prefix: String,
    pub connect_timeout: Duration,
    /// How long Redis may take to take a batch of announcements.
    pub call_timeout: Duration,
    /// When Redis is left alone for a while.
    pub breaker: BreakerOptions,
    /// How often a connection that listens is asked whether it is still there.
    pub ping_interval: Duration,
}

impl std::fmt::Debug for RedisLiveOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLiveOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Names of metrics.
pub mod names {
    /// Announcements that Redis took.
    pub const SUCCESS: &str = "redis_pubsub_success_total";
    /// Announcements that nobody will hear. `reason`: `queue_full`, `breaker_open`, `timeout`, `error`.
    pub const FAILURE: &str = "redis_pubsub_failure_total";
    /// Announcements that were heard.
    pub const HEARD: &str = "redis_pubsub_heard_total";
    /// How often the connection that listens was made.
    pub const CONNECTED: &str = "redis_pubsub_connected_total";
    /// What was heard and could not be read, or came faster than it was taken.
    pub const DROPPED: &str = "redis_pubsub_dropped_total";
    /// Seconds from when something happened until Redis had it (`announced`), until a process heard of it (`heard`), and
    /// until it was written to a client (`sent`).
    pub const LATENCY: &str = "message_delivery_latency_seconds";
}

/// Announces and listens. The tasks behind it end with it.
pub struct RedisLive {
    id: u64,
    announcements: mpsc::Sender<Announcement>,
    wishes: mpsc::UnboundedSender<Wish>,
    heard: tokio::sync::Mutex<mpsc::Receiver<Heard>>,
    breaker: Arc<Breaker>,
    _stop: DropGuard,
}

impl std::fmt::Debug for RedisLive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLive").field("id", &self.id).finish_non_exhaustive()
    }
}

impl RedisLive {
    /// Redis need not be there yet.
    pub fn open(options: RedisLiveOptions) -> Result<Self, redis::RedisError> {
        let client = redis::Client::open(options.url.as_str())?;
        let (announcements, to_announce) = mpsc::channel(ANNOUNCEMENTS_WAITING_MAX);
        let (wishes, wished) = mpsc::unbounded_channel();
        let (hearing, heard) = mpsc::channel(HEARD_WAITING_MAX);
        let (id, stop) = (rand::random(), CancellationToken::new());
        let breaker = Arc::new(Breaker::new("redis_pubsub", options.breaker.clone()));
        let announcer = announce::Announcer::new(client.clone(), options.clone(), id, Arc::clone(&breaker));
        let listener = listen::Listener::new(client, options, id, hearing);
        tokio::spawn(stop.clone().run_until_cancelled_owned(announcer.run(to_announce)));
        tokio::spawn(stop.clone().run_until_cancelled_owned(listener.run(wished)));
        let heard = tokio::sync::Mutex::new(heard);
        Ok(Self { id, announcements, wishes, heard, breaker, _stop: stop.drop_guard() })
    }

    pub fn status(&self) -> BreakerStatus {
        self.breaker.status()
    }
}

#[async_trait::async_trait]
impl Live for RedisLive {
    fn announce(&self, announcement: Announcement) {
        if self.announcements.try_send(announcement).is_err() {
            metrics::counter!(names::FAILURE, "reason" => "queue_full").increment(1);
        }
    }

    fn follow(&self, conversation: ConversationId) {
        // It ends only with us.
        let _ = self.wishes.send(Wish::Follow(conversation));
    }

    fn leave(&self, conversation: ConversationId) {
        let _ = self.wishes.send(Wish::Leave(conversation));
    }

    async fn hear(&self) -> Heard {
        match self.heard.lock().await.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

/// Where a conversation is announced.
fn channel(prefix: &str, conversation: ConversationId) -> String {
    format!("{prefix}conversation:{conversation}:messages")
}
