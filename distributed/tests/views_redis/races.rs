//! Many shards at once, readers between them, and a PostgreSQL that is at another place. In the end nothing is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::redis::RedisViews;
use nova_views::{Change, What, projection};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::world::{Known, World, follow, posted, step, user};

const PEOPLE: u32 = 12;
const SHARDS: u32 = 3;

fn history(rng: &mut StdRng, events: u64) -> Vec<Change> {
    (1..=events)
        .map(|version| {
            let (one, other) = (rng.random_range(0..PEOPLE), rng.random_range(0..PEOPLE));
            // The first two have most of the followers, more than the threshold at times.
            let other = if rng.random_bool(0.4) { other % 2 } else { other };
            // Nobody follows themselves.
            if one == other || rng.random_bool(0.5) {
                posted(version, version as u32, other)
            } else {
                follow(version, one, other, rng.random_bool(0.65))
            }
        })
        .collect()
}

/// The shard that its stream belongs to.
fn shard_of(change: &Change) -> (&'static str, u32) {
    match &change.what {
        What::Follow { follower, followee, .. } => {
            let sum = follower.0.as_u128() as u32 + followee.0.as_u128() as u32;
            (projection::GRAPH, sum % SHARDS)
        }
        What::Post { post, .. } => (projection::POSTS, post.0.as_u128() as u32 % SHARDS),
        _ => unreachable!("histories hold nothing else"),
    }
}

async fn pause(rng: &mut StdRng) {
    tokio::time::sleep(std::time::Duration::from_micros(rng.random_range(0..2_500))).await;
}

/// One shard's changes, in order, in steps of any size, some of them twice and overlapping.
async fn lane(views: RedisViews, projection: &'static str, shard: u32, changes: Vec<Change>, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let shard = Shard::of_partition(projection, shard as i32);
    let mut done = 0;
    while done < changes.len() {
        let from = done.saturating_sub(rng.random_range(0..4));
        let until = (done + rng.random_range(1..6)).min(changes.len());
        let cursor = changes[until - 1].version;
        for _ in 0..rng.random_range(1..3) {
            let at = ShardCursor::at(cursor);
            views.apply(&shard, step(projection, &changes[from..until], cursor), at).await.unwrap();
        }
        done = until;
        pause(&mut rng).await;
    }
}

/// Reads timelines, which puts them together; and deletes some now and then, as a full memory does.
async fn reader(views: RedisViews, known: Arc<Known>, keys: Arc<World>, done: Arc<AtomicBool>, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    while !done.load(Ordering::Relaxed) {
        let viewer = rng.random_range(0..PEOPLE);
        views.timeline_from(user(viewer), None, 5, &*known).await.unwrap();
        if rng.random_bool(0.03) {
            let timelines = keys.prefix.keys("t:");
            if !timelines.is_empty() {
                let key = &timelines[rng.random_range(0..timelines.len())];
                let _: () = redis::cmd("DEL").arg(key).query(&mut keys.prefix.connection()).unwrap();
            }
        }
        pause(&mut rng).await;
    }
}

async fn run(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::with("races", |options| {
        options.fan_out_followers_max = 5;
        options.fan_out_batch_followers = 2;
    });
    let world = Arc::new(world.await);
    let changes = history(&mut rng, 400);
    let (known, done) = (Arc::new(Known::default()), Arc::new(AtomicBool::new(false)));
    let other = RedisViews::open(nova_distributed::views::redis::RedisOptions {
        timeline_posts_max: 20,
        fan_out_followers_max: 5,
        fan_out_batch_followers: 2,
        ..world.prefix.options()
    });
    let other = other.await.unwrap();
    let readers: Vec<_> = (0..3)
        .map(|n| {
            let views = if n == 0 { other.clone() } else { world.views.clone() };
            let (known, world, done) = (Arc::clone(&known), Arc::clone(&world), Arc::clone(&done));
            tokio::spawn(reader(views, known, world, done, seed + 100 + n))
        })
        .collect();
    let mut lanes = Vec::new();
    for projection in [projection::POSTS, projection::GRAPH] {
        for shard in 0..SHARDS {
            let of_shard: Vec<Change> =
                changes.iter().filter(|change| shard_of(change) == (projection, shard)).cloned().collect();
            let views = if shard == 0 { other.clone() } else { world.views.clone() };
            lanes.push(tokio::spawn(lane(views, projection, shard, of_shard, seed + u64::from(shard))));
        }
    }
    // PostgreSQL follows in its own time.
    for part in changes.chunks(9) {
        known.learn(part);
        pause(&mut rng).await;
    }
    for lane in lanes {
        lane.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    for viewer in 0..PEOPLE {
        check(&world, viewer, &known, seed).await;
    }
}

/// Above the last one that is there nothing is missing, and as many are there as the cap says.
async fn check(world: &World, viewer: u32, known: &Known, seed: u64) {
    let (found, complete) = world.timeline(viewer, known).await;
    let expected = known.timeline(user(viewer));
    let floor = if complete { None } else { found.last().copied() };
    for key in expected.iter().filter(|key| floor.is_none_or(|floor| **key >= floor)) {
        assert!(found.contains(key), "seed {seed}: {key:?} is missing for {viewer}");
    }
    assert!(complete || found.len() >= 20, "seed {seed}: {} for {viewer}", found.len());
    assert!(found.is_sorted_by(|a, b| a > b), "each once, newest first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missing_whatever_happens_at_once() {
    for seed in 0..24 {
        run(seed * 1_000).await;
    }
}
