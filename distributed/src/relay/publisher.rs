//! One producer, and what of it is still under way.
//!
//! * Within a partition, records are in Kafka in the order they were sent, without a gap: the producer is idempotent
//!   and stops for good at the first record that it cannot deliver.
//! * No record times out on its own: that would let later ones overtake it. Whoever waits watches [`Acks::oldest`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Message as _, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig, ThreadedProducer,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::RelayOptions;
use super::store::Parking;
use crate::kafka::{KafkaContext, KafkaOptions, about_the_record, missing_topic, retire};

/// Which records a delivery is about. `position` is 0 for a watermark.
#[derive(Debug)]
pub(super) struct Ticket {
    batch: u64,
    position: u64,
}

/// Part of the log that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// Where it ends.
    pub(super) position: u64,
    pub(super) parked: Vec<Parking>,
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) first_recorded_at_ms: u64,
    since: Instant,
    /// When something of it was acknowledged last.
    progress: Instant,
    waiting: usize,
    open: bool,
}

/// Why the producer is no use any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure {
    pub(super) problem: String,
    /// Positions of events that were refused for what they are, and not for what the broker is.
    pub(super) refused: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Acks {
    state: Mutex<State>,
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    sent: VecDeque<Sent>,
    /// The number of the first of `sent`.
    first: u64,
    waiting: usize,
    events: usize,
    bytes: usize,
    failure: Option<Failure>,
}

impl Acks {
    /// What has been acknowledged whole, in order.
    pub(super) fn take_done(&self) -> Vec<Sent> {
        let mut state = self.state.lock();
        let mut done = Vec::new();
        while let Some(sent) = state.sent.pop_front_if(|sent| !sent.open && sent.waiting == 0) {
            state.first += 1;
            state.events -= sent.events;
            state.bytes -= sent.bytes;
            metrics::histogram!(super::names::PUBLISH_SECONDS).record(sent.since.elapsed().as_secs_f64());
            done.push(sent);
        }
        done
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.state.lock().failure.clone()
    }

    /// Records that are not acknowledged.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// Events and their bytes in batches that are not acknowledged whole.
    pub(super) fn in_flight(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.events, state.bytes)
    }

    /// Since when nothing of the oldest batch has been acknowledged, and when its first event was recorded.
    pub(super) fn oldest(&self) -> Option<(Instant, u64)> {
        let state = self.state.lock();
        state
            .sent
            .front()
            .filter(|sent| sent.waiting > 0)
            .map(|sent| (sent.progress, sent.first_recorded_at_ms))
    }

    fn open(&self) -> u64 {
        let mut state = self.state.lock();
        let number = state.first + state.sent.len() as u64;
        let now = Instant::now();
        state.sent.push_back(Sent {
            position: 0,
            parked: Vec::new(),
            events: 0,
            bytes: 0,
            first_recorded_at_ms: u64::MAX,
            since: now,
            progress: now,
            waiting: 0,
            open: true,
        });
        number
    }

    fn with(&self, batch: u64, change: impl FnOnce(&mut Sent)) {
        let mut state = self.state.lock();
        let index = batch.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        if let Some(sent) = index.and_then(|index| state.sent.get_mut(index)) {
            change(sent);
        }
    }

    fn sending(&self, batch: u64) {
        self.state.lock().waiting += 1;
        self.with(batch, |sent| sent.waiting += 1);
    }

    fn settled(&self, batch: u64) {
        let mut whole = false;
        self.with(batch, |sent| {
            sent.waiting = sent.waiting.saturating_sub(1);
            sent.progress = Instant::now();
            whole = sent.waiting == 0;
        });
        let mut state = self.state.lock();
        state.waiting = state.waiting.saturating_sub(1);
        let none = state.waiting == 0;
        drop(state);
        if whole || none {
            self.changed.notify_one();
        }
    }

    fn fail(&self, code: Option<Code>, problem: String, position: u64) {
        let mut state = self.state.lock();
        let consequence = matches!(code, Some(Code::PurgeQueue | Code::PurgeInflight | Code::Fatal));
        let failure = match &mut state.failure {
            Some(failure) => failure,
            // Purged by us: nobody waits for it any more.
            None if matches!(code, Some(Code::PurgeQueue | Code::PurgeInflight)) => return,
            none => none.insert(Failure::default()),
        };
        if failure.problem.is_empty() || (!consequence && failure.refused.is_empty()) {
            failure.problem = problem;
        }
        if position > 0 && code.is_some_and(about_the_record) {
            failure.refused.push(position);
        }
        drop(state);
        self.changed.notify_one();
    }
}

/// What the producer tells.
pub(super) struct Told {
    acks: Arc<Acks>,
    context: KafkaContext,
}

impl ClientContext for Told {
    fn log(&self, level: RDKafkaLogLevel, kind: &str, text: &str) {
        self.context.log(level, kind, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(Code::Fatal) {
            self.acks.fail(Some(Code::Fatal), reason.to_owned(), 0);
        }
        self.context.error(error, reason);
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ProducerContext for Told {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        if let Err((error, message)) = result {
            self.acks.fail(error.rdkafka_error_code(), problem_of(error, message.topic()), ticket.position);
        }
        self.acks.settled(ticket.batch);
    }
}

/// Why a record of this topic is not in Kafka.
fn problem_of(error: &KafkaError, topic: &str) -> String {
    match error.rdkafka_error_code() {
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
            missing_topic(topic)
        }
        Some(_) | None => error.to_string(),
    }
}

/// What became of a record that was to be sent.
#[derive(Debug)]
pub(super) enum Outcome {
    Sent,
    /// The producer's queue is full: try again when something has been delivered.
    Full,
    /// Kafka would not take it.
    Refused(String),
    Failed(String),
}

/// What a record is made of.
pub(super) struct Outgoing<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) key: Option<&'a str>,
    pub(super) payload: Option<&'a [u8]>,
    pub(super) headers: OwnedHeaders,
    pub(super) position: u64,
}

pub(super) struct Publisher {
    producer: Option<ThreadedProducer<Told>>,
    pub(super) acks: Arc<Acks>,
}

impl Publisher {
    pub(super) fn new(kafka: &KafkaOptions, options: &RelayOptions) -> Result<Self, KafkaError> {
        let linger_ms = options.linger_ms.to_string();
        let defaults = [
            ("linger.ms", linger_ms.as_str()),
            ("batch.size", "524288"),
            ("batch.num.messages", "10000"),
            // As large as the topics take, which is more than the log does.
            ("message.max.bytes", "2000000"),
            ("compression.type", "lz4"),
            ("queue.buffering.max.messages", "200000"),
            ("queue.buffering.max.kbytes", "131072"),
            ("socket.timeout.ms", "10000"),
            ("retry.backoff.ms", "50"),
            // A topic that is missing for so long was deleted, and is reported as such before the relay counts as stalled.
            ("topic.metadata.propagation.max.ms", "5000"),
        ];
        let fixed = [
            ("enable.idempotence", "true"),
            ("enable.gapless.guarantee", "true"),
            ("acks", "all"),
            ("message.timeout.ms", "0"),
            ("delivery.report.only.error", "false"),
        ];
        let acks = Arc::<Acks>::default();
        let told = Told { acks: Arc::clone(&acks), context: KafkaContext::default() };
        let config = kafka.client("relay", &defaults, &fixed);
        let producer = ThreadedProducer::from_config_and_context(&config, told)?;
        Ok(Self { producer: Some(producer), acks })
    }

    /// Why nothing gets through, as far as the client knows.
    pub(super) fn last_error(&self) -> Option<String> {
        let context = self.producer.as_ref()?.context();
        context.context.last_error().map(|(_, reason)| reason)
    }

    /// Begins a batch; what is sent next belongs to it until it is sealed.
    pub(super) fn open(&self) -> u64 {
        self.acks.open()
    }

    /// The batch is whole: `position` is where the log has been sent up to with it.
    pub(super) fn seal(&self, batch: u64, position: u64, parked: Vec<Parking>) {
        self.acks.with(batch, |sent| {
            (sent.position, sent.parked, sent.open) = (position, parked, false);
        });
        self.acks.changed.notify_one();
    }

    /// Counts an event that was sent.
    pub(super) fn count(&self, batch: u64, bytes: usize, recorded_at_ms: u64) {
        self.acks.with(batch, |sent| {
            sent.events += 1;
            sent.bytes += bytes;
            sent.first_recorded_at_ms = sent.first_recorded_at_ms.min(recorded_at_ms);
        });
        let mut state = self.acks.state.lock();
        state.events += 1;
        state.bytes += bytes;
    }

    pub(super) fn send(&self, batch: u64, record: Outgoing<'_>) -> Outcome {
        let record_topic = record.topic;
        let Some(producer) = &self.producer else {
            return Outcome::Failed("the producer is closed".to_owned());
        };
        let ticket = Box::new(Ticket { batch, position: record.position });
        let mut out: BaseRecord<'_, str, [u8], Box<Ticket>> =
            BaseRecord::with_opaque_to(record.topic, ticket)
                .partition(record.partition)
                .headers(record.headers);
        out.key = record.key;
        out.payload = record.payload;
        self.acks.sending(batch);
        let Err((error, _)) = producer.send(out) else {
            return Outcome::Sent;
        };
        self.acks.settled(batch);
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Outcome::Full,
            Some(code) if about_the_record(code) => Outcome::Refused(code.to_string()),
            Some(_) | None => Outcome::Failed(problem_of(&error, record_topic)),
        }
    }

    /// Sends nothing more, and answers what went wrong, once everything about it has been told.
    pub(super) async fn close(mut self) -> Failure {
        let producer = self.producer.take();
        if let Some(producer) = &producer {
            producer.purge(PurgeConfig::default().queue().inflight());
        }
        // Deliveries that were told but not handled come now; it waits for a thread.
        let closed = tokio::task::spawn_blocking(move || {
            if let Some(producer) = producer {
                let _ = producer.flush(Duration::from_millis(500));
                retire(producer);
            }
        });
        let _ = closed.await;
        self.acks.failure().unwrap_or_default()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(producer) = self.producer.take() {
            producer.purge(PurgeConfig::default().queue().inflight());
            retire(producer);
        }
    }
}
