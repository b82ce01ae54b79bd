//! Rebuilds, switches, and stores that have lost what they held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nova_distributed::shard::{Shard, ShardStore};
use nova_distributed::views::clickhouse::{ClickHouseViews, migrate};
use nova_projectors::posts;
use nova_testkit::story::Story;
use nova_views::{Generation, ViewError};

use crate::support::{World, at, changes, compare, projections, step, tell};

fn town() -> Story {
    let mut story = Story::of(0..6);
    for n in 0..30 {
        story.publish(n, n % 6, "text");
        story.like((n + 1) % 6, n);
        story.comment(n, n, (n + 2) % 6, "a comment");
        story.follow(n % 6, (n / 6 + n + 1) % 6);
    }
    story.delete(7);
    story.block(1, 2);
    story
}

async fn rebuild(store: &ClickHouseViews, story: &Story) {
    for projection in projections(store) {
        store.begin_rebuild(projection.name).await.unwrap();
        let changes = changes(projection, &story.events);
        let step = step(projection, Generation::Next, changes, story.head());
        store.apply(&Shard::whole(), step, at(story.head())).await.unwrap();
        store.switch(projection.name).await.unwrap();
    }
}

/// What a lane does: it goes on from where the store says, and asks again when it is told to.
async fn follow(store: &ClickHouseViews, shard: &Shard, story: &Story, seen_switches: &AtomicU64) {
    for projection in projections(store) {
        let mut cursor = store.cursor(projection.name, Generation::Live, shard).await.unwrap().position;
        while cursor < story.head() {
            let until = (cursor + 5).min(story.head());
            let changes = changes(projection, &story.events[cursor as usize..until as usize]);
            match store.apply(shard, step(projection, Generation::Live, changes, until), at(until)).await {
                Ok(()) => cursor = until,
                Err(ViewError::Switched | ViewError::Corrupt(_)) => {
                    seen_switches.fetch_add(1, Ordering::Relaxed);
                    cursor = store.cursor(projection.name, Generation::Live, shard).await.unwrap().position;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_of_another_history_starts_over_alone() {
    let world = World::new().await;
    let store = world.open().await;
    let story = town();
    let seen_switches = AtomicU64::new(0);
    follow(&store, &Shard::whole(), &story, &seen_switches).await;
    let cursor =
        async |projection| store.cursor(projection, Generation::Live, &Shard::whole()).await.unwrap();
    assert_eq!(cursor("posts").await.position, story.head());
    assert!(store.start_over("posts", &Shard::whole(), story.head() - 3).await.unwrap());
    assert!(!store.start_over("posts", &Shard::whole(), story.head() - 3).await.unwrap(), "once");
    assert_eq!(cursor("posts").await.position, 0);
    assert_eq!(cursor("graph").await.position, story.head());
    assert!(store.whole().is_err(), "it is said that something is missing");
    // Filled as far as the log goes, though that one was further.
    let mut shorter = town();
    shorter.events.truncate(story.events.len() - 3);
    follow(&store, &Shard::whole(), &shorter, &seen_switches).await;
    let began = std::time::Instant::now();
    while store.whole().is_err() {
        assert!(began.elapsed().as_secs() < 20, "it stays incomplete");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        store.applied(&[("posts", Shard::whole())]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_worked_out_while_a_view_was_empty_is_not_taken_for_the_whole() {
    let mut world = World::new().await;
    world.options.trending_ttl_ms = 60_000;
    let (writer, reader) = (world.open().await, world.open().await);
    let (story, switches) = (town(), AtomicU64::new(0));
    let all = ["profiles", "posts", "engagement", "graph"].map(|projection| (projection, Shard::whole()));
    let places = async |after| reader.trending(story.now(), 500, after).await.unwrap().len();
    follow(&writer, &Shard::whole(), &story, &switches).await;
    assert_eq!(reader.applied(&all).await.unwrap(), story.head());
    assert!(writer.start_over("engagement", &Shard::whole(), story.head()).await.unwrap());
    // The reader has not asked again how far it is.
    assert_eq!(places(0).await, 0);
    let candidates = reader.feed_candidates(nova_testkit::story::user(0), story.now(), 0).await.unwrap();
    assert_eq!(candidates.holds, 0);
    follow(&writer, &Shard::whole(), &story, &switches).await;
    assert_eq!(reader.applied(&all).await.unwrap(), story.head());
    let whole = places(story.head()).await;
    assert!(whole > 0, "what was kept is said to hold the log");
    let candidates = reader.feed_candidates(nova_testkit::story::user(0), story.now(), 0).await.unwrap();
    assert_eq!(candidates.holds, story.head());

    let mut more = town();
    more.publish(30, 0, "text");
    more.like(1, 30);
    follow(&writer, &Shard::whole(), &more, &switches).await;
    // How far a part of the store is says nothing of the whole.
    assert_eq!(reader.applied(&all[..1]).await.unwrap(), more.head());
    assert_eq!(places(0).await, whole, "it is kept");
    let candidates = reader.feed_candidates(nova_testkit::story::user(0), story.now(), 0).await.unwrap();
    assert_eq!(candidates.holds, story.head());
    assert_eq!(reader.applied(&all).await.unwrap(), more.head());
    assert_eq!(places(more.head()).await, whole + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_is_invisible_until_it_is_switched_to() {
    let world = World::new().await;
    let store = world.open().await;
    let (story, nothing) = (town(), Story::of([0]));
    tell(&store, &story, 0).await.unwrap();
    let status = async || {
        let status = store.status().await.unwrap();
        status
            .into_iter()
            .find(|s| s.name == "posts")
            .map(|s| (s.generation, s.position, s.rebuilding))
            .unwrap()
    };
    let (first, head) = (status().await.0, story.head());
    store.begin_rebuild("posts").await.unwrap();
    let next = step(&posts::POSTS, Generation::Next, changes(&posts::POSTS, &story.events), 5);
    store.apply(&Shard::whole(), next, at(5)).await.unwrap();
    assert_eq!(status().await, (first, head, Some(5)));
    // Begun again: what was filled is dropped.
    store.begin_rebuild("posts").await.unwrap();
    assert_eq!(store.cursor("posts", Generation::Next, &Shard::whole()).await.unwrap().position, 0);
    assert_eq!(world.tables("posts").await.len(), 2);
    assert!(compare(&store, &story).await > 0);
    // A rebuild of something else shows at once, and everywhere, when it is switched to.
    let next = step(&posts::POSTS, Generation::Next, changes(&posts::POSTS, &nothing.events), 1);
    store.apply(&Shard::whole(), next, at(1)).await.unwrap();
    let reader = world.open().await;
    assert!(compare(&reader, &story).await > 0);
    store.switch("posts").await.unwrap();
    assert_eq!(status().await, (first + 1, 1, None));
    for store in [&store, &reader] {
        assert_eq!(
            store.feed_candidates(nova_testkit::story::user(0), story.now(), 0).await.unwrap().posts,
            []
        );
        assert_eq!(store.trending(story.now(), 10, 0).await.unwrap(), []);
    }
    assert_eq!(world.rows::<u64>("SELECT count() FROM posts").await, [0], "analysts see it too");
    assert_eq!(world.tables("posts").await.len(), 1, "the old tables go");
    // Steps of before are refused until the cursor has been asked for.
    for _ in 0..2 {
        let late = step(&posts::POSTS, Generation::Live, changes(&posts::POSTS, &story.events), head);
        let refused = store.apply(&Shard::whole(), late, at(head)).await;
        assert!(matches!(refused, Err(ViewError::Switched)), "{refused:?}");
        let refused = store.advance("posts", Generation::Live, &Shard::whole(), at(head)).await;
        assert!(matches!(refused, Err(ViewError::Switched)), "{refused:?}");
    }
    let seen = AtomicU64::new(0);
    follow(&store, &Shard::whole(), &story, &seen).await;
    assert!(compare(&store, &story).await > 0);
    assert_eq!(seen.load(Ordering::Relaxed), 0);
}

/// The cursors of shards go with a switch, but not further than the new generation has been filled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_go_on_from_where_the_new_generation_is() {
    let world = World::new().await;
    let store = world.open().await;
    let (behind, ahead) = (Shard::of_partition("post", 0), Shard::of_partition("post", 1));
    let empty = |generation, position| step(&posts::POSTS, generation, Vec::new(), position);
    let cursor = |position| nova_distributed::shard::ShardCursor {
        position,
        offset: Some(position as i64 * 2),
        mark: None,
    };
    store.apply(&behind, empty(Generation::Live, 10), cursor(10)).await.unwrap();
    store.apply(&ahead, empty(Generation::Live, 30), cursor(30)).await.unwrap();
    store.begin_rebuild("posts").await.unwrap();
    store.apply(&Shard::whole(), empty(Generation::Next, 20), at(20)).await.unwrap();
    store.switch("posts").await.unwrap();
    assert_eq!(store.cursor("posts", Generation::Live, &behind).await.unwrap(), cursor(10));
    assert_eq!(store.cursor("posts", Generation::Live, &ahead).await.unwrap(), at(20));
    assert_eq!(store.status().await.unwrap()[1].position, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_are_rebuilt_while_writes_go_on() {
    let world = World::new().await;
    let (writer, rebuilder) = (world.open().await, world.open().await);
    let story = Arc::new(town());
    let seen = Arc::new(AtomicU64::new(0));
    let writing = {
        let (story, seen, shard) = (Arc::clone(&story), Arc::clone(&seen), Shard::of_partition("all", 0));
        tokio::spawn(async move {
            for _ in 0..2 {
                follow(&writer, &shard, &story, &seen).await;
            }
            writer
        })
    };
    for _ in 0..3 {
        rebuild(&rebuilder, &story).await;
    }
    let writer = writing.await.unwrap();
    follow(&writer, &Shard::of_partition("all", 0), &story, &seen).await;
    assert!(seen.load(Ordering::Relaxed) > 0, "no switch came between");
    for store in [&writer, &rebuilder] {
        assert!(compare(store, &story).await > 0);
    }
    for stem in ["users", "posts", "engagement", "follows"] {
        assert_eq!(world.tables(stem).await.len(), 1);
    }
}

/// Whatever is lost, the store says so, and is filled again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_lost_something_is_filled_again() {
    let world = World::new().await;
    let store = world.open().await;
    let shard = Shard::of_partition("all", 0);
    let mut story = town();
    let seen = AtomicU64::new(0);
    follow(&store, &shard, &story, &seen).await;
    let lost = async |what: usize| match what {
        0 => world.execute(&format!("DROP TABLE {}", world.tables("posts").await[0])).await,
        1 => world.execute(&format!("DROP TABLE {}", world.tables("post_counters").await[0])).await,
        2 => world.execute("DROP TABLE cursors").await,
        3 => world.execute("TRUNCATE TABLE generations").await,
        4 => world.execute("DROP TABLE generations").await,
        5 => world.drop_database().await,
        // Made anew and empty before anyone looked: the same names, but not the same generations.
        _ => {
            world.drop_database().await;
            migrate(&world.options).await.unwrap();
        }
    };
    for what in 0..7 {
        lost(what).await;
        seen.store(0, Ordering::Relaxed);
        // Every view has something new, so every lane meets the loss.
        story.register(100 + what as u32);
        story.publish(100 + what as u32, 1, "after the loss");
        story.like(2, 100 + what as u32);
        story.follow(3, 100 + what as u32);
        let told = projections(&store).into_iter().map(|projection| {
            let (store, shard, story, seen) = (&store, &shard, &story, &seen);
            async move {
                let mut cursor = story.head() - 4;
                while cursor < story.head() {
                    let changes = changes(projection, &story.events[cursor as usize..]);
                    let step = step(projection, Generation::Live, changes, story.head());
                    match store.apply(shard, step, at(story.head())).await {
                        Ok(()) => break,
                        Err(ViewError::Corrupt(_) | ViewError::Switched) => {
                            seen.fetch_add(1, Ordering::Relaxed);
                            let asked = store.cursor(projection.name, Generation::Live, shard).await;
                            cursor = asked.unwrap().position;
                        }
                        Err(error) => panic!("{what}: {error}"),
                    }
                }
            }
        });
        for told in told {
            told.await;
        }
        assert!(seen.load(Ordering::Relaxed) > 0, "{what} went unnoticed");
        assert!(compare(&store, &story).await > 0, "{what}");
        assert!(compare(&world.open().await, &story).await > 0, "{what}");
        assert!(world.rows::<u64>("SELECT count() FROM analytics_posts").await[0] >= 30);
    }
}

/// With nothing to change, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_advance_over_a_lost_store_is_refused_before_long() {
    let world = World::new().await;
    let store = world.open().await;
    let shard = Shard::whole();
    store.cursor("graph", Generation::Live, &shard).await.unwrap();
    store.advance("graph", Generation::Live, &shard, at(5)).await.unwrap();
    world.drop_database().await;
    migrate(&world.options).await.unwrap();
    let mut position = 5;
    let refused = loop {
        position += 1;
        if let Err(error) = store.advance("graph", Generation::Live, &shard, at(position)).await {
            break error;
        }
        assert!(position < 500, "it went unnoticed");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert!(matches!(refused, ViewError::Switched | ViewError::Corrupt(_)), "{refused}");
    assert_eq!(store.cursor("graph", Generation::Live, &shard).await.unwrap(), at(0));
}
