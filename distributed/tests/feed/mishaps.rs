//! What Kafka has lost, the log has.

use std::time::Duration;

use rdkafka::Offset;

use crate::program::{Program, Views};
use crate::world::{Reader, World, one};

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_comes_from_the_log() {
    let world = World::new("expired", &["post"], 1).await;
    world.append_many(100, 10).await;
    world.publish().await;
    world.delete_before("post", 0, Offset::Offset(80)).await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    // The record at 80 is there, the one before it is not; the ones at 79 and 50 are not.
    for after in [80, 79, 50] {
        shard.offsets.note(after, i64::try_from(after).unwrap());
        let mut reader = Reader::new(&shard.feed, after, 7);
        reader.until(100).await;
        assert_eq!(reader.events(), world.in_log().await[usize::try_from(after).unwrap()..], "from {after}");
    }
    let mut reader = Reader::new(&shard.feed, 90, 7);
    world.append_many(20, 10).await;
    world.publish().await;
    reader.until(120).await;
    assert_eq!(reader.events(), world.in_log().await[90..]);
    // All of it is gone, and what was known of it.
    world.delete_before("post", 0, Offset::End).await;
    let mut reader = Reader::new(&shard.feed, 110, 7);
    reader.until(120).await;
    world.append_many(20, 10).await;
    world.publish().await;
    reader.until(140).await;
    assert_eq!(reader.events(), world.in_log().await[110..]);
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_before_it_is_read_comes_from_the_log() {
    let world = World::new("expires", &["post"], 1).await;
    let options = nova_distributed::feed::GroupOptions { shard_events_max: 16, ..world.options("g") };
    let (group, assignments) = world.join(options);
    let views = Views::default();
    let program = Program::start(&views, assignments, Some(Duration::from_millis(50)));
    world.append_many(10, 10).await;
    world.publish().await;
    views.until_all(&world).await;
    for _ in 0..3 {
        world.append_many(1_000, 10).await;
        world.publish().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.delete_before("post", 0, Offset::End).await;
    }
    world.append_many(10, 10).await;
    world.publish().await;
    views.until_all(&world).await;
    group.stop().await;
    program.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_not_mistaken_for_the_old_one() {
    let world = World::new("anew", &["post"], 1).await;
    world.append_many(100, 10).await;
    world.publish().await;
    world.delete_topics().await;
    world.create_topics().await;
    world.append_many(200, 10).await;
    world.publish().await;
    let (group, mut assignments) = world.join(world.options("g"));
    let shard = one(&mut assignments).await;
    for after in [50, 100, 20] {
        // At this offset there is a record: of an event that comes much later.
        shard.offsets.note(after, i64::try_from(after).unwrap());
        let mut reader = Reader::new(&shard.feed, after, 20);
        reader.until(300).await;
        assert_eq!(reader.events(), world.in_log().await[usize::try_from(after).unwrap()..], "from {after}");
    }
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_under_its_followers_is_followed_on() {
    let world = World::new("anew-live", &["post"], 2).await;
    let (group, assignments) = world.join(world.options("g"));
    let views = Views::default();
    let program = Program::start(&views, assignments, None);
    for _ in 0..2 {
        world.append_many(200, 10).await;
        world.publish().await;
        views.until_all(&world).await;
        world.delete_topics().await;
        // Meanwhile the log goes on; the relay waits.
        world.append_many(50, 10).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.create_topics().await;
        world.publish().await;
        views.until_all(&world).await;
    }
    group.stop().await;
    program.ended().await;
}
