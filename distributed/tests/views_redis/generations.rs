//! Rebuilds, and data that is lost.

use std::sync::Arc;
use std::time::Duration;

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::redis::RedisViews;
use nova_views::{Apply, Change, Generation, ViewError, projection};

use crate::world::{Known, World, follow, posted, step};

async fn into_next(views: &RedisViews, projection: &'static str, changes: &[Change], cursor: u64) {
    let step =
        Arc::new(Apply { generation: Generation::Next, ..(*step(projection, changes, cursor)).clone() });
    let at = ShardCursor::at(cursor);
    views.apply(&Shard::whole(), step, at).await.unwrap();
}

fn switched(result: Result<(), ViewError>) {
    assert!(matches!(result, Err(ViewError::Switched)), "{result:?}");
}

#[tokio::test]
async fn a_rebuild_takes_the_place_of_what_was_live() {
    let world = World::new("rebuild").await;
    let (views, nothing) = (&world.views, Known::default());
    let changes = [follow(1, 1, 2, true), posted(2, 2, 2), posted(3, 3, 1)];
    world.tell(&changes).await;
    assert_eq!(world.posts_in(1, &nothing).await, [3, 2]);
    let (near, far) = (Shard::of_partition("post", 0), Shard::of_partition("post", 1));
    for (shard, position) in [(&near, 5), (&far, 9)] {
        let at = ShardCursor { position, offset: Some(77), mark: None };
        views.advance("posts", Generation::Live, shard, at).await.unwrap();
    }
    views.begin_rebuild("posts").await.unwrap();
    into_next(views, projection::POSTS, &[posted(2, 20, 2)], 2).await;
    // Begun again: what was filled is dropped.
    views.begin_rebuild("posts").await.unwrap();
    assert_eq!(views.cursor("posts", Generation::Next, &Shard::whole()).await.unwrap().position, 0);
    into_next(views, projection::POSTS, &[posted(2, 22, 2), posted(7, 7, 3)], 7).await;
    assert_eq!(world.posts_in(1, &nothing).await, [3, 2], "nobody sees it");
    let status = views.status().await.unwrap().remove(0);
    assert_eq!((status.generation, status.rebuilding), (1, Some(7)));
    // One that is live elsewhere, and does not hear of the switch.
    let other = RedisViews::open(world.prefix.options()).await.unwrap();
    for shard in [&near, &far] {
        other.cursor("posts", Generation::Live, shard).await.unwrap();
    }
    views.switch("posts").await.unwrap();
    assert!(views.switch("posts").await.is_err(), "there is nothing more to switch to");
    let status = views.status().await.unwrap().remove(0);
    assert_eq!((status.generation, status.rebuilding), (2, None));
    let at = |position| ShardCursor { position, offset: Some(99), mark: None };
    for views in [views, &other] {
        for shard in [&near, &far] {
            let late = step(projection::POSTS, &[posted(50, 50, 2)], 50);
            switched(views.apply(shard, late, at(50)).await);
            switched(views.advance("posts", Generation::Live, shard, at(50)).await);
        }
    }
    let cursor = async |shard| views.cursor("posts", Generation::Live, shard).await.unwrap();
    assert_eq!(
        cursor(&near).await,
        ShardCursor { position: 5, offset: Some(77), mark: None },
        "not beyond what was filled"
    );
    switched(views.apply(&far, step(projection::POSTS, &[posted(50, 50, 2)], 50), at(50)).await);
    assert_eq!(cursor(&far).await, ShardCursor::at(7), "goes on from what was filled");
    assert_eq!(cursor(&Shard::whole()).await.position, 7);
    assert_eq!(world.posts_in(1, &nothing).await, [22], "put together anew, from what is live");
    world.apply(&near, projection::POSTS, &[posted(8, 28, 2)], 8).await.unwrap();
    assert_eq!(world.posts_in(1, &nothing).await, [28, 22]);
}

#[tokio::test]
async fn the_graph_is_rebuilt_too_and_what_is_old_is_deleted() {
    let world = World::with("graph", |options| options.fan_out_followers_max = 2).await;
    let (views, nothing) = (&world.views, Known::default());
    world.tell(&(1..40).map(|n| follow(u64::from(n), n, 99, true)).collect::<Vec<_>>()).await;
    world.tell(&[posted(50, 5, 99), posted(51, 6, 98)]).await;
    assert_eq!(world.posts_in(1, &nothing).await, [5]);
    let old = world.prefix.keys("").len();
    views.begin_rebuild("graph").await.unwrap();
    into_next(views, projection::GRAPH, &[follow(1, 1, 98, true), follow(2, 2, 98, true)], 51).await;
    views.switch("graph").await.unwrap();
    assert_eq!(world.posts_in(1, &nothing).await, [6]);
    for _ in 0..200 {
        if world.prefix.keys("").len() < old / 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(world.prefix.keys("").len() < old / 2, "what belonged to the old generation is deleted");
    assert_eq!(world.posts_in(1, &nothing).await, [6]);
}

/// The cursors were moved back, as in a crash or a failover that lost the last moments.
#[tokio::test]
async fn a_store_that_lost_the_last_moments_is_noticed() {
    let world = World::new("moments").await;
    world.tell(&[posted(5, 5, 1), follow(6, 1, 2, true)]).await;
    let cursors = world.prefix.keys("g:").into_iter().filter(|key| key.ends_with(b":cursors"));
    for key in cursors {
        let _: () =
            redis::cmd("HSET").arg(key).arg("log").arg("3").query(&mut world.prefix.connection()).unwrap();
    }
    switched(world.apply(&Shard::whole(), projection::POSTS, &[posted(7, 7, 1)], 7).await);
    assert_eq!(world.cursor("posts").await.position, 3);
    world.apply(&Shard::whole(), projection::POSTS, &[posted(5, 5, 1), posted(7, 7, 1)], 7).await.unwrap();
    assert_eq!(world.posts_in(1, &Known::default()).await, [7, 5]);
}

/// In a database of its own, which is emptied.
#[tokio::test]
async fn a_store_that_lost_everything_is_filled_again() {
    let mut world = World::new("flush").await;
    let (server, _) = world.prefix.url.rsplit_once('/').unwrap();
    world.prefix.url = format!("{server}/9");
    world.views = RedisViews::open(world.prefix.options()).await.unwrap();
    let changes = [follow(1, 1, 2, true), posted(2, 2, 2), posted(3, 3, 2)];
    let known = Known::of(&changes);
    world.tell(&changes).await;
    assert_eq!(world.posts_in(1, &known).await, [3, 2]);
    let _: () = redis::cmd("FLUSHDB").query(&mut world.prefix.connection()).unwrap();
    let pairs = [("posts", Shard::whole())];
    assert_eq!(world.views.applied(&pairs).await.unwrap(), 0);
    let page = world.views.timeline_from(crate::world::user(1), None, 5, &known).await.unwrap();
    assert_eq!(page, None, "nothing is live: PostgreSQL answers");
    let more = [posted(4, 4, 2)];
    known.learn(&more);
    switched(world.apply(&Shard::whole(), projection::POSTS, &more, 4).await);
    switched(world.views.advance("graph", Generation::Live, &Shard::whole(), ShardCursor::at(4)).await);
    for projection in ["posts", "graph"] {
        assert_eq!(world.cursor(projection).await, ShardCursor::default());
    }
    assert_eq!(world.posts_in(1, &known).await, [4, 3, 2], "timelines come back by themselves");
    // The log is told again, with something new at its end.
    let again = [&changes[..], &more, &[posted(5, 5, 2)]].concat();
    world.tell(&again).await;
    assert_eq!(world.posts_in(1, &known).await, [5, 4, 3, 2]);
    let nothing = Known::default();
    assert_eq!(world.posts_in(2, &nothing).await, [5, 4, 3, 2], "what PostgreSQL does not know Redis does");
    let _: () = redis::cmd("FLUSHDB").query(&mut world.prefix.connection()).unwrap();
}
