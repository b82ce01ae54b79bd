//! Posts, comments, timelines.

use nova_events::MediaId;
use nova_events::media::MediaKind;
use nova_events::post::Visibility;
use nova_views::{Lookup, MediaRef, PageRequest, ViewError};

use super::{Ports, all_pages};
use crate::story::{Story, comment, post, user};

pub async fn a_post_is_seen_as_its_visibility_says<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3]);
    story.follow(2, 1);
    story.publish_to(1, 1, "public", Visibility::Public);
    story.publish_to(2, 1, "followers", Visibility::Followers);
    story.publish_to(3, 1, "private", Visibility::Private);
    ports.tell(&story).await;
    for (viewer, seen) in [(1, vec![3, 2, 1]), (2, vec![2, 1]), (3, vec![1])] {
        for n in 1..=3 {
            let found = ports.reader.post(user(viewer), post(n)).await.unwrap().value;
            assert_eq!(matches!(found, Lookup::Found(_)), seen.contains(&n), "{viewer} and {n}");
            assert_ne!(found, Lookup::Gone);
            let comments = ports.reader.comments(user(viewer), post(n), PageRequest::first(5)).await.unwrap();
            assert_eq!(matches!(comments.value, Lookup::Found(_)), seen.contains(&n));
        }
        let of = ports.reader.posts_of(user(viewer), user(1), PageRequest::first(5)).await.unwrap().value;
        let ids: Vec<_> = of.found().unwrap().items.iter().map(|card| card.id).collect();
        assert_eq!(ids, seen.iter().map(|n| post(*n)).collect::<Vec<_>>());
        let found = ports.reader.search(user(viewer), "public", PageRequest::first(5)).await.unwrap().value;
        assert_eq!(found.items.len(), 1);
        let found = ports.reader.search(user(viewer), "private", PageRequest::first(5)).await.unwrap().value;
        assert_eq!(found.items.len(), usize::from(viewer == 1));
    }
    let before = story.head();
    story.unfollow(2, 1);
    ports.tell_from(&story, before).await;
    assert_eq!(ports.reader.post(user(2), post(2)).await.unwrap().value, Lookup::Unknown);
}

pub async fn a_post_shows_its_media_until_it_is_gone<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    let media = [(MediaId::make(), MediaKind::Image), (MediaId::make(), MediaKind::Video)];
    story.publish_media(1, 1, &media);
    story.publish(2, 1, "words alone");
    ports.tell(&story).await;
    let expected: Vec<_> = media.iter().map(|(id, kind)| MediaRef::new(*id, *kind)).collect();
    assert_eq!(expected[1].url, format!("/api/v1/media/{}", media[1].0));
    let card = ports.reader.post(user(2), post(1)).await.unwrap().value.found().unwrap();
    assert_eq!((&*card.media, &*card.text), (&*expected, ""));
    let of = ports.reader.posts_of(user(2), user(1), PageRequest::first(5)).await.unwrap().value;
    let shown: Vec<_> = of.found().unwrap().items.iter().map(|card| card.media.len()).collect();
    assert_eq!(shown, [0, 2]);
    let before = story.head();
    story.delete(1);
    ports.tell_from(&story, before).await;
    assert_eq!(ports.reader.post(user(2), post(1)).await.unwrap().value, Lookup::Gone);
}

pub async fn deleted_posts_are_gone_and_unknown_ones_unknown<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.publish(1, 1, "before");
    story.edit(1, "after");
    story.publish_to(2, 1, "secret", Visibility::Private);
    ports.tell(&story).await;
    let card = ports.reader.post(user(2), post(1)).await.unwrap().value.found().unwrap();
    assert_eq!(
        (&*card.text, card.edited_at.is_some(), card.author.handle.as_str()),
        ("after", true, "person_1")
    );
    let before = story.head();
    story.delete(1);
    story.delete(2);
    ports.tell_from(&story, before).await;
    let look = async |viewer: u32, n: u32| ports.reader.post(user(viewer), post(n)).await.unwrap().value;
    assert_eq!(look(2, 1).await, Lookup::Gone);
    assert_eq!(look(1, 2).await, Lookup::Gone);
    assert_eq!(look(2, 2).await, Lookup::Unknown, "that it was there is not theirs to know");
    assert_eq!(look(2, 9).await, Lookup::Unknown);
    let before = story.head();
    story.restore(1);
    ports.tell_from(&story, before).await;
    assert_eq!(&*look(2, 1).await.found().unwrap().text, "after");
}

pub async fn a_purged_post_does_not_come_back<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    story.publish(1, 1, "unique words");
    story.delete(1);
    story.purge(1);
    ports.tell(&story).await;
    ports.tell(&story).await;
    assert_eq!(ports.reader.post(user(1), post(1)).await.unwrap().value, Lookup::Gone);
    let found = ports.reader.search(user(1), "unique", PageRequest::first(5)).await.unwrap().value;
    assert_eq!(found.items, []);
    let to_purge = ports.reader.purgeable_posts(story.now(), 10).await.unwrap();
    assert_eq!(to_purge, []);
}

pub async fn counts_follow_the_edges<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..6);
    story.publish(1, 1, "counted");
    for n in 2..6 {
        story.like(n, 1);
        story.comment(n, 1, n, "hello");
        story.like_comment(1, n);
    }
    story.unlike(3, 1);
    story.unlike(4, 1);
    story.like(4, 1);
    story.delete_comment(2);
    story.delete_comment(3);
    story.restore_comment(3);
    ports.tell(&story).await;
    ports.tell(&story).await;
    let card = ports.reader.post(user(3), post(1)).await.unwrap().value.found().unwrap();
    assert_eq!((card.like_count, card.comment_count, card.share_count), (3, 3, 0));
    assert!(!card.liked_by_viewer);
    assert!(ports.reader.post(user(4), post(1)).await.unwrap().value.found().unwrap().liked_by_viewer);
    let before = story.head();
    story.like(3, 1);
    ports.tell_from(&story, before).await;
    let card = ports.reader.post(user(3), post(1)).await.unwrap().value.found().unwrap();
    assert_eq!((card.like_count, card.liked_by_viewer), (4, true));
    let comments = ports.reader.comments(user(1), post(1), PageRequest::first(9)).await.unwrap().value;
    assert!(comments.found().unwrap().items.iter().all(|c| c.like_count == 1 && c.liked_by_viewer));
}

pub async fn comments_are_listed_oldest_first<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.publish(1, 1, "discussed");
    story.publish(2, 1, "not discussed");
    for n in 1..8 {
        story.answer(n, 1, (n > 3).then(|| n - 3), 1 + n % 2, "a thought");
    }
    story.edit_comment(3, "a better thought");
    story.delete_comment(5);
    ports.tell(&story).await;
    let reader = &ports.reader;
    let comments =
        all_pages(2, async |page| Ok(reader.comments(user(2), post(1), page).await?.value.found().unwrap()))
            .await;
    assert_eq!(comments.iter().map(|c| c.id).collect::<Vec<_>>(), [1, 2, 3, 4, 6, 7].map(comment));
    assert_eq!((&*comments[2].text, comments[2].edited_at.is_some()), ("a better thought", true));
    assert_eq!(comments[3].parent_comment_id, Some(comment(1)));
    let none = reader.comments(user(2), post(2), PageRequest::first(5)).await.unwrap().value;
    assert_eq!(none.found().unwrap().items, []);
    let unknown = reader.comments(user(2), post(3), PageRequest::first(5)).await.unwrap().value;
    assert_eq!(unknown, Lookup::Unknown);
}

pub async fn the_posts_of_someone_are_listed_newest_first<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    for n in 1..10 {
        story.publish(n, 1 + n % 2, "post");
    }
    story.delete(5);
    // Two of one instant: the higher id comes first.
    story.at_ms -= 1_000;
    story.publish(11, 2, "twin");
    story.at_ms -= 1_000;
    story.publish(13, 2, "twin");
    ports.tell(&story).await;
    let reader = &ports.reader;
    let cards =
        all_pages(2, async |page| Ok(reader.posts_of(user(1), user(2), page).await?.value.found().unwrap()))
            .await;
    let mut twins = [post(11), post(13)];
    twins.sort_by(|a, b| b.cmp(a));
    let expected = [twins[0], twins[1], post(9), post(7), post(3), post(1)];
    assert_eq!(cards.iter().map(|card| card.id).collect::<Vec<_>>(), expected);
}

pub async fn the_timeline_has_what_followees_and_oneself_posted<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3, 4]);
    story.follow(1, 2);
    story.follow(1, 3);
    for n in 1..13 {
        let visibility = if n % 6 == 0 { Visibility::Private } else { Visibility::Followers };
        story.publish_to(n, 1 + n % 4, "post", visibility);
    }
    ports.tell(&story).await;
    let timeline = async |limit: usize| -> Vec<_> {
        let cards =
            all_pages(limit, async |page| Ok(ports.reader.timeline(user(1), page).await?.value)).await;
        cards.iter().map(|card| card.id).collect()
    };
    let expect = |numbers: &[u32]| numbers.iter().map(|n| post(*n)).collect::<Vec<_>>();
    assert_eq!(timeline(3).await, expect(&[12, 10, 9, 8, 5, 4, 2, 1]).as_slice().to_vec());
    // What happens after it was read is seen the next time.
    let before = story.head();
    story.publish(20, 2, "new");
    story.publish(21, 4, "not followed");
    story.publish(22, 1, "own");
    story.delete(10);
    story.follow(1, 4);
    story.unfollow(1, 3);
    ports.tell_from(&story, before).await;
    assert_eq!(timeline(3).await, expect(&[22, 21, 20, 12, 11, 9, 8, 7, 5, 4, 3, 1]));
    let before = story.head();
    story.restore(10);
    story.follow(1, 3);
    ports.tell_from(&story, before).await;
    assert_eq!(timeline(5).await, expect(&[22, 21, 20, 12, 11, 10, 9, 8, 7, 5, 4, 3, 2, 1]));
    // Something old that comes late is where its time puts it.
    let (before, now) = (story.head(), story.at_ms);
    story.at_ms = crate::story::BEGIN_MS - 5_000;
    story.publish(30, 3, "imported");
    story.at_ms = now;
    ports.tell_from(&story, before).await;
    assert_eq!(timeline(5).await.last(), Some(&post(30)));
}

pub async fn a_timeline_goes_deep<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(0..20);
    (1..20).for_each(|n| story.follow(0, n));
    for n in 0..1_500 {
        story.publish(n, 1 + n % 19, "deep");
    }
    ports.tell(&story).await;
    let cards = all_pages(100, async |page| Ok(ports.reader.timeline(user(0), page).await?.value)).await;
    assert_eq!(
        cards.iter().map(|card| card.id).collect::<Vec<_>>(),
        (0..1_500).rev().map(post).collect::<Vec<_>>()
    );
    let before = story.head();
    (0..9_000).for_each(|n| story.publish(2_000 + n, 1 + n % 19, "wave"));
    ports.tell_from(&story, before).await;
    let first = ports.reader.timeline(user(0), PageRequest::first(3)).await.unwrap().value.items;
    assert_eq!(first.iter().map(|c| c.id).collect::<Vec<_>>(), [10_999, 10_998, 10_997].map(post));
}

pub async fn cursors_are_stable_while_things_are_inserted<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.follow(1, 2);
    (1..8).for_each(|n| story.publish(n, 2, "steady words"));
    ports.tell(&story).await;
    let reader = &ports.reader;
    let timeline = reader.timeline(user(1), PageRequest::first(3)).await.unwrap().value;
    let found = reader.search(user(1), "steady", PageRequest::first(3)).await.unwrap().value;
    let before = story.head();
    (10..15).for_each(|n| story.publish(n, 2, "steady words"));
    ports.tell_from(&story, before).await;
    let next = PageRequest { cursor: timeline.next, limit: 10, after: 0 };
    let rest = reader.timeline(user(1), next).await.unwrap().value;
    assert_eq!(rest.items.iter().map(|c| c.id).collect::<Vec<_>>(), [4, 3, 2, 1].map(post));
    assert_eq!(rest.next, None);
    let next = PageRequest { cursor: found.next, limit: 10, after: 0 };
    let rest = reader.search(user(1), "steady", next).await.unwrap().value;
    let mut seen: Vec<_> = found.items.iter().chain(&rest.items).map(|c| c.id).collect();
    seen.sort_unstable();
    let mut expected: Vec<_> = (1..8).map(post).collect();
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

pub async fn cursors_of_other_lists_are_refused<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.follow(1, 2);
    (1..5).for_each(|n| story.publish(n, 2, "post"));
    ports.tell(&story).await;
    let reader = &ports.reader;
    let cursor = reader.timeline(user(1), PageRequest::first(1)).await.unwrap().value.next;
    assert!(cursor.is_some());
    let page = PageRequest { cursor, limit: 1, after: 0 };
    let refused =
        |error: Option<ViewError>| assert!(matches!(error, Some(ViewError::BadCursor)), "{error:?}");
    refused(reader.feed(user(1), page.clone(), story.now()).await.err());
    refused(reader.trending(user(1), page.clone(), story.now()).await.err());
    refused(reader.posts_of(user(1), user(2), page.clone()).await.err());
    refused(reader.comments(user(1), post(1), page.clone()).await.err());
    refused(reader.conversations(user(1), page.clone()).await.err());
    refused(reader.search(user(1), "post", page.clone()).await.err());
    refused(reader.discover(user(1), page.clone(), story.now()).await.err());
    refused(reader.deletions(nova_views::DeletionQuery::default(), page).await.err());
}

pub async fn nothing_is_dated_after_it_was_recorded<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.follow(1, 2);
    story.publish(1, 2, "said to be from 2099");
    let year_2099_ms = 4_070_908_800_000;
    let recorded_at = story.now();
    story.events.last_mut().unwrap().meta.occurred_at_ms = year_2099_ms;
    story.like(1, 1);
    story.publish(2, 2, "newer");
    story.like(1, 2);
    ports.tell(&story).await;
    let page = || PageRequest::first(5);
    let timeline = ports.reader.timeline(user(1), page()).await.unwrap().value.items;
    assert_eq!(timeline.iter().map(|card| card.id).collect::<Vec<_>>(), [2, 1].map(post));
    assert_eq!(timeline[1].created_at, recorded_at);
    let feed = ports.reader.feed(user(1), page(), story.now()).await.unwrap().value.items;
    assert_eq!(feed.iter().map(|item| item.card.id).collect::<Vec<_>>(), [2, 1].map(post));
    let trending = ports.reader.trending(user(1), page(), story.now()).await.unwrap().value.items;
    assert_eq!(trending.iter().map(|card| card.id).collect::<Vec<_>>(), [2, 1].map(post));
}
