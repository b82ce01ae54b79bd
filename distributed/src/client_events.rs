//! Client events to Kafka: the topic `{prefix}.client-events`, and a queue on disk for while Kafka is away.
//!
//! * **What was answered is not lost.** Either all in-sync replicas have it, or it is synced to the queue in the data
//!   folder; the answer says which. A kill between the two loses nothing that was answered.
//! * **Nobody waits for Kafka.** What is not acknowledged within `publish_timeout_ms` goes to the queue, and while Kafka
//!   is taken to be away everything goes there at once. What was sent before may still arrive, so that an event can be in
//!   the topic twice, with one id.
//! * **In order.** While the queue holds something, what comes goes behind it; both ways lead through one idempotent
//!   producer. So the first occurrences of a user's events are in the order in which this process answered them.
//! * **Bounded.** The queue and the producer have limits; beyond them a batch is refused, and the answer says when to try
//!   again.
//! * Several processes may share a data folder: each has a queue of its own, and drains those that nobody has open.
//!
//! A record is one event: the key is the user's id, the value [`ClientEventRow`] as JSON, and the headers `nova-id`,
//! `correlation_id` and `traceparent`.
//!
//! [`ClientEventRow`]: nova_events::client_events::ClientEventRow

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use nova_eventlog::{LogError, Spool, SpoolError};
use nova_events::client_events::{ClientEventBatch, ClientEvents, ClientEventsError, Published, names};
use nova_resilience::{Breaker, BreakerOptions, BreakerState};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::kafka::{KafkaOptions, KafkaSetupError};
use drain::Drain;
use uplink::Uplink;

mod drain;
mod slots;
mod uplink;

#[derive(Debug, Clone)]
pub struct ClientEventsOptions {
    /// The folder of the queues.
    pub dir: PathBuf,
    /// How long a request waits for Kafka before its events go to the queue.
    pub publish_timeout_ms: u64,
    /// Of this process's queue.
    pub queue_bytes_max: u64,
    /// When Kafka counts as away, and as back.
    pub breaker: BreakerOptions,
    /// Events that wait this long for Kafka on their way from the queue are sent again, by a new producer.
    pub stall_ms: u64,
}

impl ClientEventsOptions {
    pub const PUBLISH_TIMEOUT_MS: u64 = 300;
    pub const QUEUE_BYTES_MAX: u64 = 64 << 20;
    const STALL_MS: u64 = 10_000;

    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            publish_timeout_ms: Self::PUBLISH_TIMEOUT_MS,
            queue_bytes_max: Self::QUEUE_BYTES_MAX,
            breaker: BreakerOptions::new(2, Duration::from_secs(60), 3),
            stall_ms: Self::STALL_MS,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClientEventsSetupError {
    #[error("the queue of client events: {0}")]
    Queue(#[from] LogError),
    #[error(transparent)]
    Kafka(#[from] KafkaSetupError),
}

/// How long a client should wait when the queue is full: draining makes room a sixteenth at a time.
const FULL_RETRY_S: u64 = 5;

fn breaker(options: &ClientEventsOptions) -> Breaker {
    let probe_lease = Duration::from_millis(options.stall_ms.saturating_mul(2));
    Breaker::new("kafka", BreakerOptions { probe_lease, ..options.breaker.clone() })
}

/// See the module.
#[derive(Debug)]
pub struct KafkaClientEvents {
    spool: Spool,
    uplink: Arc<Uplink>,
    breaker: Arc<Breaker>,
    publish_timeout: Duration,
    /// Batches are being refused.
    full: AtomicBool,
    stop: CancellationToken,
    drain: Mutex<Option<JoinHandle<()>>>,
}

impl KafkaClientEvents {
    /// Opens a queue and begins to drain it. Kafka may be away.
    pub async fn start(
        kafka: KafkaOptions,
        options: ClientEventsOptions,
    ) -> Result<Arc<Self>, ClientEventsSetupError> {
        let uplink = Arc::new(Uplink::new(kafka)?);
        let (dir, bytes_max) = (options.dir.clone(), options.queue_bytes_max);
        let opened = tokio::task::spawn_blocking(move || slots::open_own(&dir, bytes_max)).await;
        let (spool, own) = opened
            .unwrap_or_else(|error| Err(LogError::Unavailable(format!("it was not opened: {error}"))))?;
        let waiting = spool.stats();
        if waiting.entries > 0 {
            let (batches, bytes) = (waiting.entries, waiting.bytes);
            tracing::info!(batches, bytes, "client events wait on disk for Kafka");
        }
        let (breaker, stop) = (Arc::new(breaker(&options)), CancellationToken::new());
        let drain = Drain {
            dir: options.dir,
            own,
            spool: spool.clone(),
            uplink: Arc::clone(&uplink),
            breaker: Arc::clone(&breaker),
            stall: Duration::from_millis(options.stall_ms),
            bytes_max: options.queue_bytes_max,
            stop: stop.clone(),
        };
        Ok(Arc::new(Self {
            spool,
            uplink,
            breaker,
            publish_timeout: Duration::from_millis(options.publish_timeout_ms),
            full: AtomicBool::new(false),
            stop,
            drain: Mutex::new(Some(tokio::spawn(drain.run()))),
        }))
    }

    /// Whether Kafka is asked at all.
    pub fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    async fn queue(&self, batch: &ClientEventBatch) -> Result<Published, ClientEventsError> {
        let data = serde_json::to_vec(batch)
            .map_err(|_| ClientEventsError::Unavailable("a batch could not be written down".to_owned()))?;
        match self.spool.push(Bytes::from(data)).await {
            Ok(()) => {
                if self.full.swap(false, Ordering::Relaxed) {
                    tracing::info!("the queue of client events has room again");
                }
                metrics::counter!(names::QUEUED).increment(batch.events.len() as u64);
                Ok(Published { queued: true })
            }
            Err(error) => {
                metrics::counter!(names::REFUSED).increment(batch.events.len() as u64);
                if !self.full.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "client events are refused");
                }
                Err(match error {
                    SpoolError::Full { .. } => ClientEventsError::Full { retry_after_s: FULL_RETRY_S },
                    SpoolError::Log(LogError::Overloaded { .. }) => {
                        ClientEventsError::Full { retry_after_s: 1 }
                    }
                    SpoolError::Log(error) => ClientEventsError::Unavailable(error.to_string()),
                })
            }
        }
    }
}

#[async_trait::async_trait]
impl ClientEvents for KafkaClientEvents {
    async fn publish(&self, batch: ClientEventBatch) -> Result<Published, ClientEventsError> {
        if self.spool.stats().entries == 0
            && let Ok(permit) = self.breaker.try_acquire()
        {
            match self.uplink.send(&batch).acknowledged(self.publish_timeout).await {
                Ok(()) => {
                    permit.succeeded();
                    metrics::counter!(names::PUBLISHED).increment(batch.events.len() as u64);
                    return Ok(Published { queued: false });
                }
                Err(failure) => permit.failed(failure.class),
            }
        }
        self.queue(&batch).await
    }

    fn record_metrics(&self) {
        let stats = self.spool.stats();
        let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let age = stats.oldest_recorded_at_ms.map_or(0, |oldest| now_ms.saturating_sub(u128::from(oldest)));
        metrics::gauge!(names::QUEUE_BYTES).set(stats.bytes as f64);
        metrics::gauge!(names::QUEUE_BATCHES).set(stats.entries as f64);
        metrics::gauge!(names::QUEUE_AGE).set(age as f64 / 1e3);
        let closed = matches!(self.breaker.state(), BreakerState::Closed | BreakerState::ForcedClosed);
        let up = closed && stats.entries == 0;
        metrics::gauge!(names::TRANSPORT_UP).set(f64::from(u8::from(up)));
    }

    async fn close(&self) {
        self.stop.cancel();
        let drain = self.drain.lock().take();
        if let Some(drain) = drain
            && drain.await.is_err()
        {
            tracing::error!("the draining of client events has failed");
        }
        self.uplink.close();
        self.spool.close().await;
    }
}
