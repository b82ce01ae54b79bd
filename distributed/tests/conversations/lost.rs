//! Data that is lost, rebuilds, keys that are destroyed: what is told meanwhile, and afterwards.

use std::sync::Arc;

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::redis::RedisViews;
use nova_events::Keyring as _;
use nova_projectors::conversations::CONVERSATIONS;
use nova_views::{Apply, Generation, Lookup, MessageRange, ProjectionStatus, ViewError, projection};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::same::compare;
use crate::talk::{Talk, user};
use crate::world::{World, apply};

const NEWEST: MessageRange = MessageRange::Before(u64::MAX);

async fn history(world: &World, rng: &mut StdRng) -> Talk {
    world.begin_to_fill().await;
    let mut talk = Talk::begin(world, 0).await;
    for _ in 0..50 {
        talk.act(world, rng).await;
    }
    talk.say_now(world).await;
    talk
}

/// In a database of its own, which is emptied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_lost_everything_says_nothing_until_it_is_not_in_the_past() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut world = World::new(|_| {}).await;
    let (server, _) = world.prefix.url.rsplit_once('/').unwrap();
    world.prefix.url = format!("{server}/10");
    world.redis = RedisViews::open(world.prefix.options()).await.unwrap();
    let mut talk = history(&world, &mut rng).await;
    world.tell_all(&mut rng).await;
    compare(&world, talk.id, 100, 5).await;

    let _: () = redis::cmd("FLUSHDB").query(&mut world.prefix.connection()).unwrap();
    let id = talk.id;
    let asked = async |viewer| world.redis.messages_window(user(viewer), id, NEWEST, 5).await.unwrap();
    assert!(asked(0).await.is_none());
    let shards = world.changes(0).await;
    let (shard, changes) = shards.first_key_value().unwrap();
    let refused = apply(&world.redis, Generation::Live, shard, changes, changes[0].version).await;
    assert!(matches!(refused, Err(ViewError::Switched)), "{refused:?}");
    for category in CONVERSATIONS.categories {
        for partition in 0..2 {
            let shard = Shard::of_partition(category, partition);
            let cursor =
                world.redis.cursor(projection::CONVERSATIONS, Generation::Live, &shard).await.unwrap();
            assert_eq!(cursor, ShardCursor::default());
        }
    }
    // The log is told again. For all that the store knows it may end long before today.
    let last = world.log.head();
    for (shard, changes) in &shards {
        for part in changes.chunks(7) {
            let before = part.iter().filter(|change| change.version + 5 < last).cloned().collect::<Vec<_>>();
            if let Some(end) = before.last() {
                apply(&world.redis, Generation::Live, shard, &before, end.version).await.unwrap();
                assert!(asked(0).await.is_none() && asked(5).await.is_none(), "it is filled");
            }
        }
    }
    world.tell(&world.redis, &shards, &mut rng).await;
    world.mark(&world.redis).await;
    assert!(asked(0).await.is_none() && asked(5).await.is_none(), "all of it is from before");
    talk.say_now(&world).await;
    world.tell(&world.redis, &world.changes(world.log.head() - 1).await, &mut rng).await;
    assert!(asked(0).await.is_none(), "the other shards are not there yet");
    world.tell_all(&mut rng).await;
    compare(&world, talk.id, 100, 6).await;
    let _: () = redis::cmd("FLUSHDB").query(&mut world.prefix.connection()).unwrap();
}

/// While it is told again, the store knows neither that something was deleted nor that someone was removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_and_who_was_removed_does_not_come_back_meanwhile() {
    let mut rng = StdRng::seed_from_u64(6);
    let world = World::new(|_| {}).await;
    let mut talk = Talk::begin(&world, 0).await;
    let regretted = talk.say(&world, 1, "regretted").await;
    talk.delete(&world, regretted, 1).await;
    talk.remove(&world, 1).await;
    // Told up to here, by a store that is new.
    let shards = world.changes(0).await;
    for (shard, changes) in &shards {
        let first = &changes[..1];
        apply(&world.redis, Generation::Live, shard, first, first[0].version).await.unwrap();
    }
    world.mark(&world.redis).await;
    for viewer in [0, 1] {
        let found = world.redis.messages_window(user(viewer), talk.id, NEWEST, 5).await.unwrap();
        assert!(found.is_none(), "{viewer} sees {found:?}");
    }
    let now = talk.say_now(&world).await;
    let shards = world.changes(0).await;
    // One shard is ahead of the others.
    for (shard, changes) in shards.iter().filter(|(shard, _)| shard.as_str().starts_with("messages")) {
        apply(&world.redis, Generation::Live, shard, changes, world.log.head()).await.unwrap();
    }
    for viewer in [0, 1] {
        let found = world.redis.messages_window(user(viewer), talk.id, NEWEST, 5).await.unwrap();
        assert!(found.is_none(), "{viewer} sees {found:?}");
    }
    world.tell_all(&mut rng).await;
    let found = world.redis.messages_window(user(0), talk.id, NEWEST, 5).await.unwrap().unwrap();
    let messages = found.messages.found().unwrap();
    assert_eq!(
        messages.iter().map(|one| (one.id, one.deleted)).collect::<Vec<_>>(),
        [(regretted, true), (now, false)]
    );
    let removed = world.redis.messages_window(user(1), talk.id, NEWEST, 5).await.unwrap().unwrap();
    assert_eq!(removed.messages, Lookup::Unknown);
}

async fn status_of(world: &World) -> ProjectionStatus {
    let all = world.redis.status().await.unwrap();
    all.into_iter().find(|one| one.name == projection::CONVERSATIONS).unwrap()
}

async fn rebuild(world: &World, switch: bool) {
    let views = &world.redis;
    views.begin_rebuild(projection::CONVERSATIONS).await.unwrap();
    let mut all: Vec<_> = world.changes(0).await.into_values().flatten().collect();
    all.sort_by_key(|change| change.version);
    for part in all.chunks(11) {
        let end = part.last().unwrap().version;
        apply(views, Generation::Next, &Shard::whole(), part, end).await.unwrap();
    }
    let at = ShardCursor::at(world.log.head());
    views.advance(projection::CONVERSATIONS, Generation::Next, &Shard::whole(), at).await.unwrap();
    if switch {
        views.switch(projection::CONVERSATIONS).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_gives_the_same_and_is_seen_at_once() {
    let mut rng = StdRng::seed_from_u64(7);
    let world = World::new(|options| options.window_messages_max = 20).await;
    let talk = history(&world, &mut rng).await;
    world.tell_all(&mut rng).await;
    compare(&world, talk.id, 20, 7).await;
    // Later than all that was said.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    rebuild(&world, false).await;
    compare(&world, talk.id, 20, 8).await;
    let status = status_of(&world).await;
    assert_eq!((status.name.as_str(), status.generation), (projection::CONVERSATIONS, 1));
    assert_eq!(status.rebuilding, Some(world.log.head()));
    rebuild(&world, true).await;
    let late = apply(&world.redis, Generation::Live, &Shard::of_partition("read", 0), &[], 9_999).await;
    assert!(matches!(late, Err(ViewError::Switched)), "{late:?}");
    compare(&world, talk.id, 20, 9).await;
    let status = status_of(&world).await;
    assert_eq!((status.generation, status.rebuilding, status.position), (2, None, world.log.head()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_key_any_more_says_nothing_anywhere() {
    let mut rng = StdRng::seed_from_u64(8);
    let world = World::new(|_| {}).await;
    let talk = history(&world, &mut rng).await;
    world.keyring.destroy(user(1)).await.unwrap();
    world.tell_all(&mut rng).await;
    compare(&world, talk.id, 100, 8).await;
    let all = world.by_log(user(0), talk.id, MessageRange::After(-1), 500).await.found().unwrap();
    let of_one: Vec<_> = all.iter().filter(|one| one.sender_id == user(1)).collect();
    assert!(of_one.len() > 3);
    assert!(of_one.iter().all(|one| (&one.text, &one.encrypted_content) == (&None, &None)));
    assert!(all.iter().any(|one| one.text.is_some()), "the others say what they said");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_with_letters_moves_the_cursor_once_everything_is_in() {
    let mut rng = StdRng::seed_from_u64(9);
    let world = World::new(|_| {}).await;
    let talk = history(&world, &mut rng).await;
    let shards = world.changes(0).await;
    let (shard, changes) = shards.iter().find(|(shard, _)| shard.as_str().starts_with("messages")).unwrap();
    let position = changes.last().unwrap().version;
    let letter = nova_views::DeadLetter {
        projection: projection::CONVERSATIONS.to_owned(),
        stream: format!("messages-{}", talk.id),
        position,
        kind: "MessageSent".to_owned(),
        error: "not of its shape".to_owned(),
        parked_at: nova_events::envelope::time_of_ms(1_000),
    };
    let step = Arc::new(Apply {
        projection: projection::CONVERSATIONS,
        generation: Generation::Live,
        changes: changes.clone(),
        dead_letters: vec![letter.clone()],
        redriven: Vec::new(),
        cursor: position,
    });
    for _ in 0..2 {
        let at = ShardCursor { position, offset: Some(4), mark: None };
        world.redis.apply(shard, Arc::clone(&step), at).await.unwrap();
    }
    let views = &world.redis;
    let cursor = views.cursor(projection::CONVERSATIONS, Generation::Live, shard).await.unwrap();
    assert_eq!(cursor, ShardCursor { position, offset: Some(4), mark: None });
    assert_eq!(views.dead_letters(None, 0, 10).await.unwrap(), [letter]);
    assert_eq!(views.applied(&[(projection::CONVERSATIONS, shard.clone())]).await.unwrap(), position);
}
