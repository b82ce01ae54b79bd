//! A log, topics of its own, and a reader of them that knows nothing of Nova's feed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nova_distributed::kafka::{KafkaOptions, ensure_topics};
use nova_distributed::log::{PostgresLog, PostgresLogOptions};
use nova_distributed::relay::{Relay, RelayOptions};
use nova_distributed::topics::{CATEGORIES, Record, Topics, decode};
use nova_eventlog::{Append, EventLog, Expected, Filter, Kind, NewEvent, Recorded, StreamId, Write};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::postgres::Database;

pub(crate) const PARTITIONS: i32 = 2;
const PATIENCE: Duration = Duration::from_secs(30);

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) fn brokers() -> String {
    std::env::var("NOVA_TEST_KAFKA_BROKERS")
        .expect("NOVA_TEST_KAFKA_BROKERS must name a Kafka for tests: ./test.sh starts one")
}

pub(crate) fn own_topics() -> Topics {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Topics { prefix: format!("relay-test-{}-{number}", std::process::id()), partitions: PARTITIONS }
}

pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) log: Arc<PostgresLog>,
    pub(crate) kafka: KafkaOptions,
    pub(crate) database: Database,
    own_topics: bool,
}

impl World {
    pub(crate) async fn new() -> Self {
        let kafka = KafkaOptions::new(brokers(), own_topics());
        ensure_topics(&kafka).await.unwrap();
        let mut world = Self::with(kafka).await;
        world.own_topics = true;
        world
    }

    /// With topics that are somewhere else.
    pub(crate) async fn with(kafka: KafkaOptions) -> Self {
        let database = Database::migrated("relay").await;
        let pool = database.pool().await;
        let log = PostgresLog::open(pool.clone(), PostgresLogOptions::default()).await.unwrap();
        Self { pool, log, kafka, database, own_topics: false }
    }

    pub(crate) fn relay(&self, options: RelayOptions) -> Relay {
        let log: Arc<dyn EventLog> = self.log.clone();
        Relay::start(self.pool.clone(), log, self.log.wakeup(), self.kafka.clone(), options)
    }

    /// Answers the position of the last one.
    pub(crate) async fn append(&self, streams: &[&str], bytes: usize) -> u64 {
        let write = |stream: &&str| Write {
            stream: StreamId::new((*stream).to_owned()).unwrap(),
            expected: Expected::Any,
            events: vec![event(bytes)],
        };
        let append = Append { command_id: Uuid::new_v4(), writes: streams.iter().map(write).collect() };
        self.log.append(append).await.unwrap().last_position
    }

    /// One event after the other, over these streams.
    pub(crate) async fn append_many(&self, streams: &[String], rounds: usize) -> u64 {
        let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
        let mut last = 0;
        for _ in 0..rounds {
            last = self.append(&streams, 100).await;
        }
        last
    }

    pub(crate) async fn all(&self) -> Vec<Recorded> {
        let mut events = Vec::new();
        loop {
            let after = events.len() as u64;
            let page = self.log.read_all(after, &Filter::all(), 100_000).await.unwrap();
            events.extend(page.events);
            if page.position >= page.head {
                return events;
            }
        }
    }

    /// Moves the cursor, the lease or the epoch as no relay would.
    pub(crate) async fn tamper(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn cursor(&self) -> u64 {
        let position: i64 =
            sqlx::query_scalar("SELECT position FROM nova.outbox").fetch_one(&self.pool).await.unwrap();
        position.cast_unsigned()
    }

    pub(crate) async fn cursor_at(&self, position: u64) {
        until("the cursor is moved", async || self.cursor().await >= position).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.own_topics {
            return;
        }
        let admin: AdminClient<DefaultClientContext> = self.kafka.client("test", &[], &[]).create().unwrap();
        let names = self.kafka.topics.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = futures::executor::block_on(admin.delete_topics(&names, &AdminOptions::new()));
    }
}

pub(crate) fn event(bytes: usize) -> NewEvent {
    // Not to be compressed.
    let data: Vec<u8> = (0..bytes).map(|_| rand::random()).collect();
    NewEvent { kind: Kind::new("Tested").unwrap(), data: data.into(), meta: Bytes::from_static(b"{}") }
}

pub(crate) fn streams(category: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{category}-{number}")).collect()
}

/// Waits for something that comes by itself.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A record as it stands in Kafka.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) record: Record,
}

/// Everything in the topics, in the order of each partition.
#[derive(Debug, Default)]
pub(crate) struct Everything {
    pub(crate) reads: Vec<Read>,
}

impl Everything {
    /// Reads until every partition has a watermark of `position` or more, and nothing more comes for a moment.
    pub(crate) async fn up_to(kafka: &KafkaOptions, position: u64) -> Self {
        let kafka = kafka.clone();
        tokio::task::spawn_blocking(move || Self::read(&kafka, position)).await.unwrap()
    }

    fn read(kafka: &KafkaOptions, position: u64) -> Self {
        let fixed = [("group.id", "none"), ("enable.auto.commit", "false"), ("fetch.wait.max.ms", "20")];
        let consumer: BaseConsumer = kafka.client("test", &[], &fixed).create().unwrap();
        let mut all = TopicPartitionList::new();
        for category in CATEGORIES {
            for partition in 0..kafka.topics.partitions {
                all.add_partition_offset(&kafka.topics.name(category), partition, Offset::Beginning).unwrap();
            }
        }
        consumer.assign(&all).unwrap();
        let mut missing: HashSet<(String, i32)> =
            all.elements().iter().map(|one| (one.topic().to_owned(), one.partition())).collect();
        let mut everything = Self::default();
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no watermark of {position} in {missing:?}");
            let Some(message) = consumer.poll(Duration::from_millis(200)) else {
                if missing.is_empty() {
                    return everything;
                }
                continue;
            };
            let message = message.unwrap();
            let record = decode(&message).unwrap();
            let (topic, partition) = (message.topic().to_owned(), message.partition());
            if matches!(record, Record::Watermark { position: at, .. } if at >= position) {
                missing.remove(&(topic.clone(), partition));
            }
            let key = message.key().map(|key| String::from_utf8(key.to_vec()).unwrap());
            everything.reads.push(Read { topic, partition, key, record });
        }
    }

    pub(crate) fn events(&self) -> Vec<(Recorded, bool)> {
        let event = |read: &Read| match &read.record {
            Record::Event { event, late } => Some((event.clone(), *late)),
            Record::Watermark { .. } => None,
        };
        self.reads.iter().filter_map(event).collect()
    }

    /// Each event where it first stands, by stream.
    pub(crate) fn first_occurrences(&self) -> BTreeMap<String, Vec<u64>> {
        let mut seen = HashSet::new();
        let mut by_stream: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (event, _) in self.events() {
            if seen.insert(event.position) {
                by_stream.entry(event.stream.as_str().to_owned()).or_default().push(event.revision);
            }
        }
        by_stream
    }

    /// Every stream has all its revisions, in order.
    pub(crate) fn assert_complete(&self, log: &[Recorded]) {
        let mut expected: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for event in log {
            expected.entry(event.stream.as_str().to_owned()).or_default().push(event.revision);
        }
        assert_eq!(self.first_occurrences(), expected);
    }

    /// What a watermark says holds: everything of the partition up to it stands before it, except for `parked` streams.
    pub(crate) fn assert_watermarks(&self, kafka: &KafkaOptions, log: &[Recorded], parked: &[&str]) {
        let mut due: HashMap<(String, i32), Vec<u64>> = HashMap::new();
        for event in log.iter().filter(|event| !parked.contains(&event.stream.as_str())) {
            let topic = kafka.topics.name(event.stream.category());
            due.entry((topic, kafka.topics.partition_of(&event.stream))).or_default().push(event.position);
        }
        let mut seen: HashMap<(String, i32), HashSet<u64>> = HashMap::new();
        for read in &self.reads {
            let place = (read.topic.clone(), read.partition);
            match &read.record {
                Record::Event { event, .. } => {
                    seen.entry(place).or_default().insert(event.position);
                }
                Record::Watermark { position, .. } => {
                    let seen = seen.entry(place.clone()).or_default();
                    let due = due.get(&place).into_iter().flatten();
                    let missing: Vec<_> = due.filter(|at| *at <= position && !seen.contains(at)).collect();
                    assert!(missing.is_empty(), "{place:?} says {position} but lacks {missing:?}");
                }
            }
        }
    }
}
