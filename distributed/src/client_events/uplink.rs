//! The producer of client events, and who waits for it.
//!
//! * Idempotent and without gaps: a user's events are in their partition in the order in which they were sent.
//! * Records do not time out by themselves. Whoever waits stops waiting, and a producer that gets nowhere is given up as
//!   a whole ([`Uplink::renew`]); until then it holds at most its configured memory.

use std::sync::Arc;
use std::time::Duration;

use nova_events::client_events::ClientEventBatch;
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig, ThreadedProducer,
};
use tokio::sync::oneshot;

use crate::kafka::{KafkaContext, KafkaOptions, KafkaSetupError, about_the_record, replaced, retire};
use crate::topics::client_event_headers;

/// Why a batch is not known to be in Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// In a word, for operators.
    pub(super) class: &'static str,
    pub(super) problem: String,
    /// Events that were refused for what they are.
    pub(super) refused: usize,
}

impl Failure {
    fn of(class: &'static str, problem: impl Into<String>) -> Self {
        Self { class, problem: problem.into(), refused: 0 }
    }
}

/// A batch whose events are on their way.
#[derive(Debug)]
struct Ticket(Mutex<Waiting>);

#[derive(Debug)]
struct Waiting {
    events: usize,
    failure: Option<Failure>,
    tell: Option<oneshot::Sender<Result<(), Failure>>>,
}

impl Ticket {
    fn new(events: usize) -> (Arc<Self>, OnItsWay) {
        let (tell, told) = oneshot::channel();
        let waiting = Waiting { events, failure: None, tell: Some(tell) };
        (Arc::new(Self(Mutex::new(waiting))), OnItsWay(told))
    }

    fn settled(&self, error: Option<&KafkaError>) {
        let mut waiting = self.0.lock();
        waiting.events = waiting.events.saturating_sub(1);
        if let Some(error) = error {
            let failure = waiting.failure.get_or_insert_with(|| Failure::of("kafka", ""));
            let refused = error.rdkafka_error_code().is_some_and(about_the_record);
            if failure.problem.is_empty() || (refused && failure.refused == 0) {
                failure.problem = error.to_string();
            }
            failure.refused += usize::from(refused);
        }
        if waiting.events == 0
            && let Some(tell) = waiting.tell.take()
        {
            // Whoever waited may have gone.
            let _ = tell.send(waiting.failure.take().map_or(Ok(()), Err));
        }
    }
}

/// The acknowledgement of a batch.
#[derive(Debug)]
pub(super) struct OnItsWay(oneshot::Receiver<Result<(), Failure>>);

impl OnItsWay {
    /// Waits at most so long. What was not acknowledged then may still be.
    pub(super) async fn acknowledged(self, patience: Duration) -> Result<(), Failure> {
        match tokio::time::timeout(patience, self.0).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::of("given_up", "the producer was given up")),
            Err(_) => Err(Failure::of("timeout", "it is not acknowledged in time")),
        }
    }
}

/// One for all producers, so that the same trouble is not told again with each.
#[derive(Clone, Default)]
struct Told(Arc<KafkaContext>);

impl ClientContext for Told {
    fn log(&self, level: RDKafkaLogLevel, kind: &str, text: &str) {
        self.0.log(level, kind, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ProducerContext for Told {
    type DeliveryOpaque = Arc<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Arc<Ticket>) {
        ticket.settled(result.as_ref().err().map(|(error, _)| error));
    }
}

type Sending = ThreadedProducer<Told>;

pub(super) struct Uplink {
    kafka: KafkaOptions,
    topic: String,
    told: Told,
    producer: Mutex<Option<Sending>>,
}

impl std::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uplink").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Uplink {
    pub(super) fn new(kafka: KafkaOptions) -> Result<Self, KafkaSetupError> {
        let told = Told::default();
        let producer = producer(&kafka, &told).map_err(|error| KafkaSetupError::of_client(&kafka, &error))?;
        Ok(Self { topic: kafka.topics.client_events(), kafka, told, producer: Mutex::new(Some(producer)) })
    }

    /// Sends a batch. Its events are in the order of the calls.
    pub(super) fn send(&self, batch: &ClientEventBatch) -> OnItsWay {
        let (ticket, on_its_way) = Ticket::new(batch.events.len());
        let key = batch.user.to_string();
        let partition = self.kafka.topics.partition_of_key(&key);
        let mut held = self.producer.lock();
        if held.as_ref().is_some_and(|sending| sending.client().fatal_error().is_some()) {
            replaced("client-events");
            give_up(held.take());
        }
        let mut failed = None;
        if held.is_none() {
            match producer(&self.kafka, &self.told) {
                Ok(sending) => *held = Some(sending),
                Err(error) => failed = Some(error),
            }
        }
        for row in batch.rows() {
            let sent = match (&*held, &failed) {
                (Some(sending), None) => {
                    let value = serde_json::to_vec(&row).unwrap_or_default();
                    let headers = client_event_headers(batch, row.event.id);
                    let record = BaseRecord::with_opaque_to(&self.topic, Arc::clone(&ticket))
                        .partition(partition)
                        .key(&key)
                        .payload(&value)
                        .headers(headers);
                    sending.send(record).map_err(|(error, _)| error)
                }
                _ => Err(failed.clone().unwrap_or(KafkaError::Canceled)),
            };
            if let Err(error) = sent {
                ticket.settled(Some(&error));
                // A later one must not overtake it, unless it would never come.
                if !error.rdkafka_error_code().is_some_and(about_the_record) {
                    failed = Some(error);
                }
            }
        }
        on_its_way
    }

    /// Gives up the producer with all that it holds; the next send makes another one.
    pub(super) fn renew(&self) {
        replaced("client-events");
        self.close();
    }

    pub(super) fn close(&self) {
        give_up(self.producer.lock().take());
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        self.close();
    }
}

fn give_up(producer: Option<Sending>) {
    if let Some(producer) = producer {
        producer.purge(PurgeConfig::default().queue().inflight());
        retire(producer);
    }
}

fn producer(kafka: &KafkaOptions, told: &Told) -> Result<Sending, KafkaError> {
    let defaults = [
        ("linger.ms", "2"),
        ("batch.size", "262144"),
        ("compression.type", "lz4"),
        ("queue.buffering.max.messages", "100000"),
        ("queue.buffering.max.kbytes", "32768"),
        ("socket.timeout.ms", "10000"),
        ("retry.backoff.ms", "50"),
    ];
    let fixed = [
        ("enable.idempotence", "true"),
        ("enable.gapless.guarantee", "true"),
        ("acks", "all"),
        ("message.timeout.ms", "0"),
        ("delivery.report.only.error", "false"),
    ];
    let config = kafka.client("client-events", &defaults, &fixed);
    ThreadedProducer::from_config_and_context(&config, told.clone())
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode as Code;

    use super::*;

    #[tokio::test]
    async fn a_batch_is_acknowledged_when_all_of_it_is() {
        let (ticket, on_its_way) = Ticket::new(2);
        ticket.settled(None);
        ticket.settled(None);
        assert_eq!(on_its_way.acknowledged(Duration::ZERO).await, Ok(()));
        let (ticket, on_its_way) = Ticket::new(3);
        ticket.settled(None);
        ticket.settled(Some(&KafkaError::MessageProduction(Code::AllBrokersDown)));
        ticket.settled(Some(&KafkaError::MessageProduction(Code::MessageSizeTooLarge)));
        let failure = on_its_way.acknowledged(Duration::ZERO).await.unwrap_err();
        assert_eq!(failure.refused, 1);
        let (ticket, on_its_way) = Ticket::new(2);
        ticket.settled(None);
        assert!(on_its_way.acknowledged(Duration::from_millis(1)).await.is_err());
        let (ticket, on_its_way) = Ticket::new(1);
        drop(ticket);
        assert!(on_its_way.acknowledged(Duration::from_secs(9)).await.is_err());
    }
}
