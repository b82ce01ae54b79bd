use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nova_distributed::kafka::KafkaOptions;
use nova_distributed::log::{PostgresLog, PostgresLogOptions};
use nova_distributed::postgres::{self, PostgresOptions};
use nova_distributed::relay::{Relay, RelayOptions, outbox_status, remember_topics};
use nova_distributed::topics::Topics;

use crate::world::{Everything, PARTITIONS, World, brokers, streams, until};

const LEASE: Duration = Duration::from_millis(2_000);

fn options() -> RelayOptions {
    RelayOptions { lease_ms: 2_000, ..RelayOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_the_other_takes_over() {
    let world = World::new().await;
    let names = streams("block", 6);
    let first = world.relay(options());
    until("one leads", async || first.status().leads).await;
    let second = world.relay(options());
    let last = world.append_many(&names, 4).await;
    world.cursor_at(last).await;
    assert!(first.status().leads && !second.status().leads);

    // It stops in good order: the other one leads at once.
    let begun = Instant::now();
    first.stop().await;
    until("the other leads", async || second.status().leads).await;
    assert!(begun.elapsed() < LEASE, "took {:?}", begun.elapsed());
    let last = world.append_many(&names, 4).await;
    world.cursor_at(last).await;

    // It dies: the other one leads when the lease has run out.
    let third = world.relay(options());
    let begun = Instant::now();
    drop(second);
    until("the third leads", async || third.status().leads).await;
    assert!(begun.elapsed() < LEASE * 2, "took {:?}", begun.elapsed());
    let last = world.append_many(&names, 4).await;
    world.cursor_at(last).await;
    assert_eq!(third.status().epoch, 3);
    third.stop().await;
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_the_lease_moves_nothing() {
    let world = World::new().await;
    let relay = world.relay(options());
    let last = world.append(&["post-1"], 10).await;
    world.cursor_at(last).await;
    let epoch = relay.status().epoch;
    world
        .tamper(
            "UPDATE nova.outbox SET epoch = epoch + 1, owner = 'another', \
             lease_until = clock_timestamp() + interval '1 hour'",
        )
        .await;
    let later = world.append(&["post-1"], 10).await;
    until("it sees that it does not lead", async || !relay.status().leads).await;
    tokio::time::sleep(LEASE).await;
    assert_eq!(world.cursor().await, last, "epoch {epoch} is over");
    assert_eq!(outbox_status(&world.pool).await.unwrap().owner.as_deref(), Some("another"));

    world.tamper("UPDATE nova.outbox SET lease_until = clock_timestamp()").await;
    world.cursor_at(later).await;
    assert_eq!(relay.status().epoch, epoch + 2);
    relay.stop().await;
}

const ENV: &str = "NOVA_TEST_RELAY_PROCESS";

/// The other process of the next test; on its own it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn another_process() {
    let Ok(told) = std::env::var(ENV) else {
        return;
    };
    let (url, prefix) = told.split_once(' ').unwrap();
    let options_of_pool =
        PostgresOptions { url: url.to_owned(), connections_max: 4, ..PostgresOptions::default() };
    let pool = postgres::connect(&options_of_pool).await.unwrap();
    let log = PostgresLog::open(pool.clone(), PostgresLogOptions::default()).await.unwrap();
    let topics = Topics { prefix: prefix.to_owned(), partitions: PARTITIONS };
    let kafka = KafkaOptions::new(brokers(), topics);
    let _relay = Relay::start(pool, log.clone(), log.wakeup(), kafka, options());
    tokio::time::sleep(Duration::from_secs(120)).await;
}

struct Process(Child);

impl Process {
    fn start(world: &World) -> Self {
        let told = format!("{} {}", world.database.options().url, world.kafka.topics.prefix);
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leading::another_process", "--test-threads=1"])
            .env(ENV, told)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that is stopped in the middle of its work, and wakes when another one has taken it over.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_through_its_lease_changes_nothing() {
    let world = World::new().await;
    let names = streams("like", 10);
    let sleeper = Process::start(&world);
    let mut last = world.append_many(&names, 20).await;
    world.cursor_at(last).await;
    for _ in 0..3 {
        world.append_many(&names, 5).await;
    }
    sleeper.signal("-STOP");
    let relay = world.relay(options());
    until("the other takes over", async || relay.status().leads).await;
    last = world.append_many(&names, 20).await.max(last);
    world.cursor_at(last).await;
    let epoch = relay.status().epoch;
    sleeper.signal("-CONT");
    for _ in 0..10 {
        last = world.append_many(&names, 2).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.cursor_at(last).await;
    assert!(relay.status().leads);
    assert_eq!(relay.status().epoch, epoch, "the one that woke has not taken the lease back");
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
    relay.stop().await;
    // Now it may.
    until("the one that slept leads", async || {
        let status = outbox_status(&world.pool).await.unwrap();
        status.owner.is_some() && status.epoch > epoch
    })
    .await;
}

/// Killed at any moment, again and again: nothing is lost, nothing is out of order.
#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_loses_nothing() {
    let world = World::new().await;
    let names = streams("read", 25);
    let mut last = 0;
    for round in 0..4_u64 {
        let process = Process::start(&world);
        let begun = Instant::now();
        until("it leads", async || outbox_status(&world.pool).await.unwrap().epoch as u64 > round).await;
        while begun.elapsed() < Duration::from_millis(300 + 170 * round) {
            last = world.append_many(&names, 2).await;
        }
        drop(process);
        world.tamper("UPDATE nova.outbox SET lease_until = clock_timestamp()").await;
    }
    let relay = world.relay(options());
    world.cursor_at(last).await;
    relay.stop().await;
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_topics_than_before_are_refused() {
    let world = World::new().await;
    let topics = &world.kafka.topics;
    remember_topics(&world.pool, topics).await.unwrap();
    let more = Topics { partitions: 3, ..topics.clone() };
    let problem = remember_topics(&world.pool, &more).await.unwrap_err().to_string();
    assert!(problem.contains('2') && problem.contains('3') && !problem.contains('\n'), "{problem}");
    let other = Topics { prefix: "other".to_owned(), ..topics.clone() };
    let problem = remember_topics(&world.pool, &other).await.unwrap_err().to_string();
    assert!(problem.contains("other") && problem.contains(&topics.prefix), "{problem}");

    let kafka = KafkaOptions { topics: more, ..world.kafka.clone() };
    let relay = Relay::start(world.pool.clone(), world.log.clone(), world.log.wakeup(), kafka, options());
    until("it says why it does not lead", async || relay.status().problem.is_some()).await;
    assert!(!relay.status().leads);
    // Another one, set up as before, may.
    let right = world.relay(options());
    until("the right one leads", async || right.status().leads).await;
    right.stop().await;
    relay.stop().await;
}
