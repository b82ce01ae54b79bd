//! Steps that come twice, late, or from someone who lost the shard.

use std::sync::Arc;

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::redis::RedisViews;
use nova_views::{Apply, DeadLetter, Generation, ViewError, projection};

use crate::world::{Known, World, follow, posted, step};

#[tokio::test]
async fn redelivered_overlapping_and_late_steps_change_only_what_is_new() {
    let world = World::new("again").await;
    let (shard, nothing) = (Shard::whole(), Known::default());
    world.posts_in(1, &nothing).await;
    let changes = [follow(1, 1, 2, true), posted(2, 2, 2), follow(3, 1, 2, false), posted(4, 4, 2)];
    for _ in 0..2 {
        world.tell(&changes).await;
    }
    assert_eq!(world.posts_in(1, &nothing).await, [0u32; 0], "the edge was off again before the posts came");
    // Half of it again, with something new behind it.
    world.tell(&[changes[2].clone(), changes[3].clone(), follow(5, 1, 2, true), posted(6, 6, 2)]).await;
    assert_eq!(world.posts_in(1, &nothing).await, [6, 4, 2]);
    // Something that had been parked: older than the cursor, and new all the same.
    world.apply(&shard, projection::POSTS, &[posted(3, 3, 2)], 6).await.unwrap();
    assert_eq!(world.posts_in(1, &nothing).await, [6, 4, 3, 2]);
    assert_eq!(world.cursor("posts").await.position, 6);
}

/// Another process took the shard over and is further.
#[tokio::test]
async fn a_zombie_changes_nothing() {
    let world = World::new("zombie").await;
    let nothing = Known::default();
    world.posts_in(1, &nothing).await;
    world.tell(&[follow(1, 1, 2, true)]).await;
    let other = RedisViews::open(world.prefix.options()).await.unwrap();
    let shard = Shard::whole();
    assert_eq!(other.cursor("graph", Generation::Live, &shard).await.unwrap().position, 1);
    let ahead = step(projection::GRAPH, &[follow(2, 1, 2, false), follow(3, 1, 2, true)], 3);
    other.apply(&shard, ahead, ShardCursor { position: 3, offset: Some(30), mark: None }).await.unwrap();
    world.apply(&shard, projection::GRAPH, &[follow(2, 1, 2, false)], 2).await.unwrap();
    assert_eq!(world.cursor("graph").await, ShardCursor { position: 3, offset: Some(30), mark: None });
    world.tell(&[posted(4, 4, 2)]).await;
    assert_eq!(world.posts_in(1, &nothing).await, [4], "the edge is as the other one left it");
}

#[tokio::test]
async fn offsets_are_kept_with_their_position() {
    let world = World::new("offsets").await;
    let shard = Shard::of_partition("post", 3);
    let views = &world.views;
    let cursor = async || views.cursor("posts", Generation::Live, &shard).await.unwrap();
    assert_eq!(cursor().await, ShardCursor::default());
    let at = |position, offset| ShardCursor { position, offset, mark: None };
    views.advance("posts", Generation::Live, &shard, at(0, Some(1))).await.unwrap();
    assert_eq!(cursor().await, ShardCursor::default(), "nothing is kept of position 0");
    for (told, kept) in [
        (at(5, Some(2)), at(5, Some(2))),
        (at(4, Some(9)), at(5, Some(2))),
        (at(5, None), at(5, Some(2))),
        (at(7, None), at(7, None)),
        (at(7, Some(3)), at(7, Some(3))),
    ] {
        views.advance("posts", Generation::Live, &shard, told).await.unwrap();
        assert_eq!(cursor().await, kept);
    }
    let pairs = [("posts", shard.clone()), ("posts", Shard::of_partition("post", 4))];
    assert_eq!(views.applied(&pairs[..1]).await.unwrap(), 7);
    assert_eq!(views.applied(&pairs).await.unwrap(), 0, "a shard without a cursor counts as 0");
}

fn letter(stream: &str, position: u64) -> DeadLetter {
    DeadLetter {
        projection: "posts".to_owned(),
        stream: stream.to_owned(),
        position,
        kind: "PostPublished".to_owned(),
        error: "not of its shape".to_owned(),
        parked_at: nova_events::envelope::time_of_ms(1_000),
    }
}

#[tokio::test]
async fn dead_letters_are_kept_until_they_are_redriven() {
    let world = World::new("letters").await;
    let (views, shard, nothing) = (&world.views, Shard::whole(), Known::default());
    world.posts_in(2, &nothing).await;
    let parked = |letters: Vec<DeadLetter>, redriven: &[&str], changes: &[nova_views::Change]| {
        let redriven = redriven.iter().map(|stream| (*stream).to_owned()).collect();
        let step = (*step(projection::POSTS, changes, 9)).clone();
        Arc::new(Apply { dead_letters: letters, redriven, ..step })
    };
    let at = ShardCursor::at(9);
    let letters = vec![letter("post-a", 3), letter("post-b", 4), letter("post-a", 9)];
    for _ in 0..2 {
        views.apply(&shard, parked(letters.clone(), &[], &[posted(5, 5, 2)]), at).await.unwrap();
    }
    assert_eq!(views.dead_letters(Some("posts"), 0, 10).await.unwrap(), letters);
    assert_eq!(views.dead_letters(None, 3, 1).await.unwrap(), letters[1..2]);
    let status = views.status().await.unwrap();
    assert_eq!((status[0].name.as_str(), status[0].dead_letters, status[0].parked_streams), ("posts", 3, 2));
    // One of the two is projected now, the other one fails again.
    let again = parked(vec![letter("post-a", 9)], &["post-a"], &[posted(3, 3, 2)]);
    views.apply(&shard, again, at).await.unwrap();
    let left = views.dead_letters(Some("posts"), 0, 10).await.unwrap();
    assert_eq!(left.iter().map(|letter| letter.position).collect::<Vec<_>>(), [4, 9]);
    assert_eq!(world.posts_in(2, &nothing).await, [5, 3]);
    let unknown = views.dead_letters(Some("engagement"), 0, 1).await;
    assert!(matches!(unknown, Err(ViewError::UnknownProjection(_))));
}
