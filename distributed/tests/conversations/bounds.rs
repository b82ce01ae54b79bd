//! What a window may hold, and for how long.

use chrono::Utc;
use nova_views::{Lookup, Message, MessageRange};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::talk::{Talk, user};
use crate::world::World;

async fn newest(world: &World, talk: &Talk, limit: usize) -> Option<(Vec<Message>, u64)> {
    let range = MessageRange::Before(u64::MAX);
    let found = world.redis.messages_window(user(0), talk.id, range, limit).await.unwrap()?;
    Some((found.messages.found().unwrap(), found.floor_seq))
}

fn bytes(world: &World) -> u64 {
    let mut all = 0;
    for key in world.prefix.keys("g:").iter().filter(|key| key.windows(6).any(|part| part == b":said:")) {
        let values: Vec<(Vec<u8>, Vec<u8>)> =
            redis::cmd("HGETALL").arg(key).query(&mut world.prefix.connection()).unwrap();
        // What the window is itself has no name.
        let held = values.iter().filter(|(id, _)| !id.is_empty());
        all += held.map(|(id, value)| (id.len() + value.len()) as u64).sum::<u64>();
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_are_bounded_and_the_newest_message_is_held_however_large() {
    let mut rng = StdRng::seed_from_u64(1);
    let world = World::new(|options| options.window_bytes_max = 20_000).await;
    let mut talk = Talk::begin(&world, 0).await;
    for n in 0..40 {
        talk.say(&world, 0, &format!("{n} {}", "x".repeat(1_500))).await;
    }
    talk.say_ahead(&world).await;
    world.tell_all(&mut rng).await;
    let held = bytes(&world);
    assert!((18_000..=20_000).contains(&held), "{held}");
    let (all, floor) = newest(&world, &talk, 13).await.unwrap();
    assert_eq!((all.len(), floor), (13, all[0].seq), "twelve of 1573 bytes and one of a few");
    assert!(newest(&world, &talk, 14).await.is_none());
    // An edit makes one of them larger.
    let edited = all[5].id;
    talk.edit(&world, edited, 0, &"y".repeat(9_000)).await;
    world.tell_all(&mut rng).await;
    assert!(bytes(&world) <= 20_000);
    let (few, _) = newest(&world, &talk, 4).await.unwrap();
    assert!(few.iter().all(|one| one.seq > all[5].seq));
    // One of 64 KiB takes the place of all others.
    let largest = talk.say(&world, 1, &"z".repeat(65_536)).await;
    world.tell_all(&mut rng).await;
    let (one, floor) = newest(&world, &talk, 1).await.unwrap();
    assert_eq!((one[0].id, one[0].text.as_ref().map(String::len)), (largest, Some(65_536)));
    assert_eq!(floor, one[0].seq - 1, "behind the last one that was dropped; the edit takes no room");
    assert!(newest(&world, &talk, 2).await.is_none());
    // And leaves with what comes next; deleted, it holds nothing.
    let (last, other) = (talk.say(&world, 1, "short").await, talk.say(&world, 0, "shorter").await);
    talk.delete(&world, other, 0).await;
    world.tell_all(&mut rng).await;
    let (two, _) = newest(&world, &talk, 2).await.unwrap();
    assert_eq!(two.iter().map(|one| one.id).collect::<Vec<_>>(), [last, other]);
    assert!(two[1].deleted && two[1].text.is_none());
    assert!(bytes(&world) < 300, "{}", bytes(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_writes_in_goes_and_begins_anew() {
    let mut rng = StdRng::seed_from_u64(2);
    // Two hours ago is too long ago; everybody in it is remembered all the same.
    let world = World::new(|options| options.window_ttl_ms = 3_600_000).await;
    let mut old = Talk::begin(&world, 0).await;
    for _ in 0..5 {
        old.say(&world, 1, "long ago").await;
    }
    let mut recent = Talk::begin(&world, 1).await;
    recent.say_ahead(&world).await;
    world.tell_all(&mut rng).await;
    assert!(newest(&world, &old, 1).await.is_none());
    assert!(newest(&world, &recent, 1).await.is_some());
    let keys = world.prefix.keys("g:");
    let windows = keys.iter().filter(|key| key.windows(8).any(|part| part == b":window:")).count();
    assert_eq!(windows, 1, "one that is over takes no memory");
    let stranger = world.redis.messages_window(user(5), old.id, MessageRange::Before(9), 1).await.unwrap();
    assert_eq!(stranger.unwrap().messages, Lookup::Unknown);
    old.say_ahead(&world).await;
    world.tell_all(&mut rng).await;
    let (one, floor) = newest(&world, &old, 1).await.unwrap();
    assert_eq!((one[0].seq, floor), (5, 5));
    assert!(newest(&world, &old, 2).await.is_none());
    // It ends an hour after the last word.
    let key = world.prefix.keys("g:").into_iter().find(|key| key.windows(8).any(|part| part == b":window:"));
    let ends: i64 = redis::cmd("PEXPIRETIME").arg(key).query(&mut world.prefix.connection()).unwrap();
    let now = Utc::now().timestamp_millis();
    assert!((now + 3_500_000..now + 3_700_000).contains(&ends), "{ends}");
}

/// Nobody pays for a conversation that nobody wrote in again, however it ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_again_begins_no_window() {
    let mut rng = StdRng::seed_from_u64(3);
    let world = World::new(|_| {}).await;
    let mut talk = Talk::begin(&world, 0).await;
    let first = talk.say(&world, 0, "first").await;
    talk.delete(&world, first, 0).await;
    talk.say_ahead(&world).await;
    world.tell_all(&mut rng).await;
    let (all, _) = newest(&world, &talk, 5).await.unwrap();
    assert!(all[0].deleted);
    // The memory was full: half of the window went.
    let gone = world.prefix.keys("g:").into_iter().find(|key| key.windows(8).any(|part| part == b":window:"));
    let _: () = redis::cmd("DEL").arg(gone).query(&mut world.prefix.connection()).unwrap();
    assert!(newest(&world, &talk, 1).await.is_none());
    // Whoever was slow tells the message again, but not that it was deleted since.
    let shards = world.changes(0).await;
    let (shard, said) = shards.iter().find(|(shard, _)| shard.as_str().starts_with("messages")).unwrap();
    let live = nova_views::Generation::Live;
    crate::world::apply(&world.redis, live, shard, &said[..1], said[0].version).await.unwrap();
    assert!(newest(&world, &talk, 1).await.is_none());
    talk.say_ahead(&world).await;
    world.tell_all(&mut rng).await;
    let (all, floor) = newest(&world, &talk, 1).await.unwrap();
    assert_eq!((all[0].seq, floor), (3, 3), "the rest was told behind it, and is whole again or not told");
}
