//! Posts reach the timelines of those who follow.

use nova_distributed::shard::Shard;
use nova_views::{Change, projection};

use crate::world::{Known, World, follow, posted, user};

#[tokio::test]
async fn posts_reach_their_author_and_the_followers_who_have_a_timeline() {
    let world = World::new("fan").await;
    let changes = [follow(1, 1, 2, true), follow(2, 3, 2, true), posted(3, 10, 2)];
    let known = Known::of(&changes);
    world.tell(&changes).await;
    assert!(!world.has_timeline(1).await);
    for viewer in [1, 2] {
        assert_eq!(world.posts_in(viewer, &known).await, [10]);
    }
    world.tell(&[posted(4, 12, 2), posted(5, 11, 2)]).await;
    let nothing = Known::default();
    for viewer in [1, 2] {
        assert_eq!(world.posts_in(viewer, &nothing).await, [12, 11, 10], "in order, without asking anyone");
    }
    assert!(!world.has_timeline(3).await, "nobody has asked for it");
    assert_eq!(world.posts_in(4, &nothing).await, [0u32; 0], "who follows nobody has a timeline too");
}

#[tokio::test]
async fn whoever_follows_gets_what_was_posted_before_and_a_timeline_keeps_its_cap() {
    let world = World::new("merge").await;
    let nothing = Known::default();
    world.tell(&(0..15).map(|n| posted(u64::from(n) + 1, 2 * n, 2)).collect::<Vec<_>>()).await;
    world.tell(&(0..15).map(|n| posted(u64::from(n) + 20, 2 * n + 1, 3)).collect::<Vec<_>>()).await;
    assert_eq!(world.posts_in(1, &nothing).await, [0u32; 0]);
    world.tell(&[follow(40, 1, 2, true)]).await;
    let (all, complete) = world.timeline(1, &nothing).await;
    assert_eq!((all.len(), complete), (15, true));
    world.tell(&[follow(41, 1, 3, true)]).await;
    let (all, complete) = world.timeline(1, &nothing).await;
    assert!(!complete, "what was cut off is not claimed");
    let posts: Vec<u32> = all.iter().map(|(_, id)| crate::world::number_of(*id)).collect();
    assert_eq!(posts, (10..30).rev().collect::<Vec<_>>());
}

/// So many that one call of a script is not enough.
#[tokio::test]
async fn a_fan_out_of_many_batches_reaches_everybody() {
    let world = World::with("batches", |options| options.fan_out_batch_followers = 7).await;
    let (nothing, followers) = (Known::default(), 300);
    for n in 0..followers {
        assert_eq!(world.posts_in(100 + n, &nothing).await, [0u32; 0]);
    }
    world.tell(&(0..followers).map(|n| follow(u64::from(n) + 1, 100 + n, 2, true)).collect::<Vec<_>>()).await;
    world.tell(&(0..9).map(|n| posted(u64::from(n) + 1_000, n, 2)).collect::<Vec<_>>()).await;
    for n in 0..followers {
        assert_eq!(world.posts_in(100 + n, &nothing).await, (0..9).rev().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn edges_hold_their_version() {
    let world = World::new("edges").await;
    let nothing = Known::default();
    assert_eq!(world.posts_in(1, &nothing).await, [0u32; 0]);
    world.tell(&[follow(5, 1, 2, false)]).await;
    world.tell(&[follow(4, 1, 2, true)]).await;
    world.tell(&[posted(6, 1, 2)]).await;
    assert_eq!(world.posts_in(1, &nothing).await, [0u32; 0], "what is older changes nothing");
    world.tell(&[follow(7, 1, 2, true)]).await;
    assert_eq!(world.posts_in(1, &nothing).await, [1]);
    world.tell(&[follow(5, 1, 2, false)]).await;
    world.tell(&[posted(8, 2, 2)]).await;
    assert_eq!(world.posts_in(1, &nothing).await, [2, 1]);
    world.tell(&[follow(9, 1, 2, false), posted(10, 3, 2)]).await;
    assert_eq!(world.posts_in(1, &nothing).await, [2, 1], "no more of theirs comes");
}

/// With 4 followers at most; 3 is three quarters.
#[tokio::test]
async fn posts_of_celebrities_are_merged_when_they_are_read() {
    let world = World::with("celebrity", |options| options.fan_out_followers_max = 4).await;
    let nothing = Known::default();
    for viewer in 1..8 {
        assert_eq!(world.posts_in(viewer, &nothing).await, [0u32; 0]);
    }
    let celebrities = |expected: usize| {
        let keys = world.prefix.keys("g:").into_iter().filter(|key| key.ends_with(b":celebrities"));
        assert_eq!(keys.count(), expected);
    };
    world.tell(&(1..5).map(|n| follow(u64::from(n), n, 9, true)).collect::<Vec<_>>()).await;
    world.tell(&[posted(10, 10, 9)]).await;
    celebrities(0);
    // The fifth crosses the threshold. Nothing is written to the timelines any more, and everything is in them.
    world.tell(&[follow(11, 5, 9, true), posted(12, 12, 9), posted(13, 11, 5)]).await;
    celebrities(1);
    assert_eq!(world.posts_in(5, &nothing).await, [12, 11, 10]);
    for viewer in 1..5 {
        assert_eq!(world.posts_in(viewer, &nothing).await, [12, 10]);
    }
    assert_eq!(world.posts_in(6, &nothing).await, [0u32; 0], "who does not follow does not see it");
    assert_eq!(world.posts_in(9, &nothing).await, [12, 10], "their own timeline has it");
    // Back below: what was never written to the timelines is now.
    world.tell(&[follow(20, 5, 9, false), follow(21, 4, 9, false)]).await;
    celebrities(1);
    world.tell(&[follow(22, 3, 9, false)]).await;
    celebrities(0);
    world.tell(&[posted(23, 13, 9)]).await;
    for viewer in [1, 2] {
        assert_eq!(world.posts_in(viewer, &nothing).await, [13, 12, 10]);
    }
}

/// More posts while a celebrity than are kept: the rest is left to PostgreSQL, and said to be.
#[tokio::test]
async fn what_a_celebrity_posted_beyond_the_cap_is_not_claimed() {
    let world = World::with("celebrity", |options| options.fan_out_followers_max = 1).await;
    let nothing = Known::default();
    assert!(world.timeline(1, &nothing).await.1);
    world.tell(&[follow(1, 1, 9, true), follow(2, 2, 9, true), posted(3, 0, 8)]).await;
    world.tell(&(0..50).map(|n| posted(u64::from(n) + 10, n + 1, 9)).collect::<Vec<_>>()).await;
    let check = async || {
        let (all, complete) = world.timeline(1, &nothing).await;
        assert!(!complete && all.len() >= 20);
        let newest: Vec<u32> = all.iter().map(|(_, id)| crate::world::number_of(*id)).collect();
        assert_eq!(newest, (51 - newest.len() as u32..51).rev().collect::<Vec<_>>());
    };
    check().await;
    world.tell(&[follow(90, 2, 9, false), follow(91, 1, 9, false), follow(92, 1, 9, true)]).await;
    check().await;
}

#[tokio::test]
async fn timelines_go_when_nobody_reads_them() {
    let world = World::with("ttl", |options| options.timeline_ttl_ms = 100_000).await;
    let nothing = Known::default();
    world.posts_in(1, &nothing).await;
    let timelines = world.prefix.keys("t:");
    assert_eq!(timelines.len(), 1);
    let left =
        || -> i64 { redis::cmd("PTTL").arg(&timelines[0]).query(&mut world.prefix.connection()).unwrap() };
    assert!((90_000..=100_000).contains(&left()));
    let _: () =
        redis::cmd("PEXPIRE").arg(&timelines[0]).arg(5_000).query(&mut world.prefix.connection()).unwrap();
    let shard = Shard::whole();
    let own: [Change; 1] = [posted(5, 5, 1)];
    world.apply(&shard, projection::POSTS, &own, 5).await.unwrap();
    assert!(left() <= 5_000, "what is written to it does not keep it");
    assert_eq!(world.views.timeline(user(1), None, 5).await.unwrap().unwrap().places.len(), 1);
    assert!(left() > 90_000, "reading does");
}

/// Pages that end among posts of one millisecond: Redis has those in the other order.
#[tokio::test]
async fn posts_of_one_millisecond_are_not_lost_between_pages() {
    let world = World::new("ties").await;
    let nothing = Known::default();
    assert_eq!(world.posts_in(2, &nothing).await, [0u32; 0]);
    let at_once = |n: u32| {
        let mut change = posted(u64::from(n) + 1, n, 2);
        if let nova_views::What::Post { created_at, .. } = &mut change.what {
            *created_at = nova_events::envelope::time_of_ms(crate::world::BEGIN_MS + i64::from(n / 5));
        }
        change
    };
    world.tell(&(0..20).map(at_once).collect::<Vec<_>>()).await;
    let at_ms = |n: u32| crate::world::BEGIN_MS + i64::from(n / 5);
    let mut all: Vec<_> = (0..20).map(|n| (at_ms(n), crate::world::post(n).0)).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    for limit in 1..=12 {
        let (mut seen, mut behind) = (Vec::<(i64, uuid::Uuid)>::new(), None);
        loop {
            let page = world.views.timeline(user(2), behind, limit).await.unwrap().unwrap();
            seen.extend(&page.places);
            behind = page.places.last().copied();
            if page.places.len() < limit {
                break;
            }
        }
        assert_eq!(seen, all, "{limit} at a time");
    }
}
