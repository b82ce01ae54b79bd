//! The ranked feed, and what trends.

use nova_events::post::Visibility;
use nova_views::{FeedReason, PageRequest, ranking};

use super::model::Model;
use super::{Ports, all_pages};
use crate::story::{Story, post, user};

fn town() -> Story {
    let mut story = Story::of(1..16);
    for n in 2..9 {
        story.follow(1, n);
    }
    for n in 0..60 {
        let visibility = match n % 7 {
            0 => Visibility::Followers,
            3 => Visibility::Private,
            _ => Visibility::Public,
        };
        story.publish_to(n, 1 + n % 15, "town", visibility);
        story.at_ms += 3 * 3_600_000;
        for liker in 0..n % 5 {
            story.like(1 + (n + liker * 3) % 15, n);
        }
        if n % 4 == 0 {
            story.comment(n, n, 1 + (n * 7) % 15, "indeed");
        }
    }
    // Someone popular whom 1 does not see.
    for liker in 1..16 {
        story.like(liker, 57);
    }
    story.block(13, 1);
    story.like(1, 13);
    story.like(1, 28);
    story.comment(100, 13, 1, "hello");
    story
}

pub async fn the_feed_is_the_ranking<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let story = town();
    ports.tell(&story).await;
    let model = Model::of(&story);
    for n in 1..16 {
        let feed =
            all_pages(4, async |page| Ok(ports.reader.feed(user(n), page, story.now()).await?.value)).await;
        let expected = model.feed(user(n), story.now().timestamp_millis());
        let found: Vec<_> = feed.iter().map(|item| (item.card.id, item.reason)).collect();
        let wanted: Vec<_> = expected.iter().map(|ranked| (ranked.post, ranked.reason)).collect();
        assert_eq!(found, wanted, "the feed of {n}");
        for (item, ranked) in feed.iter().zip(&expected) {
            assert!((item.score - ranked.score).abs() < 1e-9);
        }
        assert!(feed.iter().all(|item| item.card.author.id != user(n)));
    }
    let feed =
        all_pages(50, async |page| Ok(ports.reader.feed(user(1), page, story.now()).await?.value)).await;
    for reason in [FeedReason::Following, FeedReason::Affinity, FeedReason::Trending] {
        assert!(feed.iter().any(|item| item.reason == reason), "{reason:?} is in no feed");
    }
    let later = story.now() + chrono::TimeDelta::days(30);
    assert_eq!(ports.reader.feed(user(1), PageRequest::first(9), later).await.unwrap().value.items, []);
}

pub async fn a_feed_session_keeps_its_order_and_hides_what_was_hidden<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = town();
    ports.tell(&story).await;
    let now = story.now();
    let whole = all_pages(100, async |page| Ok(ports.reader.feed(user(1), page, now).await?.value)).await;
    let mut left: Vec<_> = whole.iter().map(|item| (item.card.id, item.card.author.id)).collect();
    let first = ports.reader.feed(user(1), PageRequest::first(3), now).await.unwrap().value;
    assert_eq!(first.items, whole[..3]);
    // New likes would reorder it; a deletion, a block and a new post come in between.
    let before = story.head();
    let deleted = (0..60).find(|n| post(*n) == left[4].0).unwrap();
    story.delete(deleted);
    let blocked = (1..16).find(|n| user(*n) == left[5].1).unwrap();
    story.block(blocked, 1);
    for n in 2..16 {
        story.like(n, 58);
        story.publish(200 + n, n, "later");
    }
    ports.tell_from(&story, before).await;
    let hidden = |(id, author): &(_, _)| *id == post(deleted) || *author == user(blocked);
    left.drain(..3);
    left.retain(|item| !hidden(item));
    let (mut cursor, mut rest) = (first.next, Vec::new());
    while cursor.is_some() {
        let page = ports
            .reader
            .feed(user(1), PageRequest { cursor, limit: 2, after: 0 }, story.now())
            .await
            .unwrap()
            .value;
        assert!(page.items.len() == 2 || page.next.is_none(), "pages are filled up");
        rest.extend(page.items.iter().map(|item| (item.card.id, item.card.author.id)));
        cursor = page.next;
    }
    assert_eq!(rest, left);
}

pub async fn trending_is_public_and_decays<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let story = town();
    ports.tell(&story).await;
    let model = Model::of(&story);
    let now_ms = story.now().timestamp_millis();
    for n in [1, 9] {
        let trending =
            all_pages(3, async |page| Ok(ports.reader.trending(user(n), page, story.now()).await?.value))
                .await;
        let ids: Vec<_> = trending.iter().map(|card| card.id).collect();
        let expected = model.trending(now_ms).into_iter().map(|p| p.post);
        let seen = expected.filter(|id| !model.apart(user(n), model.posts[id].author));
        assert_eq!(ids, seen.collect::<Vec<_>>());
        assert!(trending.iter().all(|card| card.visibility == Visibility::Public));
        assert!(trending.iter().all(|card| {
            card.created_at.timestamp_millis() >= now_ms - ranking::TRENDING_AGE_MAX_MS
                && card.like_count + card.comment_count > 0
        }));
    }
}
