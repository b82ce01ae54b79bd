//! Members come and go.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_distributed::feed::{Assignment, GroupOptions, GroupProtocol, KafkaGroup};
use nova_eventlog::{FileLog, FileLogOptions};

use crate::program::{Program, Views};
use crate::world::{PATIENCE, Reader, World, assigned, kafka_at, one};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_feed_ends_and_the_rest_goes_on() {
    let world = World::new("revoked", &["post"], 4).await;
    let (first, mut mine) = world.join(world.options("g"));
    let shards = assigned(&mut mine, 4).await;
    let mut readers: Vec<_> =
        shards.values().map(|shard| (shard.shard.clone(), Reader::new(&shard.feed, 0, 10))).collect();
    world.append_many(40, 40).await;
    world.publish().await;
    for (_, reader) in &mut readers {
        reader.until(40).await;
    }
    let (second, mut theirs) = world.join(world.options("g"));
    let mut revoked = Vec::new();
    while revoked.len() < 2 {
        match tokio::time::timeout(PATIENCE, mine.recv()).await.unwrap().unwrap() {
            // Not told that it is done: the group goes on all the same.
            Assignment::Revoked { shard, done } => revoked.push((shard, done)),
            Assignment::Assigned(shard) => panic!("{} was assigned twice", shard.shard),
        }
    }
    let gone = |name: &nova_distributed::shard::Shard| revoked.iter().any(|(shard, _)| shard == name);
    let began = Instant::now();
    assert_eq!(assigned(&mut theirs, 2).await.len(), 2);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    world.append_many(40, 40).await;
    world.publish().await;
    for (name, reader) in &mut readers {
        if gone(name) {
            assert!(reader.next().await.is_err(), "{name}");
            let mut again = Reader::new(&shards[name.as_str()].feed, 0, 10);
            assert!(again.next().await.is_err(), "{name}");
        } else {
            reader.until(80).await;
        }
    }
    // Whoever leaves is replaced at once, not when Kafka notices.
    let began = Instant::now();
    second.stop().await;
    let back = assigned(&mut mine, 2).await;
    assert!(began.elapsed() < Duration::from_millis(4_500), "{:?}", began.elapsed());
    for (name, shard) in &back {
        let mut reader = Reader::new(&shard.feed, 40, 10);
        reader.until(80).await;
        let partition = name.rsplit_once('.').unwrap().1.parse().unwrap();
        let expected = world.in_shard("post", partition).await;
        assert!(reader.events().iter().eq(expected.iter().filter(|event| event.position > 40)));
    }
    first.stop().await;
    let mut told = 0;
    while let Some(assignment) = mine.recv().await {
        told += usize::from(matches!(assignment, Assignment::Revoked { .. }));
    }
    assert_eq!(told, 4, "every shard is revoked at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_paused_when_it_was_taken_flows_again() {
    let world = World::new("paused", &["post"], 2).await;
    let options = || GroupOptions { shard_events_max: 16, ..world.options("g") };
    let (first, mut mine) = world.join(options());
    let shards = assigned(&mut mine, 2).await;
    world.append_many(2_000, 40).await;
    let mut readers: Vec<_> = shards.values().map(|shard| Reader::new(&shard.feed, 0, 1)).collect();
    for reader in &mut readers {
        reader.next().await.unwrap();
        reader.until(2_000).await;
    }
    world.publish().await;
    // Each takes one, and the rest waits: more than fits.
    for reader in &mut readers {
        world.append_many(40, 40).await;
        world.publish().await;
        reader.next().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (second, mut theirs) = world.join(options());
    let taken = assigned(&mut theirs, 1).await.into_keys().next().unwrap();
    second.stop().await;
    let back = loop {
        match tokio::time::timeout(PATIENCE, mine.recv()).await.unwrap().unwrap() {
            Assignment::Assigned(shard) => break shard,
            Assignment::Revoked { done, .. } => drop(done),
        }
    };
    assert_eq!(back.shard.as_str(), taken);
    let mut reader = Reader::new(&back.feed, 2_000, 10);
    world.append_many(40, 40).await;
    world.publish().await;
    reader.until(2_120).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_members_come_and_go() {
    come_and_go(GroupProtocol::Consumer, "storm", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_the_classic_protocol_either() {
    come_and_go(GroupProtocol::Classic, "storm-classic", 1).await;
}

async fn come_and_go(protocol: GroupProtocol, name: &str, times_min: usize) {
    let world = World::new(name, &["post", "like"], 3).await;
    let options = || GroupOptions { protocol, ..world.options("g") };
    let views = Views::default();
    let (staying, assignments) = world.join(options());
    let program = Program::start(&views, assignments, None);
    let until = Instant::now() + Duration::from_secs(15);
    let records = async {
        let mut appended = 0;
        while Instant::now() < until {
            world.append_many(30, 40).await;
            world.publish().await;
            appended += 30;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        appended
    };
    let coming = async {
        let mut times = 0;
        while Instant::now() < until {
            let (other, assignments) = world.join(options());
            let program = Program::start(&views, assignments, None);
            tokio::time::sleep(Duration::from_secs(1)).await;
            other.stop().await;
            program.ended().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            times += 1;
        }
        times
    };
    let (appended, times) = tokio::join!(records, coming);
    views.until_all(&world).await;
    assert!(appended > 1_000 && times >= times_min, "{appended} events, {times} members");
    println!("{appended} events, saved {} times, {times} members came and went", views.saved());
    staying.stop().await;
    program.ended().await;
}

const CHILD: &str = "NOVA_TEST_FEED_CHILD";

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_killed_is_replaced() {
    if let Ok(prefix) = std::env::var(CHILD) {
        return be_killed(&prefix).await;
    }
    let world = World::new("killed", &["post"], 4).await;
    world.append_many(100, 20).await;
    world.publish().await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "members::a_member_that_is_killed_is_replaced", "--nocapture"])
        .env(CHILD, &world.kafka.topics.prefix)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("all four")), "the child has them");
    child.kill().unwrap();
    child.wait().unwrap();
    let began = Instant::now();
    let views = Views::default();
    let (group, assignments) = world.join(GroupOptions {
        group_id: "test-feed-killed".to_owned() + &world.kafka.topics.prefix,
        ..world.options("g")
    });
    let program = Program::start(&views, assignments, None);
    views.until_all(&world).await;
    println!("replaced after {:?}", began.elapsed());
    group.stop().await;
    program.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_idle_member_is_replaced_on_request() {
    let world = World::new("idle", &["post"], 1).await;
    world.append_many(10, 5).await;
    world.publish().await;
    let (first, mut of_first) = world.join(world.options("g"));
    let shard = one(&mut of_first).await;
    let (second, mut of_second) = world.join(world.options("g"));
    for _ in 0..3 {
        first.renew_if_idle();
        second.renew_if_idle();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    assert!(of_first.try_recv().is_err(), "nothing is taken from a member that holds something");
    let mut reader = Reader::new(&shard.feed, 0, 7);
    reader.until(10).await;
    first.stop().await;
    let shard = one(&mut of_second).await;
    Reader::new(&shard.feed, 0, 7).until(10).await;
    second.stop().await;
}

async fn be_killed(prefix: &str) {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FileLog::open(dir.path(), FileLogOptions::default()).unwrap());
    let options = GroupOptions {
        group_id: "test-feed-killed".to_owned() + prefix,
        categories: vec!["post"],
        ..GroupOptions::default()
    };
    let (_published, published) = tokio::sync::watch::channel(0);
    let sessions = Arc::new(nova_distributed::relay::Sessions::none());
    let started = KafkaGroup::start(kafka_at(prefix, 4), options, log, published, sessions);
    let (_group, mut assignments) = started.unwrap();
    let _shards = assigned(&mut assignments, 4).await;
    println!("all four");
    tokio::time::sleep(Duration::from_secs(120)).await;
}
