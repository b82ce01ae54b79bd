//! Client events while Kafka is killed, hangs and comes back, and while the processes that take them are killed.
//!
//! * What was answered with 202 is in the topic in the end, each user's in order, whatever is repeated.
//! * Nobody waits long for an answer, and a full queue says so.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use nova_distributed::topics::Topics;
use nova_events::UserId;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Api, User};
use crate::cluster::{Cluster, PARTITIONS};
use crate::process::Role;
use crate::servers::Servers;

const PATIENCE: Duration = Duration::from_secs(90);
/// Two requests wait for Kafka until it is taken to be away, each 300 ms; the machine is small and busy.
const ANSWERED: Duration = Duration::from_secs(3);

/// Someone whose events all go to one process, one request after the other.
struct Teller {
    user: User,
    /// The ids that were accepted, in order.
    accepted: Vec<Uuid>,
    /// How many of them had been accepted when it turned to another process: each keeps the order of what it answered.
    turns: Vec<usize>,
    told: usize,
}

impl Teller {
    fn new(cluster: &Cluster, process: u32) -> Self {
        let (id, address) = (UserId::make(), cluster.with(process, |process| process.address()).unwrap());
        Self {
            user: Api::new(address).as_user(id, cluster.token(id)),
            accepted: Vec::new(),
            turns: vec![0],
            told: 0,
        }
    }

    /// From now on to another process.
    fn turn_to(&mut self, cluster: &Cluster, process: u32) {
        let address = cluster.with(process, |process| process.address()).unwrap();
        self.user = Api::new(address).as_user(self.user.id, self.user.token.clone());
        self.turns.push(self.accepted.len());
    }

    /// What each process accepted, in order.
    fn by_process(&self) -> impl Iterator<Item = &[Uuid]> {
        let ends = self.turns.iter().skip(1).copied().chain([self.accepted.len()]);
        self.turns.iter().zip(ends).map(|(from, until)| &self.accepted[*from..until])
    }

    /// One request with three events.
    async fn tell(&mut self) -> Answer {
        let ids: Vec<_> = (0..3).map(|_| Uuid::now_v7()).collect();
        self.told += 1;
        let event = |id: &Uuid| {
            json!({"id": id, "kind": "view", "subject": {"type": "post", "id": self.user.id},
                "properties": {"request": self.told}})
        };
        let events: Vec<_> = ids.iter().map(event).collect();
        let began = Instant::now();
        let answer = self.user.post("/events", json!({"events": events})).await;
        assert!(began.elapsed() < ANSWERED, "it took {:?}: {}", began.elapsed(), answer.body);
        if answer.status == 202 {
            assert_eq!(answer.body["accepted"], 3);
            self.accepted.extend(ids);
        }
        answer
    }

    /// Kafka was started or thawed just now, and may need a moment; at most the minute that it is taken to be away for.
    async fn until_kafka_takes_it(&mut self) {
        let began = Instant::now();
        while self.tells(1).await > 0 {
            assert!(began.elapsed() < PATIENCE, "Kafka takes nothing");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// So many requests, all accepted; how many of them were queued.
    async fn tells(&mut self, requests: usize) -> usize {
        let mut queued = 0;
        for _ in 0..requests {
            let answer = self.tell().await;
            assert_eq!(answer.status, 202, "{}", answer.body);
            queued += usize::from(answer.body["queued"].as_bool().unwrap());
        }
        queued
    }
}

/// An event as it stands in the topic.
struct Seen {
    user: UserId,
    id: Uuid,
}

/// The topic as it is now, each partition from its beginning to its end. `None`: Kafka is not ready to tell.
fn topic(cluster: &Cluster) -> Option<Vec<Seen>> {
    let topics = Topics { prefix: cluster.name.clone(), partitions: PARTITIONS };
    let name = topics.client_events();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &cluster.servers.kafka)
        .set("group.id", format!("{}.events", cluster.name))
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut seen = Vec::new();
    for partition in 0..PARTITIONS {
        let (low, high) = consumer.fetch_watermarks(&name, partition, Duration::from_secs(5)).ok()?;
        assert_eq!(low, 0, "{name} keeps everything for as long as a test takes");
        let mut assigned = TopicPartitionList::new();
        assigned.add_partition_offset(&name, partition, Offset::Beginning).unwrap();
        consumer.assign(&assigned).unwrap();
        let (mut next, began) = (0, Instant::now());
        while next < high {
            assert!(began.elapsed() < PATIENCE, "{name} {partition} is read to {next} of {high}");
            let Some(record) = consumer.poll(Duration::from_millis(200)) else { continue };
            let record = record.ok()?;
            next = record.offset() + 1;
            let key = std::str::from_utf8(record.key().unwrap()).unwrap();
            assert_eq!(topics.partition_of_key(key), partition);
            let row: Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
            assert_eq!((&row["user_id"], &row["kind"]), (&json!(key), &json!("view")));
            assert_eq!(row["subject"], json!({"type": "post", "id": key}));
            let headers: HashMap<&str, &str> = record
                .headers()
                .unwrap()
                .iter()
                .map(|header| (header.key, std::str::from_utf8(header.value.unwrap()).unwrap()))
                .collect();
            assert_eq!(row["id"], headers["nova-id"]);
            headers["correlation_id"].parse::<Uuid>().unwrap();
            seen.push(Seen {
                user: UserId(key.parse().unwrap()),
                id: row["id"].as_str().unwrap().parse().unwrap(),
            });
        }
    }
    Some(seen)
}

/// Waits until everything that was accepted is in the topic, and holds it against that. Returns how many are there twice.
/// `refused` may be there as well.
async fn all_arrives(cluster: &Cluster, tellers: &[&Teller], refused: bool) -> usize {
    let began = Instant::now();
    loop {
        let seen = tokio::task::block_in_place(|| topic(cluster)).unwrap_or_default();
        let there: HashSet<Uuid> = seen.iter().map(|seen| seen.id).collect();
        let missing =
            tellers.iter().flat_map(|teller| &teller.accepted).filter(|id| !there.contains(*id)).count();
        if missing > 0 {
            assert!(began.elapsed() < PATIENCE, "{missing} events that were accepted do not arrive");
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        }
        for teller in tellers {
            let (mut once, accepted) = (HashSet::new(), teller.accepted.iter().collect::<HashSet<_>>());
            let of_user = seen.iter().filter(|seen| seen.user == teller.user.id).map(|seen| seen.id);
            let first: Vec<Uuid> =
                of_user.filter(|id| once.insert(*id) && (!refused || accepted.contains(id))).collect();
            assert_eq!(first.len(), teller.accepted.len(), "there is nothing else");
            for accepted in teller.by_process() {
                let of_process: Vec<Uuid> =
                    first.iter().copied().filter(|id| accepted.contains(id)).collect();
                assert_eq!(of_process, accepted, "each user's are in the order in which a process took them");
            }
        }
        return seen.len() - there.len();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_arrives_although_kafka_and_the_processes_are_killed() {
    let cluster = Cluster::found(Servers::own, &[]).await;
    cluster.start(&[Role::CommandApi], 2).await;
    let [one, two] = cluster.of(Role::CommandApi)[..] else { panic!("two of them") };
    let (mut ada, mut bob) = (Teller::new(&cluster, one), Teller::new(&cluster, two));
    ada.until_kafka_takes_it().await;
    bob.until_kafka_takes_it().await;
    assert_eq!(ada.tells(20).await + bob.tells(20).await, 0, "Kafka takes all of it");

    tokio::task::block_in_place(|| cluster.servers.kill("kafka"));
    assert_eq!((ada.tells(40).await, bob.tells(40).await), (40, 40));
    let metrics = ada.user.api.ask("GET", "/metrics").send().await.body.as_str().unwrap().to_owned();
    for line in
        ["client_events_queue_batches 40", "client_events_queued_total 120", "client_events_transport_up 0"]
    {
        assert!(metrics.lines().any(|told| told == line), "no {line} in {metrics}");
    }

    // Only one comes back, without Kafka; what the other one has queued is drained as well.
    let third = cluster.replace(one);
    cluster.kill(two);
    cluster.ready(third).await;
    ada.turn_to(&cluster, third);
    assert_eq!(ada.tells(10).await, 10, "behind what waits already");

    tokio::task::block_in_place(|| cluster.servers.start("kafka"));
    // What comes while the queue is drained stays behind it.
    ada.tells(20).await;
    let repeated = all_arrives(&cluster, &[&ada, &bob], false).await;
    println!("{} and {} events, {repeated} of them twice", ada.accepted.len(), bob.accepted.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_hangs_holds_nobody_up_and_a_full_queue_says_so() {
    let limits = [("NOVA__CLIENT_EVENTS__QUEUE_BYTES_MAX", "60000")];
    let cluster = Cluster::found(Servers::own, &limits).await;
    cluster.start(&[Role::CommandApi], 1).await;
    let process = cluster.of(Role::CommandApi)[0];
    let mut ada = Teller::new(&cluster, process);
    ada.until_kafka_takes_it().await;
    assert_eq!(ada.tells(5).await, 0);
    let frozen = cluster.servers.freeze("kafka");
    let mut refusal = None;
    for _ in 0..500 {
        let answer = ada.tell().await;
        if answer.status != 202 {
            refusal = Some(answer);
            break;
        }
        assert_eq!(answer.body["queued"], true);
    }
    let refusal = refusal.expect("60 KB are full some time");
    let retry_after: u64 = refusal.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&retry_after));
    refusal.problem(503, "events_queue_full");
    assert!(ada.accepted.len() > 30, "{}", ada.accepted.len());
    drop(frozen);
    let began = Instant::now();
    while ada.tell().await.status != 202 {
        assert!(began.elapsed() < PATIENCE, "there is never room again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ada.tells(10).await;
    let repeated = all_arrives(&cluster, &[&ada], true).await;
    println!("{} events, {repeated} of them twice", ada.accepted.len());
}
