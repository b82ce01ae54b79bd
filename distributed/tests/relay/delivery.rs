use std::time::{Duration, Instant};

use nova_distributed::relay::{RelayOptions, outbox_status};
use nova_distributed::topics::Record;

use crate::world::{Everything, World, streams};

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_where_it_belongs() {
    let world = World::new().await;
    let names: Vec<String> =
        ["post", "like", "user"].iter().flat_map(|category| streams(category, 12)).collect();
    let first = world.append_many(&names, 5).await;
    let relay = world.relay(RelayOptions { batch_events_max: 50, ..RelayOptions::default() });
    world.cursor_at(first).await;
    let last = world.append_many(&names, 3).await;
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    world.cursor_at(last).await;

    let mut events = all.events();
    events.sort_unstable_by_key(|(event, _)| event.position);
    let expected: Vec<_> = log.iter().cloned().map(|event| (event, false)).collect();
    assert_eq!(events, expected, "once each, and as they were written");
    for read in &all.reads {
        match &read.record {
            Record::Event { event, .. } => {
                assert_eq!(read.topic, world.kafka.topics.name(event.stream.category()));
                assert_eq!(read.partition, world.kafka.topics.partition_of(&event.stream));
                assert_eq!(read.key.as_deref(), Some(event.stream.as_str()));
            }
            Record::Watermark { position, .. } => {
                assert!(*position <= last);
                assert_eq!(read.key, None);
            }
        }
    }
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
    relay.stop().await;
    let status = outbox_status(&world.pool).await.unwrap();
    assert_eq!((status.position, status.head, status.backlog_events), (last, last, 0));
    assert_eq!((status.owner, status.oldest_unpublished_seconds), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_partitions_know_how_far_the_log_is() {
    let world = World::new().await;
    let relay = world.relay(RelayOptions::default());
    let first = world.append(&["post-1"], 10).await;
    world.cursor_at(first).await;
    for round in 0..3 {
        let last = world.append(&["post-1"], 10).await;
        let begun = Instant::now();
        world.cursor_at(last).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "round {round}: {:?}", begun.elapsed());
        // Every partition of every topic.
        Everything::up_to(&world.kafka, last).await;
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_before_the_cursor_events_are_repeated_in_order() {
    let world = World::new().await;
    let names = streams("comment", 9);
    let last = world.append_many(&names, 6).await;
    let relay = world.relay(RelayOptions::default());
    world.cursor_at(last).await;
    relay.stop().await;
    // As if it had died before it could write down what was acknowledged.
    world.tamper("UPDATE nova.outbox SET position = 20").await;
    let relay = world.relay(RelayOptions::default());
    let more = world.append_many(&names, 2).await;
    world.cursor_at(more).await;
    relay.stop().await;
    let (all, log) = (Everything::up_to(&world.kafka, more).await, world.all().await);
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
    assert_eq!(
        all.events().len() as u64,
        more + (last - 20),
        "what was behind the cursor stands there twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_window_only_makes_it_slower() {
    let world = World::new().await;
    let last = world.append_many(&streams("follow", 20), 20).await;
    let options = RelayOptions {
        batch_events_max: 7,
        in_flight_events_max: 10,
        in_flight_bytes_max: 2_000,
        ..RelayOptions::default()
    };
    let mut kafka = world.kafka.clone();
    // The queue of the producer is full all the time.
    kafka.settings.insert("queue.buffering.max.messages".to_owned(), "5".to_owned());
    let relay = nova_distributed::relay::Relay::start(
        world.pool.clone(),
        world.log.clone(),
        world.log.wakeup(),
        kafka,
        options,
    );
    world.cursor_at(last).await;
    relay.stop().await;
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    assert_eq!(all.events().len(), log.len());
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
}
