//! Which store answers, and what happens where one ends and another goes on.

use std::time::Duration;

use nova_distributed::views::ViewsOptions;
use nova_events::PostId;
use nova_testkit::story::{Story, post, user};
use nova_views::{Generation, PageRequest, ViewError, ViewReader, ViewWriter};

use crate::world::World;

/// All pages of a timeline, and the stores they came from.
async fn timeline(world: &World, viewer: u32, limit: usize) -> (Vec<PostId>, Vec<&'static str>) {
    let (mut posts, mut sources, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let page = PageRequest { cursor, limit, after: 0 };
        let answer = world.views.timeline(user(viewer), page).await.unwrap();
        assert!(answer.value.items.len() == limit || answer.value.next.is_none(), "pages are filled up");
        posts.extend(answer.value.items.iter().map(|card| card.id));
        sources.push(answer.source);
        cursor = answer.value.next;
        if cursor.is_none() {
            return (posts, sources);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_goes_on_in_postgresql_below_what_redis_holds() {
    let world = World::with(|options| options.timeline_posts_max = 12, ViewsOptions::default()).await;
    let mut story = Story::of([1, 2, 3]);
    story.follow(1, 2);
    (0..40).for_each(|n| story.publish(n, 2 + n % 2, "many"));
    story.follow(1, 3);
    // Hidden ones are passed over, in both stores.
    for n in [35, 34, 33, 10, 9] {
        story.delete(n);
    }
    world.ports().tell(&story).await;
    let expected: Vec<PostId> =
        (0..40).rev().filter(|n| ![35, 34, 33, 10, 9].contains(n)).map(post).collect();
    for limit in [1, 3, 7, 100] {
        let (posts, sources) = timeline(&world, 1, limit).await;
        assert_eq!(posts, expected, "{limit} at a time");
        assert_eq!(sources.first(), Some(&"redis"));
        assert!(limit == 100 || sources.last() == Some(&"postgres"), "{sources:?}");
    }
    let before = story.head();
    story.unfollow(1, 3);
    story.restore(34);
    story.restore(33);
    world.ports().tell_from(&story, before).await;
    let expected: Vec<PostId> = (0..40).rev().filter(|n| n % 2 == 0 && *n != 10).map(post).collect();
    assert_eq!(timeline(&world, 1, 5).await.0, expected, "what is restored is back, who is left is not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timelines_and_feeds_come_back_when_redis_loses_everything() {
    let world = World::new().await;
    let mut story = Story::of(1..9);
    for n in 2..9 {
        story.follow(1, n);
        (0..6).for_each(|k| story.publish(n * 10 + k, n, "one of many"));
    }
    world.ports().tell(&story).await;
    let before = timeline(&world, 1, 5).await;
    let feed = async |cursor| {
        let page = PageRequest { cursor, limit: 4, after: 0 };
        let answer = world.views.feed(user(1), page, story.now()).await.unwrap();
        assert_eq!(answer.source, "clickhouse");
        let ids: Vec<PostId> = answer.value.items.iter().map(|item| item.card.id).collect();
        (ids, answer.value.next)
    };
    let (first, cursor) = feed(None).await;
    let second = feed(cursor.clone()).await.0;
    world.prefix.delete("");
    assert_eq!(feed(cursor.clone()).await.0, second, "the order is worked out again");
    assert_ne!(first, second);
    assert_eq!(timeline(&world, 1, 5).await.0, before.0, "PostgreSQL answers");
    assert!(matches!(
        world.ports().writer.advance("posts", Generation::Live, story.head()).await,
        Err(ViewError::Switched)
    ));
    for projection in ["redis/profiles", "redis/posts", "redis/graph", "redis/conversations"] {
        assert_eq!(world.views.cursor(projection, Generation::Live).await.unwrap(), 0);
    }
    assert_eq!(timeline(&world, 1, 5).await, before, "timelines are back before the log has been told again");
    assert_eq!(world.views.refresh_applied().await.unwrap(), 0);
    world.ports().tell(&story).await;
    assert_eq!(world.views.refresh_applied().await.unwrap(), story.head());
    assert_eq!(timeline(&world, 1, 5).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_store_is_named_to_an_operator() {
    let world = World::new().await;
    let story = Story::of([1]);
    world.ports().tell(&story).await;
    let names: Vec<String> =
        ViewWriter::status(&world.views).await.unwrap().into_iter().map(|status| status.name).collect();
    for name in [
        "posts",
        "deletions",
        "clickhouse/posts",
        "clickhouse/engagement",
        "redis/posts",
        "redis/graph",
        "redis/conversations",
    ] {
        assert!(names.iter().any(|found| found == name), "{name} is not among {names:?}");
        assert_eq!(world.views.cursor(name, Generation::Live).await.unwrap(), story.head());
    }
    for name in ["redis/engagement", "mysql/posts", "redis/", "/posts"] {
        let unknown = world.views.cursor(name, Generation::Live).await;
        assert!(matches!(unknown, Err(ViewError::UnknownProjection(unknown)) if unknown == name));
    }
}

/// Many who wait share the questions; the slowest store decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_hears_of_the_slowest_store() {
    let world = World::new().await;
    let story = Story::of([1, 2, 3]);
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let (views, head) = (world.views.clone(), story.head());
            tokio::spawn(async move { views.wait_applied(head, Duration::from_secs(20)).await })
        })
        .collect();
    for projection in ["posts", "profiles", "engagement", "graph", "conversations", "deletions"] {
        world.views.advance(projection, Generation::Live, story.head()).await.unwrap();
    }
    for projection in ["profiles", "posts", "engagement", "graph"] {
        let name = format!("clickhouse/{projection}");
        world.views.advance(&name, Generation::Live, story.head()).await.unwrap();
    }
    for name in ["redis/profiles", "redis/posts"] {
        world.views.advance(name, Generation::Live, story.head()).await.unwrap();
    }
    let behind = world.views.wait_applied(story.head(), Duration::from_millis(300)).await;
    assert!(matches!(behind, Err(ViewError::Behind { applied: 0, .. })), "{behind:?}");
    assert!(waiting.iter().all(|waiter| !waiter.is_finished()));
    world.views.advance("redis/graph", Generation::Live, story.head()).await.unwrap();
    world.views.advance("redis/conversations", Generation::Live, story.head()).await.unwrap();
    for waiter in waiting {
        waiter.await.unwrap().unwrap();
    }
    assert_eq!(ViewReader::applied(&world.views), story.head());
}
