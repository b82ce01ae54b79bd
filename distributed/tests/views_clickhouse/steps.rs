//! Cursors, dead letters, group commit, and counts that are made at once.

use std::sync::Arc;
use std::time::Duration;

use nova_distributed::shard::{Offsets, Shard, ShardCursor, ShardStore, ShardWriter};
use nova_projectors::{engagement, graph, posts};
use nova_testkit::story::{Story, post};
use nova_views::{Apply, DeadLetter, Generation, ViewError, ViewWriter, projection};

use crate::support::{World, at, changes, compare, step, tell};

const LIVE: Generation = Generation::Live;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_are_kept_for_each_shard_and_never_go_back() {
    let world = World::new().await;
    let (store, other) = (world.open().await, world.open().await);
    let (a, b) = (Shard::of_partition("post", 0), Shard::of_partition("post", 1));
    let cursor = async |store: &dyn ShardStore, shard| store.cursor("posts", LIVE, shard).await.unwrap();
    assert_eq!(cursor(&store, &a).await, ShardCursor::default());
    let seven = ShardCursor { position: 7, offset: Some(70), mark: None };
    let empty = |position| step(&posts::POSTS, LIVE, Vec::new(), position);
    store.apply(&a, empty(7), seven).await.unwrap();
    store.apply(&a, empty(3), at(3)).await.unwrap();
    assert_eq!(cursor(&store, &a).await, seven);
    assert_eq!(cursor(&other, &a).await, seven, "another process goes on from there");
    assert_eq!(cursor(&store, &b).await, ShardCursor::default());
    // One that is behind does not take it back.
    other.apply(&a, empty(5), at(5)).await.unwrap();
    assert_eq!(cursor(&world.open().await, &a).await, seven);
    let nine = ShardCursor { position: 9, offset: Some(90), mark: None };
    store.advance("posts", LIVE, &a, nine).await.unwrap();
    store.advance("posts", LIVE, &a, at(8)).await.unwrap();
    assert_eq!(cursor(&store, &a).await, nine);
    let stored = async || {
        let sql = "SELECT position FROM cursors FINAL WHERE projection_name = 'posts' AND shard = 'post.0'";
        world.rows::<u64>(sql).await
    };
    for _ in 0..200 {
        if stored().await == [9] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(cursor(&world.open().await, &a).await, nine, "an advance is written before long");
    assert_eq!(store.applied(&[("posts", a.clone())]).await.unwrap(), 9);
    assert_eq!(store.applied(&[("posts", a.clone()), ("posts", b.clone())]).await.unwrap(), 0);
    store.apply(&b, empty(4), at(4)).await.unwrap();
    assert_eq!(other.applied(&[("posts", a), ("posts", b)]).await.unwrap(), 4);
    let unknown =
        |error| assert!(matches!(error, Some(ViewError::UnknownProjection(name)) if name == "deletions"));
    unknown(store.cursor("deletions", LIVE, &Shard::whole()).await.err());
    unknown(store.begin_rebuild("deletions").await.err());
    unknown(store.switch("deletions").await.err());
    unknown(store.dead_letters(Some("deletions"), 0, 1).await.err());
    unknown(store.applied(&[("deletions", Shard::whole())]).await.err());
    assert!(store.switch("posts").await.is_err(), "there is nothing to switch to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_kept_and_taken_off() {
    let world = World::new().await;
    let store = world.open().await;
    let letter = |projection: &str, stream: &str, position: u64| DeadLetter {
        projection: projection.to_owned(),
        stream: stream.to_owned(),
        position,
        kind: "PostPublished".to_owned(),
        error: "not of its shape?".to_owned(),
        parked_at: nova_events::envelope::time_of_ms(1_000),
    };
    let apply = async |projection: &'static str, dead_letters: Vec<DeadLetter>, redriven: Vec<String>| {
        let cursor = dead_letters.iter().map(|letter| letter.position).max().unwrap_or(0);
        let (generation, changes) = (LIVE, Vec::new());
        let step = Apply { projection, generation, changes, dead_letters, redriven, cursor };
        store.apply(&Shard::whole(), Arc::new(step), at(cursor)).await.unwrap();
    };
    let letters =
        [letter("posts", "post-1'?", 3), letter("posts", "post-2", 4), letter("posts", "post-1'?", 9)];
    apply(projection::POSTS, letters.to_vec(), Vec::new()).await;
    apply(projection::GRAPH, vec![letter("graph", "post-1'?", 3)], Vec::new()).await;
    let list = async |projection: Option<&str>, after: u64, limit: usize| -> Vec<(String, u64)> {
        let letters = store.dead_letters(projection, after, limit).await.unwrap();
        letters.into_iter().map(|letter| (letter.projection, letter.position)).collect()
    };
    assert_eq!(store.dead_letters(Some("posts"), 0, 10).await.unwrap(), letters);
    assert_eq!(list(Some("posts"), 3, 1).await, [("posts".to_owned(), 4)]);
    assert_eq!(list(None, 0, 10).await.len(), 4);
    assert_eq!(list(None, 0, 3).await.len(), 3);
    let status = store.status().await.unwrap();
    let of_posts = status.iter().find(|s| s.name == "posts").unwrap();
    assert_eq!((of_posts.dead_letters, of_posts.parked_streams, of_posts.position), (3, 2, 9));
    // One of a stream's two is projected now, the other still fails.
    apply(projection::POSTS, vec![letter("posts", "post-1'?", 9)], vec!["post-1'?".to_owned()]).await;
    assert_eq!(list(Some("posts"), 0, 10).await, [("posts".to_owned(), 4), ("posts".to_owned(), 9)]);
    assert_eq!(list(Some("graph"), 0, 10).await.len(), 1);
}

/// What a redrive projects is older than the cursor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redriven_changes_take_effect() {
    let world = World::new().await;
    let store = world.open().await;
    let mut story = Story::of([1, 2]);
    story.publish(1, 1, "parked");
    story.publish(2, 1, "not parked");
    story.follow(2, 1);
    let parked = |event: &nova_events::Envelope| event.stream == nova_events::streams::post(post(1));
    let (late, early): (Vec<_>, Vec<_>) = story.events.clone().into_iter().partition(parked);
    let mut without = story.clone();
    without.events = early;
    for projection in crate::support::projections(&store) {
        let step = step(projection, LIVE, changes(projection, &without.events), 50);
        store.apply(&Shard::whole(), step, at(50)).await.unwrap();
    }
    compare(&store, &without).await;
    let step = Apply {
        projection: "posts",
        generation: LIVE,
        changes: changes(&posts::POSTS, &late),
        dead_letters: Vec::new(),
        redriven: vec![late[0].stream.as_str().to_owned()],
        cursor: 0,
    };
    store.apply(&Shard::whole(), Arc::new(step), at(0)).await.unwrap();
    assert!(compare(&store, &story).await > 0);
    assert_eq!(store.cursor("posts", LIVE, &Shard::whole()).await.unwrap().position, 50);
}

/// The rows of a step are there, its cursor is not: the next process does it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_rows_and_cursor_changes_nothing() {
    let world = World::new().await;
    let mut story = Story::of(0..6);
    for n in 0..12 {
        story.publish(n, n % 6, "text");
        story.like((n + 1) % 6, n);
        story.comment(n, n, (n + 2) % 6, "a comment");
    }
    story.delete(3);
    story.delete_comment(5);
    story.unlike(2, 1);
    {
        let store = world.open().await;
        tell(&store, &story, 0).await.unwrap();
    }
    let before = story.head();
    story.restore(3);
    story.restore_comment(5);
    story.delete(4);
    story.like(2, 1);
    // No cursor goes with these.
    let crashed = world.open().await;
    for projection in crate::support::projections(&crashed) {
        let step = step(projection, LIVE, changes(projection, &story.events[before as usize..]), 0);
        crashed.apply(&Shard::whole(), step, at(0)).await.unwrap();
    }
    drop(crashed);
    let store = world.open().await;
    let cursor = store.cursor("posts", LIVE, &Shard::whole()).await.unwrap();
    assert_eq!(cursor.position, before);
    tell(&store, &story, cursor.position).await.unwrap();
    assert!(compare(&store, &story).await > 0);
    // And once more from the beginning.
    tell(&store, &story, 0).await.unwrap();
    assert!(compare(&store, &story).await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_right_when_two_processes_count_at_once() {
    let world = World::new().await;
    let stores = [world.open().await, world.open().await];
    let mut story = Story::of([0]);
    story.publish(1, 0, "popular");
    story.publish(2, 0, "popular too");
    tell(&stores[0], &story, 0).await.unwrap();
    let people = 40;
    let before = story.head() as usize;
    for person in 1..=people {
        story.like(person, 1);
        story.like(person, 2);
        story.comment(person, 1, person, "indeed");
        if person % 4 == 0 {
            story.unlike(person, 2);
        }
        if person % 5 == 0 {
            story.delete_comment(person);
        }
    }
    // Each person's own events in order, everybody at once, half in each process.
    let told = (1..=people).map(|person| {
        let store = &stores[person as usize % 2];
        let actor = nova_events::Actor::User(nova_testkit::story::user(person));
        let mine: Vec<_> = story.events[before..].iter().filter(|event| event.meta.actor == actor).collect();
        async move {
            let shard = Shard::of_partition("like", person as i32);
            for event in mine {
                let step = step(&engagement::ENGAGEMENT, LIVE, changes(&engagement::ENGAGEMENT, [event]), 0);
                store.apply(&shard, step, at(event.position)).await.unwrap();
            }
        }
    });
    futures::future::join_all(told).await;
    let counters: Vec<(u64, u64)> =
        world.rows("SELECT likes, comments FROM post_counters ORDER BY likes DESC").await;
    assert_eq!(counters, [(40, 32), (30, 0)]);
}

/// Steps that wait at the same time are written together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_written_at_once() {
    let world = World::new().await;
    let options = nova_distributed::views::clickhouse::ClickHouseOptions {
        flush_interval_ms: 300,
        ..world.options.clone()
    };
    let store = nova_distributed::views::clickhouse::ClickHouseViews::open(options).await.unwrap();
    let mut story = Story::of(0..60);
    let before = story.head() as usize;
    (1..60).for_each(|n| story.follow(0, n));
    let shards: Vec<Shard> = (0..60).map(|n| Shard::of_partition("follow", n)).collect();
    // Each shard asks for its cursor first, as it does when it starts.
    for shard in &shards {
        store.cursor("graph", LIVE, shard).await.unwrap();
    }
    let told = story.events[before..].iter().zip(&shards).map(|(event, shard)| {
        let step = step(&graph::GRAPH, LIVE, changes(&graph::GRAPH, [event]), event.position);
        store.apply(shard, step, at(event.position))
    });
    futures::future::try_join_all(told).await.unwrap();
    let follows: Vec<u64> = world.rows("SELECT count() FROM follows").await;
    assert_eq!(follows, [59]);
    let sql = "SELECT table, count() FROM system.parts
               WHERE database = currentDatabase() AND (table LIKE 'follows_g%' OR table = 'cursors')
               GROUP BY table";
    let parts: Vec<(String, u64)> = world.rows(sql).await;
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|(_, parts)| *parts <= 4), "59 steps made {parts:?}");
}

/// The projections see the store through a writer of their shard, which keeps the offsets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_writer_keeps_the_offset_of_its_position() {
    let world = World::new().await;
    let shard = Shard::of_partition("post", 2);
    let offsets = Arc::new(Offsets::default());
    offsets.note(5, 50);
    let writer = ShardWriter::new(Arc::new(world.open().await), shard.clone(), offsets);
    assert_eq!(writer.cursor("posts", LIVE).await.unwrap(), 0);
    writer.apply(step(&posts::POSTS, LIVE, Vec::new(), 6)).await.unwrap();
    let known = Arc::new(Offsets::default());
    let other = ShardWriter::new(Arc::new(world.open().await), shard, Arc::clone(&known));
    assert_eq!(other.cursor("posts", LIVE).await.unwrap(), 6);
    assert_eq!(known.offset_of(6), Some(50));
}
