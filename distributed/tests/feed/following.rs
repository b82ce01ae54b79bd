//! One member that is left in peace.

use bytes::Bytes;
use nova_distributed::feed::GroupOptions;
use nova_distributed::topics::watermark_headers;
use nova_eventlog::{Filter, LogError, Recorded};
use uuid::Uuid;

use crate::world::{Reader, World, assigned, one, stream};

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_in_order_first_from_the_log_then_from_kafka() {
    let world = World::new("all", &["post", "like"], 2).await;
    world.append_many(400, 25).await;
    world.publish().await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shards = assigned(&mut assignments, 4).await;
    let mut readers: Vec<_> = shards.values().map(|shard| (shard, Reader::new(&shard.feed, 0, 16))).collect();
    for (_, reader) in &mut readers {
        reader.until(400).await;
    }
    world.append_many(300, 25).await;
    world.publish().await;
    let mut count = 0;
    for (shard, reader) in &mut readers {
        reader.until(700).await;
        let partition = shard.shard.as_str().rsplit_once('.').unwrap().1.parse().unwrap();
        let expected = world.in_shard(shard.category, partition).await;
        assert_eq!(reader.events(), expected, "{}", shard.shard);
        assert!(shard.offsets.offset_of(700).is_some());
        assert_eq!(reader.seen.last().unwrap().head, 700);
        count += expected.len();
    }
    assert_eq!(count, 700);
    group.stop().await;
}

/// Records that can be told from what the log has at their positions.
fn produce_marked(world: &World, events: &[Recorded]) {
    for event in events {
        world.produce(&Recorded { data: Bytes::from_static(b"from Kafka"), ..event.clone() }, false);
    }
    world.flush();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_offset_goes_on_in_kafka() {
    let world = World::new("known", &["post"], 1).await;
    world.append_many(100, 10).await;
    produce_marked(&world, &world.in_log().await);
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    let is_from_kafka = |reader: &Reader, after: usize, head: u64| {
        let positions: Vec<u64> = reader.events().iter().map(|event| event.position).collect();
        assert_eq!(positions, (after as u64 + 1..=head).collect::<Vec<_>>(), "from {after}");
        assert!(reader.events().iter().all(|event| *event.data == *b"from Kafka"), "from {after}");
    };
    for after in [60, 30, 99, 1] {
        shard.offsets.note(after, i64::try_from(after).unwrap());
        let mut reader = Reader::new(&shard.feed, after, 7);
        reader.until(100).await;
        is_from_kafka(&reader, usize::try_from(after).unwrap(), 100);
    }
    shard.offsets.note(100, 100);
    let mut reader = Reader::new(&shard.feed, 100, 7);
    world.append_many(5, 5).await;
    produce_marked(&world, &world.in_log().await[100..]);
    reader.until(105).await;
    is_from_kafka(&reader, 100, 105);
    let last = world.in_log().await.pop().unwrap();
    assert_eq!(shard.offsets.mark_of(105), Some(last.mark()));
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_history_that_the_log_lost_are_not_read() {
    let world = World::new("lost", &["post"], 1).await;
    world.append_many(100, 10).await;
    let events = world.in_log().await;
    produce_marked(&world, &events[..60]);
    let lost: Vec<Recorded> =
        events[60..90].iter().map(|event| Recorded { id: Uuid::now_v7(), ..event.clone() }).collect();
    produce_marked(&world, &lost);
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    // Behind an offset that is good, and at one that is not.
    for after in [60, 80] {
        shard.offsets.note(after, i64::try_from(after).unwrap());
        let mut reader = Reader::new(&shard.feed, after, 7);
        reader.until(100).await;
        assert_eq!(reader.events(), events[usize::try_from(after).unwrap()..], "from {after}");
    }
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_follower_ends_the_one_before() {
    let world = World::new("again", &["post"], 1).await;
    world.append_many(50, 5).await;
    world.publish().await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    let mut first = Reader::new(&shard.feed, 0, 10);
    first.until(50).await;
    let mut second = Reader::new(&shard.feed, 20, 10);
    assert!(matches!(first.next().await, Err(LogError::Unavailable(_))));
    second.until(50).await;
    assert_eq!(second.events(), world.in_log().await[20..]);
    drop(second);
    let mut third = Reader::new(&shard.feed, 0, 10);
    third.until(50).await;
    assert_eq!(third.events(), world.in_log().await);
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_leaves_out_events_but_not_positions() {
    let world = World::new("filter", &["post"], 1).await;
    world.append_many(20, 5).await;
    world.publish().await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    let none = Filter { categories: vec!["like".to_owned()], kinds: Vec::new() };
    let mut batches = shard.feed.follow(0, none, 8);
    world.append_many(20, 5).await;
    world.publish().await;
    let mut position = 0;
    while position < 40 {
        let batch = futures::StreamExt::next(&mut batches).await.unwrap().unwrap();
        assert_eq!(batch.events, []);
        position = batch.position;
    }
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_partition_moves_with_the_watermarks() {
    let world = World::new("quiet", &["post"], 1).await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    let mut reader = Reader::new(&shard.feed, 0, 1_000);
    world.append_many(1, 1).await;
    world.publish().await;
    reader.until(1).await;
    for position in 2..=500 {
        world.send("post", 0, None, None, Some(watermark_headers(position, None)));
    }
    world.flush();
    reader.until(500).await;
    assert_eq!(reader.events().len(), 1);
    // An event, its watermark, and the others.
    assert_eq!(shard.offsets.offset_of(500), Some(501));
    // A repeated one changes nothing, and the next one counts.
    for position in [400, 501] {
        world.send("post", 0, None, None, Some(watermark_headers(position, None)));
    }
    world.flush();
    assert_eq!(reader.next().await.unwrap().position, 501);
    assert_eq!(shard.offsets.offset_of(501), Some(503));
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_events_come_by_themselves_and_repeated_ones_not_at_all() {
    let world = World::new("late", &["post"], 1).await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    let mut reader = Reader::new(&shard.feed, 0, 1_000);
    world.append_many(1, 1).await;
    world.publish().await;
    reader.until(1).await;
    world.append_many(12, 4).await;
    let events = world.in_log().await;
    let (parked, rest): (Vec<_>, Vec<_>) = events[1..].iter().partition(|event| event.position % 4 == 0);
    rest.iter().take(5).for_each(|event| world.produce(event, false));
    // What a relay does that comes back after a crash.
    rest.iter().take(5).for_each(|event| world.produce(event, false));
    world.watermarks(8);
    parked.iter().take(2).for_each(|event| world.produce(event, true));
    rest.iter().skip(5).for_each(|event| world.produce(event, false));
    world.watermarks(13);
    world.produce(parked[2], true);
    world.flush();
    let is_late = |reader: &Reader| {
        reader.seen.iter().filter(|batch| batch.late).flat_map(|b| b.events.clone()).count()
    };
    while reader.position < 13 || is_late(&reader) < 3 {
        reader.next().await.unwrap();
    }
    let of = |late: bool| -> Vec<u64> {
        let batches = reader.seen.iter().filter(|batch| batch.late == late);
        batches.flat_map(|batch| batch.events.iter().map(|event| event.position)).collect()
    };
    assert_eq!(of(true), [4, 8, 12]);
    assert_eq!(of(false), [1, 2, 3, 5, 6, 7, 9, 10, 11, 13]);
    // Whoever saved 8 and crashed reads the two that came behind it again.
    assert_eq!(shard.offsets.offset_of(8), Some(13), "11 events and 2 watermarks");
    let mut again = Reader::new(&shard.feed, 8, 1_000);
    while is_late(&again) < 3 {
        again.next().await.unwrap();
    }
    let late = again.seen.iter().filter(|batch| batch.late);
    let late: Vec<u64> = late.flat_map(|batch| batch.events.iter().map(|event| event.position)).collect();
    assert_eq!(late, [4, 8, 12]);
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_relay_wrote_is_skipped() {
    let world = World::new("foreign", &["post"], 1).await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    let mut reader = Reader::new(&shard.feed, 0, 10);
    for _ in 0..5 {
        world.append_many(4, 2).await;
        world.publish().await;
        world.send("post", 0, Some(b"someone"), Some(b"else"), None);
        world.flush();
    }
    reader.until(20).await;
    assert_eq!(reader.events(), world.in_log().await);
    // One stands right before the offset that is known.
    world.append_many(1, 1).await;
    world.publish().await;
    let mut again = Reader::new(&shard.feed, 20, 10);
    again.until(21).await;
    assert_eq!(again.events().len(), 1);
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_follower_holds_up_nobody_and_loses_nothing() {
    let world = World::new("slow", &["post", "like"], 1).await;
    let options = GroupOptions { shard_events_max: 64, ..world.options("g") };
    let (group, mut assignments) = world.join(options);
    let shards = assigned(&mut assignments, 2).await;
    let mut slow = Reader::new(&shards["post.0"].feed, 0, 10);
    let mut quick = Reader::new(&shards["like.0"].feed, 0, 100);
    world.append(&[stream("post", 0), stream("like", 0)]).await;
    world.publish().await;
    slow.until(1).await;
    world.append_many(6_000, 50).await;
    world.publish().await;
    quick.until(6_002).await;
    assert_eq!(quick.events(), world.in_shard("like", 0).await);
    while slow.position < 6_002 {
        slow.next().await.unwrap();
        if slow.seen.len().is_multiple_of(50) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    assert_eq!(slow.events(), world.in_shard("post", 0).await);
    group.stop().await;
}
