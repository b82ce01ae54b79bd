//! What readers that are put together of several stores use.

use std::collections::HashSet;

use nova_distributed::views::postgres::PostgresViews;
use nova_events::PostId;
use nova_events::post::Visibility;
use nova_testkit::story::{Story, post, user};
use nova_views::{FeedReason, PageRequest, ViewReader, ranking};

use crate::{database, open, options, ports};

#[tokio::test]
async fn cards_come_in_the_order_asked_and_only_what_may_be_seen() {
    let database = database().await;
    let views = open(&database, options()).await;
    let mut story = Story::of([1, 2, 3, 4, 5]);
    story.follow(1, 2);
    for (n, author) in [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (6, 2), (7, 3)] {
        let visibility = if n >= 6 { Visibility::Followers } else { Visibility::Public };
        story.publish_to(n, author, "text", visibility);
    }
    story.like(1, 2);
    story.block(4, 1);
    story.deactivate(5);
    story.publish(8, 2, "deleted");
    story.delete(8);
    ports(&views).tell(&story).await;
    let asked = [7, 2, 8, 1, 4, 99, 3, 6, 5].map(post);
    let cards = views.cards(user(1), &asked).await.unwrap();
    assert_eq!(cards.iter().map(|card| card.id).collect::<Vec<_>>(), [2, 1, 6, 5].map(post));
    assert_eq!(
        cards.iter().map(|card| card.liked_by_viewer).collect::<Vec<_>>(),
        [true, false, false, false]
    );
    assert_eq!(views.cards(user(1), &[]).await.unwrap(), []);
    let mut followed = [user(2)].to_vec();
    assert_eq!(views.followees(user(1)).await.unwrap(), followed);
    story.follow(1, 3);
    ports(&views).tell(&story).await;
    followed.push(user(3));
    followed.sort_unstable();
    assert_eq!(views.followees(user(1)).await.unwrap(), followed);
}

/// All places, `limit` at a time.
async fn places(views: &PostgresViews, viewer: u32, limit: usize) -> Vec<PostId> {
    let (mut before, mut all) = (None, Vec::new());
    loop {
        let places = views.timeline_places(user(viewer), before, limit).await.unwrap();
        all.extend(places.iter().map(|(_, post)| *post));
        before = places.last().copied();
        if places.len() < limit {
            return all;
        }
    }
}

/// Whoever follows many finds the newest among everybody's, and what is deeper among each author's.
#[tokio::test]
async fn the_places_of_a_timeline_are_the_same_however_they_are_found() {
    let database = database().await;
    let views = open(&database, options()).await;
    let mut story = Story::of(0..120);
    // 1 follows 50, 2 follows 3 of them.
    (10..60).for_each(|n| story.follow(1, n));
    (10..13).for_each(|n| story.follow(2, n));
    let mut expected = Vec::new();
    let mut say = |story: &mut Story, n: u32, author: u32| {
        let visibility = match n % 5 {
            0 => Visibility::Followers,
            1 => Visibility::Private,
            _ => Visibility::Public,
        };
        story.publish_to(n, author, "text", visibility);
        let own = author == 1;
        if own || ((10..60).contains(&author) && n % 5 != 1 && author != 20 && author != 21) {
            expected.push(post(n));
        }
    };
    (0..90).for_each(|n| say(&mut story, n, 10 + n % 50));
    // Others, more than are looked at for one page.
    (100..2_100).for_each(|n| say(&mut story, n, 60 + n % 60));
    (3_000..3_200).for_each(|n| say(&mut story, n, if n % 3 == 0 { 10 + n % 50 } else { 60 + n % 60 }));
    (4_000..4_003).for_each(|n| say(&mut story, n, 1));
    story.block(20, 1);
    story.deactivate(21);
    expected.reverse();
    ports(&views).tell(&story).await;
    for limit in [7, 40, 500] {
        assert_eq!(places(&views, 1, limit).await, expected, "{limit} at a time");
    }
    let cards = views.timeline(user(1), PageRequest::first(100)).await.unwrap().value;
    assert_eq!(cards.items.iter().map(|card| card.id).collect::<Vec<_>>(), expected[..100]);
    let few: Vec<_> = places(&views, 2, 7).await;
    assert_eq!(few, places(&views, 2, 500).await);
    let followed: HashSet<_> = (10..13).map(user).collect();
    let cards = views.cards(user(2), &few).await.unwrap();
    assert!(few.len() > 3 && cards.len() == few.len());
    assert!(cards.iter().all(|card| followed.contains(&card.author.id)));
}

#[tokio::test]
async fn candidates_are_the_newest_and_no_more_than_ranking_takes() {
    let database = database().await;
    let views = open(&database, options()).await;
    let mut story = Story::of(1..12);
    (2..5).for_each(|n| story.follow(1, n));
    // Too old, then more than are taken of those whom 1 follows and of one whom 1 likes.
    story.publish(1, 2, "old");
    story.publish(2, 9, "old");
    story.like(1, 2);
    story.at_ms += ranking::FEED_AGE_MAX_MS;
    (1_000..1_600).for_each(|n| story.publish(n, 2 + n % 3, "followed"));
    (2_000..2_300).for_each(|n| story.publish(n, 9, "close"));
    (3_000..3_300).for_each(|n| {
        story.publish(n, 10, "trending");
        story.like(11, n);
    });
    story.publish(4_000, 1, "own");
    story.like(2, 4_000);
    ports(&views).tell(&story).await;
    let candidates = views.feed_candidates(user(1), story.now()).await.unwrap();
    let of = |reason: FeedReason| {
        let mut posts: Vec<_> = candidates
            .iter()
            .filter(|candidate| candidate.reason == reason)
            .map(|candidate| (candidate.created_at_ms, candidate.post))
            .collect();
        posts.sort_unstable();
        posts.into_iter().map(|(_, post)| post).collect::<Vec<_>>()
    };
    assert_eq!(of(FeedReason::Following), (1_100..1_600).map(post).collect::<Vec<_>>());
    assert_eq!(of(FeedReason::Affinity), (2_100..2_300).map(post).collect::<Vec<_>>());
    assert_eq!(
        of(FeedReason::Trending),
        (3_100..3_300).map(post).collect::<Vec<_>>(),
        "the newest score most"
    );
    let close = candidates.iter().find(|candidate| candidate.author == user(9)).unwrap();
    assert_eq!((close.interactions, close.engagement.likes), (1, 0));
    let trending = views.trending_candidates(story.now(), 5).await.unwrap();
    let newest = [post(4_000)].into_iter().chain((3_296..3_300).rev().map(post));
    assert_eq!(trending.iter().map(|post| post.post).collect::<Vec<_>>(), newest.collect::<Vec<_>>());
}
