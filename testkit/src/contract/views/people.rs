//! People and what stands between them.

use nova_views::{Lookup, PageRequest, ProfileKey};

use super::{Ports, all_pages};
use crate::story::{Story, conversation, handle, post, user};

pub async fn a_profile_shows_who_someone_is_and_how_they_stand<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3]);
    story.publish(1, 2, "one");
    story.publish(2, 2, "two");
    story.delete(1);
    story.follow(1, 2);
    story.follow(3, 2);
    story.follow(2, 1);
    story.unfollow(3, 2);
    ports.tell(&story).await;
    let profile = ports.reader.profile(user(1), ProfileKey::Id(user(2))).await.unwrap().value;
    let profile = profile.found().unwrap();
    assert_eq!(
        (profile.id, profile.handle.as_str(), profile.bio.as_deref()),
        (user(2), "person_2", Some("about 2"))
    );
    assert_eq!((profile.post_count, profile.follower_count, profile.following_count), (1, 1, 1));
    assert!(profile.followed_by_viewer && profile.follows_viewer);
    let own = ports.reader.profile(user(2), ProfileKey::Id(user(2))).await.unwrap().value.found().unwrap();
    assert!(!own.followed_by_viewer && !own.follows_viewer);
    let unknown = ports.reader.profile(user(1), ProfileKey::Id(user(9))).await.unwrap().value;
    assert_eq!(unknown, Lookup::Unknown);
}

pub async fn handles_lead_to_those_who_hold_them_now<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    story.change_profile(1, "new_name");
    story.register_as(2, &handle(1));
    ports.tell(&story).await;
    for (name, who) in [("new_name", Some(1)), (&handle(1), Some(2)), ("nobody", None), ("", None)] {
        let found = ports.reader.profile(user(3), ProfileKey::Handle(name.to_owned())).await.unwrap().value;
        assert_eq!(found.found().map(|profile| profile.id), who.map(user), "{name}");
    }
}

pub async fn a_closed_account_is_gone_with_all_it_wrote<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.follow(1, 2);
    story.follow(2, 1);
    story.publish(1, 2, "words of two");
    story.publish(2, 1, "words of one");
    story.comment(1, 2, 2, "a comment of two");
    story.deactivate(2);
    ports.tell(&story).await;
    let reader = &ports.reader;
    assert_eq!(reader.profile(user(1), ProfileKey::Id(user(2))).await.unwrap().value, Lookup::Gone);
    assert_eq!(reader.post(user(1), post(1)).await.unwrap().value, Lookup::Gone);
    let timeline = reader.timeline(user(1), PageRequest::first(10)).await.unwrap().value.items;
    assert_eq!(timeline.iter().map(|card| card.id).collect::<Vec<_>>(), [post(2)]);
    let comments = reader.comments(user(1), post(2), PageRequest::first(10)).await.unwrap().value;
    assert_eq!(comments.found().unwrap().items, []);
    let followers = reader.followers(user(1), user(1), PageRequest::first(10)).await.unwrap().value;
    assert_eq!(followers.found().unwrap().items, []);
    assert_eq!(reader.search(user(1), "words", PageRequest::first(10)).await.unwrap().value.items.len(), 1);
    story.reactivate(2);
    ports.tell(&story).await;
    assert!(matches!(reader.post(user(1), post(1)).await.unwrap().value, Lookup::Found(_)));
    assert_eq!(reader.timeline(user(1), PageRequest::first(10)).await.unwrap().value.items.len(), 2);
}

pub async fn followers_and_following_are_listed_newest_first<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(0..8);
    for follower in [3, 1, 5, 2, 4, 6] {
        story.follow(follower, 0);
        story.follow(0, follower);
    }
    story.unfollow(5, 0);
    story.follow(5, 0);
    story.unfollow(0, 6);
    ports.tell(&story).await;
    let reader = &ports.reader;
    let followers =
        all_pages(2, async |page| Ok(reader.followers(user(7), user(0), page).await?.value.found().unwrap()))
            .await;
    assert_eq!(followers.iter().map(|p| p.id).collect::<Vec<_>>(), [5, 6, 4, 2, 1, 3].map(user));
    let following =
        all_pages(4, async |page| Ok(reader.following(user(7), user(0), page).await?.value.found().unwrap()))
            .await;
    assert_eq!(following.iter().map(|p| p.id).collect::<Vec<_>>(), [4, 2, 5, 1, 3].map(user));
    assert_eq!(
        reader.followers(user(7), user(99), PageRequest::first(5)).await.unwrap().value,
        Lookup::Unknown
    );
}

pub async fn blocked_people_see_nothing_of_each_other<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3]);
    for (a, b) in [(1, 2), (2, 1), (3, 1), (3, 2)] {
        story.follow(a, b);
    }
    story.publish(1, 1, "from one");
    story.publish(2, 2, "from two");
    story.publish(3, 3, "from three");
    story.comment(1, 3, 1, "one on three");
    story.comment(2, 3, 2, "two on three");
    for liker in [1, 2, 3] {
        story.like(liker, 1);
        story.like(liker, 2);
    }
    story.start(1, &[1, 2, 3]);
    story.say(1, 1, 2, "members still talk");
    ports.tell(&story).await;
    let before = story.head();
    story.block(1, 2);
    ports.tell_from(&story, before).await;
    let (reader, first) = (&ports.reader, || PageRequest::first(10));
    for (me, other) in [(1, 2), (2, 1)] {
        let (viewer, now) = (user(me), story.now());
        assert_eq!(reader.post(viewer, post(other)).await.unwrap().value, Lookup::Unknown);
        assert_eq!(reader.comments(viewer, post(other), first()).await.unwrap().value, Lookup::Unknown);
        assert_eq!(reader.profile(viewer, ProfileKey::Id(user(other))).await.unwrap().value, Lookup::Unknown);
        assert_eq!(reader.posts_of(viewer, user(other), first()).await.unwrap().value, Lookup::Unknown);
        assert_eq!(reader.followers(viewer, user(other), first()).await.unwrap().value, Lookup::Unknown);
        assert_eq!(reader.following(viewer, user(other), first()).await.unwrap().value, Lookup::Unknown);
        let comments = reader.comments(viewer, post(3), first()).await.unwrap().value.found().unwrap();
        assert_eq!(comments.items.iter().map(|c| c.author.id).collect::<Vec<_>>(), [viewer]);
        let mut authors = Vec::new();
        authors
            .extend(reader.timeline(viewer, first()).await.unwrap().value.items.iter().map(|c| c.author.id));
        authors.extend(
            reader.feed(viewer, first(), now).await.unwrap().value.items.iter().map(|c| c.card.author.id),
        );
        authors.extend(
            reader.trending(viewer, first(), now).await.unwrap().value.items.iter().map(|c| c.author.id),
        );
        authors.extend(
            reader.search(viewer, "from", first()).await.unwrap().value.items.iter().map(|c| c.author.id),
        );
        authors.extend(reader.discover(viewer, first(), now).await.unwrap().value.items.iter().map(|p| p.id));
        let of_three = reader.following(viewer, user(3), first()).await.unwrap().value.found().unwrap();
        authors.extend(of_three.items.iter().map(|p| p.id));
        assert!(!authors.is_empty() && !authors.contains(&user(other)), "{viewer} sees {authors:?}");
        let talk = reader.conversation(viewer, conversation(1)).await.unwrap().value.found().unwrap();
        assert_eq!(talk.last_message.unwrap().sender_id, user(2), "conversations are exempt");
    }
    let before = story.head();
    story.unblock(1, 2);
    ports.tell_from(&story, before).await;
    assert!(reader.post(user(1), post(2)).await.unwrap().value.found().is_some());
}

pub async fn the_blocks_of_a_viewer_are_listed_for_them<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..6);
    story.block(1, 2);
    story.block(1, 3);
    story.block(1, 4);
    story.block(5, 1);
    story.unblock(1, 3);
    ports.tell(&story).await;
    let blocks = all_pages(1, async |page| Ok(ports.reader.blocks(user(1), page).await?.value)).await;
    assert_eq!(blocks.iter().map(|p| p.id).collect::<Vec<_>>(), [4, 2].map(user));
}
