//! The topics as anyone reads them who knows nothing of projections.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use nova_distributed::topics::{CATEGORIES, Record, Topics, decode};
use nova_eventlog::Recorded;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::cluster::{Cluster, PARTITIONS};
use crate::log::Log;

const PATIENCE: Duration = Duration::from_secs(30);

/// One partition's records, in order.
struct Partition {
    category: &'static str,
    number: i32,
    records: Vec<Record>,
}

/// What the check has found.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) records: usize,
    /// Events that stand there more than once: how often more.
    pub(crate) repeated: usize,
    pub(crate) watermarks: usize,
}

/// Every event of the log stands in the partition of its stream, and nothing else does; the first occurrences of a
/// stream's events are in the order of their revisions; before a watermark stands everything that it speaks for.
pub(crate) fn agrees_with(cluster: &Cluster, log: &Log) -> Seen {
    let topics = Topics { prefix: cluster.name.clone(), partitions: PARTITIONS };
    let partitions = tokio::task::block_in_place(|| read(&cluster.servers.kafka, &topics));
    let mut seen = Seen::default();
    let mut anywhere = HashSet::new();
    for partition in &partitions {
        let name = format!("{} of {}", partition.number, partition.category);
        let expected: Vec<u64> = log
            .events
            .iter()
            .filter(|event| {
                let stream = nova_eventlog::StreamId::new(event.stream.as_str()).unwrap();
                event.category() == partition.category && topics.partition_of(&stream) == partition.number
            })
            .map(|event| event.position)
            .collect();
        let (mut here, mut told) = (HashSet::new(), 0);
        let mut revisions: HashMap<String, u64> = HashMap::new();
        for record in &partition.records {
            seen.records += 1;
            match record {
                Record::Watermark { position, .. } => {
                    seen.watermarks += 1;
                    told = told.max(*position);
                    let missing =
                        expected.iter().take_while(|at| **at <= told).find(|at| !here.contains(*at));
                    assert_eq!(missing, None, "partition {name}: a watermark of {position} came before it");
                }
                Record::Event { event, late } => {
                    assert!(!late, "partition {name}: nothing was parked, and {event:?} is late");
                    is_in(log, event);
                    if !here.insert(event.position) {
                        seen.repeated += 1;
                        continue;
                    }
                    let next = revisions.entry(event.stream.as_str().to_owned()).or_default();
                    assert_eq!(event.revision, *next, "partition {name}: out of order: {event:?}");
                    *next += 1;
                }
            }
        }
        let missing = expected.iter().find(|position| !here.contains(*position));
        assert_eq!(missing, None, "partition {name} lacks an event");
        assert_eq!(here.len(), expected.len(), "partition {name} has events that do not belong there");
        anywhere.extend(here);
    }
    assert_eq!(anywhere.len() as u64, log.head(), "every event has a partition");
    seen
}

fn is_in(log: &Log, event: &Recorded) {
    let of_log = log.events.get(event.position as usize - 1);
    let of_log = of_log.unwrap_or_else(|| panic!("Kafka has what the log has not: {event:?}"));
    assert_eq!(
        (event.id, event.stream.as_str(), event.revision, event.kind.as_str()),
        (of_log.id, of_log.stream.as_str(), of_log.revision, of_log.kind.as_str())
    );
}

fn read(brokers: &str, topics: &Topics) -> Vec<Partition> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", format!("{}.looker", topics.prefix))
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "20")
        .create()
        .unwrap();
    let mut partitions = Vec::new();
    let mut ends = HashMap::new();
    let mut assigned = TopicPartitionList::new();
    for category in CATEGORIES {
        for number in 0..topics.partitions {
            let topic = topics.name(category);
            let (low, high) = consumer.fetch_watermarks(&topic, number, PATIENCE).unwrap();
            assert_eq!(low, 0, "{topic} keeps everything for as long as a test takes");
            assigned.add_partition_offset(&topic, number, Offset::Beginning).unwrap();
            if high > 0 {
                ends.insert((topic, number), (partitions.len(), high));
            }
            partitions.push(Partition { category, number, records: Vec::new() });
        }
    }
    consumer.assign(&assigned).unwrap();
    let began = Instant::now();
    let mut unread = ends.len();
    while unread > 0 {
        assert!(began.elapsed() < PATIENCE, "{unread} partitions are not read to their ends");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.unwrap();
        let (at, end) = ends[&(message.topic().to_owned(), message.partition())];
        if message.offset() >= end {
            continue;
        }
        partitions[at].records.push(decode(&message).unwrap());
        if message.offset() + 1 == end {
            unread -= 1;
        }
    }
    partitions
}
