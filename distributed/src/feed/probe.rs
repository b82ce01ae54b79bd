//! Where a partition begins and ends, asked through a client of its own: these questions block, and must hold up neither
//! the poll thread nor the runtime.
//!
//! The client is as little to be trusted as any other client of librdkafka. After a hang of Kafka the broker may answer
//! with a list of no brokers at all, because its controller has fenced it; the client then forgets the last broker that it
//! knows and may never ask again (<https://github.com/confluentinc/librdkafka/issues/5301>). So a client that has answered
//! nothing for as long as one question may take is replaced. No shard can start without an answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_eventlog::LogError;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::context::FeedContext;
use super::unavailable;
use crate::kafka::{missing_topic, replaced, retire};

/// The offsets that can be read: from `low` up to before `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low: i64,
    pub(super) high: i64,
}

pub(super) struct Probe {
    config: ClientConfig,
    timeout: Duration,
    partitions: i32,
    current: Mutex<Current>,
}

struct Current {
    client: Arc<Client>,
    /// When the first question was asked that failed, with no answer since.
    failing_since: Option<Instant>,
}

/// The last user of the client destroys it, on a thread of its own.
struct Client(Option<BaseConsumer<FeedContext>>);

impl Drop for Client {
    fn drop(&mut self) {
        retire(self.0.take());
    }
}

fn client(config: &ClientConfig) -> Result<Arc<Client>, KafkaError> {
    let client = BaseConsumer::from_config_and_context(config, FeedContext::default())?;
    Ok(Arc::new(Client(Some(client))))
}

impl Probe {
    const SERVED_MAX: usize = 64;

    pub(super) fn new(config: ClientConfig, timeout: Duration, partitions: i32) -> Result<Self, KafkaError> {
        let current = Current { client: client(&config)?, failing_since: None };
        Ok(Self { config, timeout, partitions, current: Mutex::new(current) })
    }

    /// Refuses a topic whose number of partitions is not the one that streams are spread over.
    pub(super) async fn bounds(&self, topic: &str, partition: i32) -> Result<Bounds, LogError> {
        let began = Instant::now();
        let client = Arc::clone(&self.current.lock().client);
        let asker = Asker { client: Arc::clone(&client), timeout: self.timeout, partitions: self.partitions };
        let name = topic.to_owned();
        let asked = tokio::task::spawn_blocking(move || asker.bounds(&name, partition)).await;
        let answer = asked.unwrap_or(Err(Failure::Silent("the question was broken off".to_owned())));
        self.learn(&client, began, &answer);
        answer.map_err(|failure| match failure {
            Failure::Silent(problem) => {
                unavailable(format!("asking for the bounds of {topic} {partition}: {problem}"))
            }
            Failure::Topic(problem) => unavailable(problem),
        })
    }

    /// Replaces the client when it has answered nothing for as long as a question may take.
    fn learn(&self, asked: &Arc<Client>, began: Instant, answer: &Result<Bounds, Failure>) {
        let mut current = self.current.lock();
        if !Arc::ptr_eq(&current.client, asked) {
            return;
        }
        if !matches!(answer, Err(Failure::Silent(_))) {
            current.failing_since = None;
            return;
        }
        if current.failing_since.get_or_insert(began).elapsed() < self.timeout {
            return;
        }
        match client(&self.config) {
            Ok(client) => {
                *current = Current { client, failing_since: None };
                drop(current);
                replaced("feed-probe");
                tracing::warn!("a client that asks Kafka for bounds did not answer any more and is replaced");
            }
            Err(error) => tracing::warn!(%error, "a client that asks Kafka for bounds cannot be replaced"),
        }
    }

    /// Lets the client say what it has to say; otherwise that would pile up.
    pub(super) fn serve(&self) {
        let client = Arc::clone(&self.current.lock().client);
        for _ in 0..Self::SERVED_MAX {
            let _ = client.0.as_ref().map(|client| client.poll(Duration::ZERO));
        }
    }
}

#[derive(Debug)]
enum Failure {
    /// Kafka did not answer, or could not.
    Silent(String),
    /// It answered, and the topic is not what it should be.
    Topic(String),
}

/// Asks, on a thread that may block.
struct Asker {
    client: Arc<Client>,
    timeout: Duration,
    partitions: i32,
}

impl Asker {
    /// Only a broker that has just answered is asked where a partition begins and ends: librdkafka keeps such questions beyond
    /// their time, and has crashed over them when brokers came back (<https://github.com/confluentinc/librdkafka/issues/5160>).
    fn bounds(&self, topic: &str, partition: i32) -> Result<Bounds, Failure> {
        let silent = |error: KafkaError| Failure::Silent(error.to_string());
        let Some(client) = self.client.0.as_ref() else { return Err(Failure::Silent("it ended".to_owned())) };
        let metadata = client.fetch_metadata(Some(topic), self.timeout).map_err(silent)?;
        let found = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        if metadata.brokers().is_empty() {
            return Err(Failure::Silent("Kafka says that none of its brokers is there".to_owned()));
        }
        if found == 0 {
            return Err(Failure::Topic(missing_topic(topic)));
        }
        if usize::try_from(self.partitions).ok() != Some(found) {
            let wanted = self.partitions;
            return Err(Failure::Topic(format!(
                "the topic {topic} has {found} partitions, {wanted} are configured"
            )));
        }
        let (low, high) = client.fetch_watermarks(topic, partition, self.timeout).map_err(silent)?;
        Ok(Bounds { low, high })
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    /// The first client has forgotten where Kafka is, as one does whose last broker was taken from its list.
    fn stuck(brokers: &str) -> Probe {
        let mut nowhere = ClientConfig::new();
        nowhere.set("bootstrap.servers", "127.0.0.1:1").set("reconnect.backoff.max.ms", "100");
        let mut probe = Probe::new(nowhere, TIMEOUT, 2).unwrap();
        probe.config.set("bootstrap.servers", brokers);
        probe
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_does_not_answer_is_replaced() {
        let kafka = MockCluster::new(1).unwrap();
        kafka.create_topic("nova.post", 2, 1).unwrap();
        let probe = stuck(&kafka.bootstrap_servers());
        let first = Arc::downgrade(&probe.current.lock().client);
        let began = Instant::now();
        loop {
            match probe.bounds("nova.post", 1).await {
                Ok(bounds) => break assert_eq!(bounds, Bounds { low: 0, high: 0 }),
                Err(error) => assert!(began.elapsed() < Duration::from_secs(60), "{error}"),
            }
        }
        assert!(first.upgrade().is_none(), "the first client is gone");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_answers_is_kept_whatever_the_answer() {
        let kafka = MockCluster::new(1).unwrap();
        kafka.create_topic("nova.post", 3, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka.bootstrap_servers());
        let probe = Probe::new(config, Duration::from_secs(10), 2).unwrap();
        let first = Arc::clone(&probe.current.lock().client);
        let error = probe.bounds("nova.post", 1).await.unwrap_err().to_string();
        assert!(error.contains("nova.post has 3 partitions, 2 are configured"), "{error}");
        assert!(Arc::ptr_eq(&first, &probe.current.lock().client));
        assert_eq!(probe.current.lock().failing_since, None);
    }
}
