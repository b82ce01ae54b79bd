//! A log, topics of the test's own, and a relay by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use nova_distributed::feed::{AssignedShard, Assignment, GroupOptions, KafkaGroup};
use nova_distributed::kafka::{KafkaContext, KafkaOptions};
use nova_distributed::relay::Sessions;
use nova_distributed::topics::{Topics, event_headers, watermark_headers};
use nova_eventlog::{
    Append, Batch, EventFeed, EventLog, Expected, FileLog, FileLogOptions, Filter, Kind, LogError, NewEvent,
    Recorded, StreamId, Write,
};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) kafka: KafkaOptions,
    pub(crate) log: Arc<FileLog>,
    categories: Vec<&'static str>,
    admin: AdminClient<KafkaContext>,
    producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext>,
    /// How far the relay is.
    published: watch::Sender<u64>,
    _dir: tempfile::TempDir,
}

fn brokers() -> String {
    std::env::var("NOVA_TEST_KAFKA_BROKERS")
        .expect("NOVA_TEST_KAFKA_BROKERS must name Kafka brokers for tests: ./test.sh starts one")
}

pub(crate) fn kafka_at(prefix: &str, partitions: i32) -> KafkaOptions {
    KafkaOptions::new(brokers(), Topics { prefix: prefix.to_owned(), partitions })
}

fn limits() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

impl World {
    pub(crate) async fn new(name: &str, categories: &[&'static str], partitions: i32) -> Self {
        let prefix = format!("test-feed-{}-{name}", std::process::id());
        let kafka = kafka_at(&prefix, partitions);
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(FileLog::open(dir.path(), FileLogOptions::default()).unwrap());
        let admin =
            AdminClient::from_config_and_context(&kafka.client("test", &[], &[]), KafkaContext::default())
                .unwrap();
        let settings = [("enable.idempotence", "true"), ("linger.ms", "1")];
        let producer = kafka.client("test", &settings, &[]).create().unwrap();
        let published = watch::Sender::new(0);
        let world =
            Self { kafka, log, categories: categories.to_vec(), admin, producer, published, _dir: dir };
        world.create_topics().await;
        world
    }

    pub(crate) async fn create_topics(&self) {
        let names = self.topic_names();
        let topics = names
            .iter()
            .map(|name| NewTopic::new(name, self.kafka.topics.partitions, TopicReplication::Fixed(1)));
        let topics: Vec<_> = topics.collect();
        for result in self.admin.create_topics(&topics, &limits()).await.unwrap() {
            result.unwrap();
        }
    }

    pub(crate) async fn delete_topics(&self) {
        let names = self.topic_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for result in self.admin.delete_topics(&names, &limits()).await.unwrap() {
            result.unwrap();
        }
    }

    fn topic_names(&self) -> Vec<String> {
        self.categories.iter().map(|category| self.kafka.topics.name(category)).collect()
    }

    /// Makes a partition begin at this offset.
    pub(crate) async fn delete_before(&self, category: &str, partition: i32, offset: Offset) {
        let mut list = TopicPartitionList::new();
        let topic = self.kafka.topics.name(category);
        list.add_partition_offset(&topic, partition, offset).unwrap();
        let deleted = self.admin.delete_records(&list, &limits()).await.unwrap();
        deleted.elements().iter().for_each(|one| one.error().unwrap());
    }

    pub(crate) fn options(&self, group: &str) -> GroupOptions {
        GroupOptions {
            group_id: format!("{}.{group}", self.kafka.topics.prefix),
            categories: self.categories.clone(),
            ..GroupOptions::default()
        }
    }

    pub(crate) fn join(&self, options: GroupOptions) -> (KafkaGroup, mpsc::Receiver<Assignment>) {
        self.join_knowing(options, Arc::new(Sessions::none()))
    }

    pub(crate) fn join_knowing(
        &self,
        options: GroupOptions,
        sessions: Arc<Sessions>,
    ) -> (KafkaGroup, mpsc::Receiver<Assignment>) {
        KafkaGroup::start(self.kafka.clone(), options, self.log.clone(), self.published(), sessions).unwrap()
    }

    /// Follows how far the relay is.
    pub(crate) fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// One event a stream, in one append.
    pub(crate) async fn append(&self, streams: &[StreamId]) {
        let event = || NewEvent {
            kind: Kind::new("Tested").unwrap(),
            data: Bytes::from_static(b"data"),
            meta: Bytes::from_static(b"{}"),
        };
        let writes = streams.iter().map(|stream| Write {
            stream: stream.clone(),
            expected: Expected::Any,
            events: vec![event()],
        });
        let append = Append { command_id: Uuid::now_v7(), writes: writes.collect() };
        self.log.append(append).await.unwrap();
    }

    /// `count` events, spread over `streams` streams of each category.
    pub(crate) async fn append_many(&self, count: usize, streams: usize) {
        let mut left = count;
        while left > 0 {
            let some: Vec<StreamId> = (0..left.min(100))
                .map(|at| {
                    let category = self.categories[at % self.categories.len()];
                    stream(category, (at / self.categories.len()) % streams)
                })
                .collect();
            self.append(&some).await;
            left -= some.len();
        }
    }

    pub(crate) async fn in_log(&self) -> Vec<Recorded> {
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let page = self.log.read_all(after, &Filter::all(), 10_000).await.unwrap();
            events.extend(page.events);
            after = page.position;
            if after >= page.head {
                return events;
            }
        }
    }

    /// What belongs to one partition.
    pub(crate) async fn in_shard(&self, category: &str, partition: i32) -> Vec<Recorded> {
        let topics = &self.kafka.topics;
        let mut events = self.in_log().await;
        events.retain(|event| {
            event.stream.category() == category && topics.partition_of(&event.stream) == partition
        });
        events
    }

    /// Publishes what has not been, and a watermark everywhere.
    pub(crate) async fn publish(&self) {
        let events = self.in_log().await;
        let after = *self.published.borrow();
        for event in events.iter().filter(|event| event.position > after) {
            self.produce(event, false);
        }
        self.flushed(events.len() as u64);
        self.watermarks(events.len() as u64);
        self.flushed(events.len() as u64);
    }

    fn flushed(&self, position: u64) {
        self.producer.flush(PATIENCE).unwrap();
        self.published.send_replace(position);
    }

    pub(crate) fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    pub(crate) fn produce(&self, event: &Recorded, late: bool) {
        let topics = &self.kafka.topics;
        let (key, payload) = (Some(event.stream.as_str().as_bytes()), Some(event.data.as_ref()));
        let partition = topics.partition_of(&event.stream);
        self.send(event.stream.category(), partition, key, payload, Some(event_headers(event, late)));
    }

    pub(crate) fn watermarks(&self, position: u64) {
        for category in &self.categories {
            for partition in 0..self.kafka.topics.partitions {
                self.send(category, partition, None, None, Some(watermark_headers(position, None)));
            }
        }
    }

    pub(crate) fn send(
        &self,
        category: &str,
        partition: i32,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: Option<OwnedHeaders>,
    ) {
        let topic = self.kafka.topics.name(category);
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).partition(partition);
        record.key = key;
        record.payload = payload;
        record.headers = headers;
        let mut record = Some(record);
        while let Some(next) = record.take() {
            if let Err((error, back)) = self.producer.send(next) {
                assert_eq!(
                    error.rdkafka_error_code(),
                    Some(rdkafka::types::RDKafkaErrorCode::QueueFull),
                    "{error}"
                );
                std::thread::sleep(Duration::from_millis(5));
                record = Some(back);
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let names = self.topic_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = futures::executor::block_on(self.admin.delete_topics(&names, &limits()));
    }
}

pub(crate) fn stream(category: &str, number: usize) -> StreamId {
    StreamId::new(format!("{category}-{number:04}")).unwrap()
}

/// The next shards that are assigned, as many as these, by name.
pub(crate) async fn assigned(
    assignments: &mut mpsc::Receiver<Assignment>,
    count: usize,
) -> BTreeMap<String, AssignedShard> {
    let mut shards = BTreeMap::new();
    let all = async {
        while shards.len() < count {
            match assignments.recv().await.expect("the group has ended") {
                Assignment::Assigned(shard) => {
                    shards.insert(shard.shard.to_string(), shard);
                }
                Assignment::Revoked { shard, done } => {
                    shards.remove(shard.as_str());
                    let _ = done.send(());
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("the shards were not assigned");
    shards
}

/// The only shard.
pub(crate) async fn one(assignments: &mut mpsc::Receiver<Assignment>) -> AssignedShard {
    assigned(assignments, 1).await.into_values().next().unwrap()
}

/// A follower that keeps what it was given.
pub(crate) struct Reader {
    batches: BoxStream<'static, Result<Batch, LogError>>,
    pub(crate) position: u64,
    pub(crate) seen: Vec<Batch>,
}

impl Reader {
    pub(crate) fn new(feed: &Arc<dyn EventFeed>, after: u64, batch_events_max: usize) -> Self {
        Self {
            batches: feed.follow(after, Filter::all(), batch_events_max),
            position: after,
            seen: Vec::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Batch, LogError> {
        let next = tokio::time::timeout(PATIENCE, self.batches.next()).await;
        let batch = next.expect("the feed is stuck").expect("the feed has ended")?;
        assert!(batch.position >= self.position, "back from {} to {}", self.position, batch.position);
        assert!(batch.head >= batch.position);
        if batch.late {
            assert_eq!(batch.position, self.position, "a late batch moves nothing");
        } else {
            let positions: Vec<u64> = batch.events.iter().map(|event| event.position).collect();
            assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
            assert!(positions.iter().all(|at| *at > self.position && *at <= batch.position), "{positions:?}");
        }
        self.position = batch.position;
        self.seen.push(batch.clone());
        Ok(batch)
    }

    pub(crate) async fn until(&mut self, position: u64) {
        while self.position < position {
            self.next().await.unwrap();
        }
    }

    /// Late ones too.
    pub(crate) fn events(&self) -> Vec<Recorded> {
        self.seen.iter().flat_map(|batch| batch.events.iter().cloned()).collect()
    }
}
