//! Changes that come in any order at all, and more than once: the window says the same, or nothing.

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::redis::RedisViews;
use nova_views::{Change, Generation, Lookup, Message, MessageRange, projection};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::talk::{PEOPLE, Talk, user};
use crate::world::{World, apply};

/// All that the window holds, and its floor.
async fn window(views: &RedisViews, talk: &Talk, viewer: u32) -> Option<(Lookup<Vec<Message>>, u64)> {
    let ask = async |range, limit| views.messages_window(user(viewer), talk.id, range, limit).await.unwrap();
    let floor = ask(MessageRange::After(i64::MAX), 1).await?.floor_seq;
    let all = ask(MessageRange::After(floor as i64 - 1), 500).await?;
    Some((all.messages, floor))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_order_gives_the_same_window() {
    for (seed, most) in [(0, 100), (1, 100), (2, 6), (3, 6), (4, 100), (5, 30)] {
        let mut rng = StdRng::seed_from_u64(seed);
        let world = World::new(|options| options.window_messages_max = most).await;
        let mut talk = Talk::begin(&world, 0).await;
        for _ in 0..70 {
            talk.act(&world, &mut rng).await;
        }
        for _ in 0..4 {
            // A store of its own each time, and a cursor that says nothing before the end.
            world.prefix.delete("");
            let shard = Shard::whole();
            world.redis.cursor(projection::CONVERSATIONS, Generation::Live, &shard).await.unwrap();
            talk.say_ahead_in(&world, Some(&shard)).await;
            let shards = world.changes(0).await;
            let mut in_order: Vec<Change> = shards.values().flatten().cloned().collect();
            in_order.sort_by_key(|change| change.version);
            world.tell(&world.postgres, &shards, &mut rng).await;
            let mut shuffled: Vec<Change> = in_order.clone();
            shuffled.extend((0..30).map(|_| in_order[rng.random_range(0..in_order.len())].clone()));
            shuffled.shuffle(&mut rng);
            let mut rest = &shuffled[..];
            while !rest.is_empty() {
                let (some, behind) = rest.split_at(rng.random_range(1..9).min(rest.len()));
                apply(&world.redis, Generation::Live, &shard, some, 0).await.unwrap();
                rest = behind;
            }
            let at = ShardCursor::at(world.log.head());
            world.redis.advance(projection::CONVERSATIONS, Generation::Live, &shard, at).await.unwrap();
            for viewer in 0..PEOPLE {
                let found = window(&world.redis, &talk, viewer).await.expect("a window");
                let all = world.by_postgres(user(viewer), talk.id, MessageRange::After(-1), 500).await;
                let above = all.map(|all| all.into_iter().filter(|one| one.seq >= found.1).collect());
                assert_eq!(found.0, above, "seed {seed}, for {viewer}");
                if let Lookup::Found(held) = found.0 {
                    let total = talk.messages.len();
                    assert!(held.len() == most || found.1 == 0, "{} of {total}, seed {seed}", held.len());
                }
            }
        }
    }
}

/// While something is missing, nothing that it might change is told.
#[tokio::test]
async fn nothing_below_a_gap_is_told() {
    let mut rng = StdRng::seed_from_u64(77);
    let world = World::new(|_| {}).await;
    let mut talk = Talk::begin(&world, 0).await;
    let first = talk.say(&world, 0, "first").await;
    talk.say(&world, 1, "second").await;
    talk.delete(&world, first, 0).await;
    talk.say_ahead(&world).await;
    let shards = world.changes(0).await;
    let (mut said, mut others) = (shards.clone(), shards);
    said.retain(|shard, _| shard.as_str().starts_with("messages"));
    others.retain(|shard, _| !shard.as_str().starts_with("messages"));
    world.tell(&world.redis, &others, &mut rng).await;
    let (shard, changes) = said.pop_first().unwrap();
    let tell = async |at: usize| {
        let change = changes[at].clone();
        apply(&world.redis, Generation::Live, &shard, &[change], 0).await.unwrap();
    };
    let all = async || {
        let range = MessageRange::After(-1);
        world.redis.messages_window(user(1), talk.id, range, 9).await.unwrap()
    };
    // The deletion is missing.
    for at in [0, 1, 3] {
        tell(at).await;
    }
    world.mark(&world.redis).await;
    assert!(all().await.is_none());
    let newest = world.redis.messages_window(user(1), talk.id, MessageRange::Before(u64::MAX), 1);
    let newest = newest.await.unwrap().unwrap();
    assert_eq!((newest.floor_seq, newest.messages.found().unwrap().len()), (3, 1));
    tell(2).await;
    let found = all().await.unwrap();
    let messages = found.messages.found().unwrap();
    assert_eq!(found.floor_seq, 0);
    assert_eq!(messages.iter().map(|one| one.deleted).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(messages[0].text, None);
}
