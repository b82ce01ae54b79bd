//! Timelines that are put together while everything goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nova_distributed::views::redis::{RedisViews, TimelineKey, TimelineSource};
use nova_events::UserId;
use nova_views::ViewError;

use crate::world::{Known, World, follow, posted, user};

/// Counts how often it is asked, and takes its time.
struct Slow {
    known: Known,
    asked: AtomicUsize,
    fails: AtomicUsize,
}

#[async_trait::async_trait]
impl TimelineSource for Slow {
    async fn newest(&self, viewer: UserId, most: usize) -> Result<Vec<TimelineKey>, ViewError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let newest = self.known.newest(viewer, most).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        if self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(ViewError::Unavailable("on purpose".to_owned()));
        }
        newest
    }
}

fn slow(known: Known, fails: usize) -> Arc<Slow> {
    Arc::new(Slow { known, asked: AtomicUsize::new(0), fails: AtomicUsize::new(fails) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_is_put_together_once_however_many_ask() {
    let world = World::new("once").await;
    let other = RedisViews::open(world.prefix.options()).await.unwrap();
    let changes = [follow(1, 1, 2, true), posted(2, 2, 2)];
    world.tell(&changes).await;
    let source = slow(Known::of(&changes), 0);
    let asking: Vec<_> = (0..40)
        .map(|n| {
            let (views, source) =
                (if n % 2 == 0 { &world.views } else { &other }.clone(), Arc::clone(&source));
            tokio::spawn(
                async move { views.timeline_from(user(1), None, 5, &*source).await.unwrap().unwrap() },
            )
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.unwrap().places.len(), 1);
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn whoever_gave_up_does_not_keep_others_from_it_for_long() {
    let world = World::with("gave-up", |options| options.regeneration_ms = 400).await;
    let changes = [follow(1, 1, 2, true), posted(2, 2, 2)];
    world.tell(&changes).await;
    let source = slow(Known::of(&changes), 1);
    let failed = world.views.timeline_from(user(1), None, 5, &*source).await;
    assert!(matches!(failed, Err(ViewError::Unavailable(_))));
    assert!(!world.has_timeline(1).await, "what is not finished is not shown");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let page = world.views.timeline_from(user(1), None, 5, &*source).await.unwrap().unwrap();
    assert_eq!((page.places.len(), page.goes_on), (1, false));
}

/// PostgreSQL answers as of a moment; what Redis learned before it, and learns during it, must not be missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_meanwhile_is_in_it() {
    let world = World::new("meanwhile").await;
    // Redis is ahead: it knows of 2 and 3, and that 1 follows both.
    world.tell(&[follow(1, 1, 2, true), posted(2, 2, 2), follow(3, 1, 3, true), posted(4, 3, 3)]).await;
    // PostgreSQL is ahead with another one: 1 follows 4 and 4 has posted.
    let ahead = [follow(5, 1, 4, true), posted(6, 6, 4)];
    let source = slow(Known::of(&ahead), 0);
    let reading = {
        let (views, source) = (world.views.clone(), Arc::clone(&source));
        tokio::spawn(async move { views.timeline_from(user(1), None, 50, &*source).await.unwrap().unwrap() })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    // While PostgreSQL has answered and nothing is finished: a post, and a new edge to someone who has posted.
    world.tell(&[posted(7, 7, 2), posted(8, 8, 5), follow(9, 1, 5, true)]).await;
    let numbers = |places: &[TimelineKey]| -> Vec<u32> {
        places.iter().map(|(_, id)| crate::world::number_of(*id)).collect()
    };
    let page = reading.await.unwrap();
    assert_eq!((numbers(&page.places), page.goes_on), (vec![8, 7, 6, 3, 2], false));
}

/// As many as the cap: where PostgreSQL has more, the timeline says so.
#[tokio::test]
async fn what_is_older_than_the_cap_is_left_to_postgresql() {
    let world = World::new("cap").await;
    for (posts, complete) in [(20, true), (21, false), (90, false)] {
        let viewer = 100 + posts;
        let changes: Vec<_> =
            (0..posts).map(|n| posted(u64::from(n) + 1, posts * 1_000 + n, viewer)).collect();
        let known = Known::of(&changes);
        let (all, is_complete) = world.timeline(viewer, &known).await;
        assert_eq!((all.len(), is_complete), (20, complete), "{posts}");
        assert_eq!(all, known.timeline(user(viewer))[..20]);
    }
}
