//! Whom someone may know.

use nova_events::UserId;
use nova_views::{PageRequest, discover};

use super::{Ports, all_pages};
use crate::story::{Story, user};

async fn suggested(ports: &Ports, story: &Story, viewer: u32, limit: usize) -> Vec<UserId> {
    let (viewer, now) = (user(viewer), story.now());
    let found =
        all_pages(limit, async |page| Ok(ports.reader.discover(viewer, page, now).await?.value)).await;
    found.iter().map(|profile| profile.id).collect()
}

fn by_id(people: impl IntoIterator<Item = u32>) -> Vec<UserId> {
    let mut ids: Vec<_> = people.into_iter().map(user).collect();
    ids.sort_unstable();
    ids
}

pub async fn people_one_may_know_are_suggested<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..10);
    for (a, b) in [(1, 2), (1, 3), (2, 4), (3, 4), (2, 5), (2, 1), (3, 2), (6, 7), (8, 7), (9, 7), (6, 8)] {
        story.follow(a, b);
    }
    ports.tell(&story).await;
    let found = suggested(&ports, &story, 1, 2).await;
    assert_eq!(found, [4, 5, 7, 8].map(user), "most mutual ones first, then those with most followers");
    assert_eq!(suggested(&ports, &story, 99, 3).await.first(), Some(&user(7)), "whoever asks");
}

pub async fn each_sign_of_an_acquaintance_counts<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..12);
    story.follow(1, 2);
    for n in 3..7 {
        story.follow(2, n);
    }
    story.publish(1, 8, "liked");
    story.publish(2, 8, "commented on");
    ports.tell(&story).await;
    assert_eq!(suggested(&ports, &story, 1, 3).await, by_id(3..7), "alike in all but their ids");
    let rest = |first: u32| {
        let others = by_id((3..7).filter(|n| *n != first));
        [vec![user(first)], others].concat()
    };
    let step = async |story: &mut Story, happens: &dyn Fn(&mut Story), wanted: Vec<UserId>| {
        let before = story.head();
        happens(story);
        ports.tell_from(story, before).await;
        assert_eq!(suggested(&ports, story, 1, 3).await, wanted);
    };
    step(&mut story, &|story| story.follow(7, 6), rest(6)).await;
    let two = [vec![user(5), user(6)], by_id([3, 4])].concat();
    step(&mut story, &|story| story.follow(5, 1), two).await;
    let engage = |story: &mut Story| {
        story.like(1, 1);
        story.comment(1, 2, 1, "so it is");
        story.like(4, 1);
        story.like(4, 2);
    };
    step(&mut story, &engage, [4, 5, 6, 3].map(user).to_vec()).await;
    let unlike = |story: &mut Story| story.unlike(4, 2);
    step(&mut story, &unlike, [5, 4, 6, 3].map(user).to_vec()).await;
    step(&mut story, &|story| story.like(4, 2), [4, 5, 6, 3].map(user).to_vec()).await;
    let mutual = |story: &mut Story| {
        for other in [9, 10] {
            story.follow(1, other);
            story.follow(other, 3);
        }
    };
    step(&mut story, &mutual, [3, 4, 5, 6].map(user).to_vec()).await;
    let long_after = |story: &mut Story| {
        story.at_ms += discover::SHARED_MS;
        story.register(30);
        story.follow(7, 4);
        story.unfollow(7, 4);
    };
    step(&mut story, &long_after, [3, 5, 6, 4].map(user).to_vec()).await;
    let comments = |story: &mut Story| {
        story.comment(2, 2, 1, "still");
        story.comment(3, 2, 4, "indeed");
    };
    step(&mut story, &comments, [3, 5, 4, 6].map(user).to_vec()).await;
    step(&mut story, &|story| story.delete_comment(3), [3, 5, 6, 4].map(user).to_vec()).await;
}

pub async fn whom_nobody_wants_suggested_is_not<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..11);
    story.follow(1, 2);
    for n in 3..9 {
        // Known through 2, and popular too.
        for follower in [2, 9, 10] {
            story.follow(follower, n);
        }
    }
    ports.tell(&story).await;
    assert_eq!(suggested(&ports, &story, 1, 4).await, by_id(3..9));
    let before = story.head();
    story.follow(1, 4);
    story.block(5, 1);
    story.block(1, 6);
    story.deactivate(7);
    story.dismiss(1, 8);
    // What others do not want is not the viewer's.
    story.dismiss(9, 3);
    story.dismiss(3, 1);
    ports.tell_from(&story, before).await;
    assert_eq!(suggested(&ports, &story, 1, 4).await, [user(3)]);
    let before = story.head();
    story.unfollow(1, 4);
    story.unblock(5, 1);
    story.unblock(1, 6);
    story.reactivate(7);
    story.undismiss(1, 8);
    ports.tell_from(&story, before).await;
    assert_eq!(suggested(&ports, &story, 1, 4).await, by_id(3..9));
}

pub async fn popular_people_fill_the_suggestions<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..10);
    for (a, b) in [(1, 2), (2, 3), (6, 4), (7, 4), (8, 4), (6, 3), (7, 5), (8, 5), (9, 6), (9, 1), (8, 1)] {
        story.follow(a, b);
    }
    ports.tell(&story).await;
    assert_eq!(suggested(&ports, &story, 1, 2).await, [3, 4, 5, 6].map(user));
    let stranger = suggested(&ports, &story, 20, 3).await;
    let ties = by_id([1, 3, 5]);
    assert_eq!(stranger, [vec![user(4)], ties, by_id([2, 6])].concat(), "by followers, then by id");
    let before = story.head();
    story.dismiss(1, 4);
    story.block(5, 1);
    ports.tell_from(&story, before).await;
    assert_eq!(suggested(&ports, &story, 1, 2).await, [3, 6].map(user));
}

pub async fn suggestions_keep_their_order_and_hide_what_was_hidden<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..30);
    story.follow(1, 2);
    for n in 3..20 {
        story.follow(2, n);
    }
    ports.tell(&story).await;
    let now = story.now();
    let whole = suggested(&ports, &story, 1, 50).await;
    assert_eq!(whole, by_id(3..20));
    let number = |id: UserId| (3..20).find(|n| user(*n) == id).unwrap();
    let first = ports.reader.discover(user(1), PageRequest::first(4), now).await.unwrap().value;
    assert_eq!(first.items.iter().map(|profile| profile.id).collect::<Vec<_>>(), whole[..4]);
    let before = story.head();
    story.dismiss(1, number(whole[5]));
    story.block(number(whole[7]), 1);
    story.follow(1, number(whole[9]));
    story.deactivate(number(whole[11]));
    // Would be the first ones now.
    story.follow(number(whole[16]), 1);
    story.follow(number(whole[15]), 1);
    ports.tell_from(&story, before).await;
    let (mut cursor, mut rest) = (first.next, Vec::new());
    while cursor.is_some() {
        let page = PageRequest { cursor, limit: 3, after: 0 };
        let page = ports.reader.discover(user(1), page, story.now()).await.unwrap().value;
        assert!(page.items.len() == 3 || page.next.is_none(), "pages are filled up");
        rest.extend(page.items.iter().map(|profile| profile.id));
        cursor = page.next;
    }
    let left = [4, 6, 8, 10, 12, 13, 14, 15, 16].map(|place| whole[place]);
    assert_eq!(rest, left);
    let anew = suggested(&ports, &story, 1, 5).await;
    assert_eq!(anew[..2], by_id([number(whole[15]), number(whole[16])]));
}

pub async fn suggestions_are_bounded_on_hubs<G>(open: impl AsyncFn() -> (Ports, G)) {
    const HUB: u32 = 2;
    let (ports, _guard) = open().await;
    let known = 1_000..4_000;
    let mut story = Story::of([1, HUB, 3, 4, 5]);
    known.clone().for_each(|n| story.register(n));
    story.follow(1, HUB);
    known.clone().for_each(|n| story.follow(HUB, n));
    // The oldest followee of 3 follows 4, and all the others follow 5. Others have 4 in far higher esteem.
    let asked = 1_000..1_001 + discover::FOLLOWEES_ASKED_MAX as u32;
    asked.clone().for_each(|n| story.follow(3, n));
    story.follow(asked.start, 4);
    story.follow(asked.start + 1, 5);
    for n in 3_000..3_010 {
        story.follow(n, 4);
    }
    ports.tell(&story).await;
    let found = suggested(&ports, &story, 3, 100).await;
    assert_eq!(found[..2], [5, 4].map(user), "the oldest followee is not asked");
    let found = suggested(&ports, &story, 1, 100).await;
    assert_eq!(found.len(), discover::LIST_MAX);
    let graph = &found[..discover::CANDIDATES_MAX];
    let mut sorted = graph.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, by_id(known)[..discover::CANDIDATES_MAX], "the first ones of the hub, by id");
    let mut all = found.clone();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), found.len(), "nobody twice");
    assert_eq!(found[discover::CANDIDATES_MAX], user(4), "then whoever has most followers");
}
