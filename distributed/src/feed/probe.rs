//! Where a partition begins and ends, asked through a client of its own: these questions block, and must hold up neither
//! the poll thread nor the runtime.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use nova_eventlog::LogError;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::context::FeedContext;
use super::unavailable;

/// The offsets that can be read: from `low` up to before `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low: i64,
    pub(super) high: i64,
}

pub(super) struct Probe {
    client: Arc<BaseConsumer<FeedContext>>,
    timeout: Duration,
    partitions: i32,
}

impl Probe {
    const SERVED_MAX: usize = 64;

    pub(super) fn new(config: &ClientConfig, timeout: Duration, partitions: i32) -> Result<Self, KafkaError> {
        let client = BaseConsumer::from_config_and_context(config, FeedContext::default())?;
        Ok(Self { client: Arc::new(client), timeout, partitions })
    }

    /// Refuses a topic whose number of partitions is not the one that streams are spread over.
    pub(super) async fn bounds(&self, topic: &str, partition: i32) -> Result<Bounds, LogError> {
        let (asker, name) = (self.asker(), topic.to_owned());
        match tokio::task::spawn_blocking(move || asker.bounds(&name, partition)).await {
            Ok(asked) => asked,
            Err(_) => {
                Err(unavailable(format!("asking for the bounds of {topic} {partition} was broken off")))
            }
        }
    }

    /// Tells where these partitions end, each with a number of the asker's, as far as that can be found out. Returns at once.
    pub(super) fn ends(&self, places: Vec<(u64, String, i32)>, tell: mpsc::Sender<(u64, i64)>) {
        let asker = self.asker();
        let ask = move || {
            for (number, topic, partition) in places {
                // A broker that does not answer is no reason to think ill of the other client.
                let Ok(bounds) = asker.bounds(&topic, partition) else { return };
                if tell.send((number, bounds.high)).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("kafka-ends".to_owned()).spawn(ask) {
            tracing::warn!(%error, "no thread to ask where partitions end");
        }
    }

    fn asker(&self) -> Asker {
        Asker { client: Arc::clone(&self.client), timeout: self.timeout, partitions: self.partitions }
    }

    /// Lets the client say what it has to say; otherwise that would pile up.
    pub(super) fn serve(&self) {
        for _ in 0..Self::SERVED_MAX {
            let _ = self.client.poll(Duration::ZERO);
        }
    }
}

/// Asks, on a thread that may block.
struct Asker {
    client: Arc<BaseConsumer<FeedContext>>,
    timeout: Duration,
    partitions: i32,
}

impl Asker {
    /// Only a broker that has just answered is asked where a partition begins and ends: librdkafka keeps such questions beyond
    /// their time, and has crashed over them when brokers came back (<https://github.com/confluentinc/librdkafka/issues/5160>).
    fn bounds(&self, topic: &str, partition: i32) -> Result<Bounds, LogError> {
        let failed =
            |error: KafkaError| unavailable(format!("asking for the bounds of {topic} {partition}: {error}"));
        let metadata = self.client.fetch_metadata(Some(topic), self.timeout).map_err(failed)?;
        let found = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        if usize::try_from(self.partitions).ok() != Some(found) {
            let wanted = self.partitions;
            return Err(unavailable(format!(
                "the topic {topic} has {found} partitions, {wanted} are configured"
            )));
        }
        let (low, high) = self.client.fetch_watermarks(topic, partition, self.timeout).map_err(failed)?;
        Ok(Bounds { low, high })
    }
}
