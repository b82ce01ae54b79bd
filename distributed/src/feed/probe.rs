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
        let (client, timeout, partitions) = (Arc::clone(&self.client), self.timeout, self.partitions);
        let name = topic.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = client.fetch_metadata(Some(&name), timeout)?;
            let actual = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
            if usize::try_from(partitions).ok() != Some(actual) {
                return Ok(Err(actual));
            }
            let (low, high) = client.fetch_watermarks(&name, partition, timeout)?;
            Ok(Ok(Bounds { low, high }))
        });
        match asked.await {
            Ok(Ok(Ok(bounds))) => Ok(bounds),
            Ok(Ok(Err(actual))) => Err(unavailable(format!(
                "the topic {topic} has {actual} partitions, {partitions} are configured"
            ))),
            Ok(Err(error)) => Err(asking(topic, partition, &error)),
            Err(_) => {
                Err(unavailable(format!("asking for the bounds of {topic} {partition} was broken off")))
            }
        }
    }

    /// Tells where these partitions end, each with a number of the asker's, as far as that can be found out. Returns at once.
    pub(super) fn ends(&self, places: Vec<(u64, String, i32)>, tell: mpsc::Sender<(u64, i64)>) {
        let (client, timeout) = (Arc::clone(&self.client), self.timeout);
        let ask = move || {
            for (number, topic, partition) in places {
                // A broker that does not answer is no reason to think ill of the other client. Nor is it asked where
                // partitions end: librdkafka keeps such questions beyond their time, and has crashed over them when
                // brokers came back (<https://github.com/confluentinc/librdkafka/issues/5160>).
                let Ok(_) = client.fetch_metadata(Some(&topic), timeout) else { return };
                let Ok((_, end)) = client.fetch_watermarks(&topic, partition, timeout) else { return };
                if tell.send((number, end)).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("kafka-ends".to_owned()).spawn(ask) {
            tracing::warn!(%error, "no thread to ask where partitions end");
        }
    }

    /// Lets the client say what it has to say; otherwise that would pile up.
    pub(super) fn serve(&self) {
        for _ in 0..Self::SERVED_MAX {
            let _ = self.client.poll(Duration::ZERO);
        }
    }
}

fn asking(topic: &str, partition: i32, error: &KafkaError) -> LogError {
    unavailable(format!("asking for the bounds of {topic} {partition}: {error}"))
}
