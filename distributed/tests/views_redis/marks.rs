//! What must not be shown any more from a page that was kept.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::redis::{RedisViews, Shown};
use nova_events::{PostId, UserId};
use nova_views::{Apply, Change, Generation, What};
use uuid::Uuid;

use crate::world::World;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn post(n: u128) -> PostId {
    PostId(Uuid::from_u128(1_000 + n))
}

async fn tell(world: &World, projection: &'static str, version: u64, what: What) {
    world.cursor(projection).await;
    let step = Apply {
        projection,
        generation: Generation::Live,
        changes: vec![Change { version, what }],
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor: version,
    };
    let cursor = ShardCursor::at(version);
    world.views.apply(&Shard::whole(), Arc::new(step), cursor).await.unwrap();
}

/// Whether the viewer 1 must not see the post 1 of the author 2.
async fn is_hidden(views: &RedisViews, needs_follow: bool) -> bool {
    let shown = [Shown { post: post(1), author: user(2), needs_follow }];
    views.hidden(user(1), &shown).await.unwrap().contains(&post(1))
}

fn deleted(deleted: bool, at: DateTime<Utc>) -> What {
    What::PostDeleted { post: post(1), deleted, at }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_is_lost_takes_marks_and_pages_with_it() {
    let world = World::new("lost-history").await;
    let views = &world.views;
    tell(&world, "graph", 6, What::UserActive { user: user(9), active: true }).await;
    tell(&world, "posts", 7, deleted(true, Utc::now())).await;
    let hour = std::time::Duration::from_secs(3_600);
    views.keep_page("a", b"page", hour).await.unwrap();
    assert!(is_hidden(views, false).await);
    // A process that does not hear of it.
    let other = RedisViews::open(world.prefix.options()).await.unwrap();
    other.cursor("posts", Generation::Live, &Shard::whole()).await.unwrap();

    assert!(views.start_over("posts", &Shard::whole(), 5).await.unwrap());
    assert!(!views.start_over("posts", &Shard::whole(), 5).await.unwrap(), "once");
    assert!(!is_hidden(views, false).await);
    assert_eq!(views.page("a").await.unwrap(), None);
    for projection in ["posts", "graph"] {
        assert_eq!(world.cursor(projection).await, ShardCursor::default(), "{projection}");
    }
    let late = Apply {
        projection: "posts",
        generation: Generation::Live,
        changes: vec![Change { version: 8, what: deleted(true, Utc::now()) }],
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor: 8,
    };
    let late = other.apply(&Shard::whole(), Arc::new(late), ShardCursor::at(8)).await;
    assert!(matches!(late, Err(nova_views::ViewError::Switched)), "{late:?}");
    assert!(!is_hidden(views, false).await, "nothing of it is marked");
    // What the log has now is marked as ever.
    tell(&world, "posts", 4, deleted(true, Utc::now())).await;
    views.keep_page("a", b"another", hour).await.unwrap();
    assert!(is_hidden(views, false).await);
    assert_eq!(views.page("a").await.unwrap().unwrap().bytes, b"another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latest_version_counts_in_any_order_and_however_often() {
    let world = World::new("marks").await;
    let views = &world.views;
    let now = Utc::now();
    assert!(!is_hidden(views, true).await);
    for _ in 0..2 {
        tell(&world, "posts", 7, deleted(true, now)).await;
        tell(&world, "posts", 5, deleted(false, now)).await;
        assert!(is_hidden(views, false).await, "5 is older than 7");
    }
    tell(&world, "posts", 9, deleted(false, now)).await;
    tell(&world, "posts", 8, What::PostPurged { post: post(1) }).await;
    assert!(!is_hidden(views, false).await, "restored after all");

    tell(&world, "profiles", 10, What::UserActive { user: user(2), active: false }).await;
    assert!(is_hidden(views, false).await);
    assert!(views.hidden_users(user(1), &[user(2), user(3)]).await.unwrap().contains(&user(2)));
    tell(&world, "profiles", 11, What::UserActive { user: user(2), active: true }).await;
    assert!(!is_hidden(views, false).await);

    let (follower, followee) = (user(1), user(2));
    tell(&world, "graph", 12, What::Follow { follower, followee, on: false, at: now }).await;
    assert!(is_hidden(views, true).await && !is_hidden(views, false).await);
    tell(&world, "graph", 13, What::Follow { follower, followee, on: true, at: now }).await;
    assert!(!is_hidden(views, true).await);
    assert_eq!(views.follows_among(user(1), &[user(2), user(3)]).await.unwrap(), [user(2)].into());
    assert_eq!(views.settled_users(user(1), &[user(2), user(3)]).await.unwrap(), [user(2)].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_last_and_the_rest_is_known_for_a_while() {
    let world = World::with("marks", |options| options.marks_ttl_ms = 400).await;
    let views = &world.views;
    let now = Utc::now();
    tell(&world, "posts", 1, deleted(true, now - TimeDelta::seconds(1))).await;
    assert!(!is_hidden(views, false).await, "older than any page");
    tell(&world, "posts", 2, deleted(true, now + TimeDelta::seconds(60))).await;
    let (blocker, blocked) = (user(2), user(1));
    let long_ago = now - TimeDelta::days(1_000);
    tell(&world, "graph", 3, What::Block { blocker, blocked, on: true, at: long_ago }).await;
    assert!(is_hidden(views, false).await);
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(is_hidden(views, false).await, "the block holds");
    tell(&world, "graph", 4, What::Block { blocker, blocked, on: false, at: now }).await;
    assert!(!is_hidden(views, false).await, "and what was deleted has been forgotten by now");
    let keys = world.prefix.keys("marks:");
    for key in keys {
        let ttl: i64 = redis::cmd("PTTL").arg(&key).query(&mut world.prefix.connection()).unwrap();
        assert_eq!(ttl, -1, "Redis drops what has a time to live when it needs the room");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_have_a_limit_and_never_outlive_what_is_known_to_be_hidden() {
    let world = World::with("marks", |options| options.page_bytes_max = 10).await;
    let views = &world.views;
    let hour = std::time::Duration::from_secs(3_600);
    assert!(views.keep_page("a", b"0123456789", hour * 24).await.unwrap());
    assert!(!views.keep_page("b", b"0123456789-", hour).await.unwrap(), "too large");
    assert_eq!(views.page("a").await.unwrap().unwrap().bytes, b"0123456789");
    assert_eq!(views.page("b").await.unwrap(), None);
    let keys = world.prefix.keys("page:a");
    let ttl: u64 = redis::cmd("PTTL").arg(&keys[0]).query(&mut world.prefix.connection()).unwrap();
    assert!(ttl < 2 * 3_600_000 - 500_000, "{ttl}");
}
