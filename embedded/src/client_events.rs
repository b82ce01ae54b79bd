//! Client events without a transport: they are kept in the data folder, newest last, and the oldest go when there are too
//! many. Every batch is on the disk before it is answered, so none is ever queued.

use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use nova_eventlog::{LogError, Spool, SpoolError, SpoolOptions, WhenFull};
use nova_events::client_events::{ClientEventBatch, ClientEvents, ClientEventsError, Published, names};

/// The folder of the kept events.
#[derive(Debug)]
pub struct LocalClientEvents {
    kept: Spool,
}

impl LocalClientEvents {
    /// Opens the folder or begins it. Blocks.
    pub fn open(dir: impl AsRef<Path>, bytes_max: u64) -> Result<Self, LogError> {
        let options = SpoolOptions { bytes_max, when_full: WhenFull::DropOldest };
        Ok(Self { kept: Spool::open(dir, options)? })
    }
}

#[async_trait::async_trait]
impl ClientEvents for LocalClientEvents {
    async fn publish(&self, batch: ClientEventBatch) -> Result<Published, ClientEventsError> {
        let events = batch.events.len() as u64;
        let data = serde_json::to_vec(&batch)
            .map_err(|_| ClientEventsError::Unavailable("a batch could not be written down".to_owned()))?;
        let kept = self.kept.push(Bytes::from(data)).await.map_err(|error| {
            metrics::counter!(names::REFUSED).increment(events);
            match error {
                SpoolError::Full { .. } | SpoolError::Log(LogError::Overloaded { .. }) => {
                    ClientEventsError::Full { retry_after_s: 1 }
                }
                SpoolError::Log(error) => {
                    tracing::error!(%error, "client events cannot be kept");
                    ClientEventsError::Unavailable(error.to_string())
                }
            }
        });
        kept.map(|()| {
            metrics::counter!(names::PUBLISHED).increment(events);
            Published { queued: false }
        })
    }

    fn record_metrics(&self) {
        let stats = self.kept.stats();
        let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let age = stats.oldest_recorded_at_ms.map_or(0, |oldest| now_ms.saturating_sub(u128::from(oldest)));
        metrics::gauge!(names::QUEUE_BYTES).set(stats.bytes as f64);
        metrics::gauge!(names::QUEUE_BATCHES).set(stats.entries as f64);
        metrics::gauge!(names::QUEUE_AGE).set(age as f64 / 1e3);
        metrics::gauge!(names::TRANSPORT_UP).set(1.0);
    }

    async fn close(&self) {
        self.kept.close().await;
    }
}
