//! Tells Redis: what waits goes out as one batch.

use std::sync::Arc;
use std::time::Duration;

use nova_events::live::Announcement;
use nova_resilience::Breaker;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;

use super::{RedisLiveOptions, channel, names, wire};

const BATCH_MAX: usize = 256;

pub(super) struct Announcer {
    client: redis::Client,
    options: RedisLiveOptions,
    id: u64,
    breaker: Arc<Breaker>,
    connection: Option<MultiplexedConnection>,
}

impl Announcer {
    pub(super) fn new(
        client: redis::Client,
        options: RedisLiveOptions,
        id: u64,
        breaker: Arc<Breaker>,
    ) -> Self {
        Self { client, options, id, breaker, connection: None }
    }

    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Announcement>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.publish(&batch).await;
            batch.clear();
        }
    }

    async fn publish(&mut self, batch: &[Announcement]) {
        let many = batch.len() as u64;
        let failed =
            |reason: &'static str| metrics::counter!(names::FAILURE, "reason" => reason).increment(many);
        let breaker = Arc::clone(&self.breaker);
        let Ok(permit) = breaker.try_acquire() else { return failed("breaker_open") };
        match tokio::time::timeout(self.options.call_timeout, self.send(batch)).await {
            Ok(Ok(())) => {
                permit.succeeded();
                metrics::counter!(names::SUCCESS).increment(many);
                let now_ms = chrono::Utc::now().timestamp_millis();
                for announcement in batch {
                    if let Announcement::Message { envelope, .. } = announcement {
                        let took_ms = now_ms.saturating_sub(envelope.meta.occurred_at_ms).max(0);
                        let took = Duration::from_millis(took_ms.cast_unsigned());
                        metrics::histogram!(names::LATENCY, "stage" => "announced")
                            .record(took.as_secs_f64());
                    }
                }
            }
            Ok(Err(error)) => {
                permit.failed("error");
                self.connection = None;
                failed("error");
                tracing::debug!(problem = error.category(), "Redis does not take announcements");
            }
            Err(_) => {
                permit.failed("timeout");
                // What was sent over it may still be on its way: nobody waits for that.
                self.connection = None;
                failed("timeout");
            }
        }
    }

    async fn send(&mut self, batch: &[Announcement]) -> redis::RedisResult<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(self.options.connect_timeout))
                    .set_response_timeout(Some(self.options.call_timeout));
                none.insert(self.client.get_multiplexed_async_connection_with_config(&config).await?)
            }
        };
        let mut pipeline = redis::pipe();
        for announcement in batch {
            if let Some((conversation, payload)) = wire::encode(announcement, self.id) {
                pipeline.publish(channel(&self.options.prefix, conversation), payload).ignore();
            }
        }
        pipeline.query_async(connection).await
    }
}
