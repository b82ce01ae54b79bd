//! What trends: what is in it and what is not, and the order of its pages.

use nova_events::PostId;
use nova_events::post::Visibility;
use nova_views::{PageRequest, ranking};

use super::{Ports, all_pages};
use crate::story::{Story, post, user};

async fn trending(ports: &Ports, story: &Story, viewer: u32, limit: usize) -> Vec<PostId> {
    let (viewer, now) = (user(viewer), story.now());
    let found =
        all_pages(limit, async |page| Ok(ports.reader.trending(viewer, page, now).await?.value)).await;
    found.iter().map(|card| card.id).collect()
}

pub async fn trending_leaves_out_what_it_must<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..20);
    let older = |story: &mut Story, hours: i64| story.at_ms += hours * 3_600_000;
    story.publish(1, 2, "too old");
    older(&mut story, 3);
    story.publish(2, 2, "old, and much liked");
    older(&mut story, 46);
    let at_ms = story.at_ms;
    for n in 3..7 {
        story.at_ms = at_ms;
        story.publish(n, n, "alike");
    }
    story.publish_to(7, 7, "for followers", Visibility::Followers);
    story.publish_to(8, 8, "for nobody", Visibility::Private);
    story.publish(9, 9, "nobody likes it");
    story.follow(1, 7);
    for n in 1..9 {
        story.like(10, n);
        story.like(11, n);
    }
    for liker in 12..20 {
        story.like(liker, 1);
        story.like(liker, 2);
    }
    ports.tell(&story).await;
    let mut alike: Vec<_> = (3..7).map(post).collect();
    alike.sort_unstable();
    let all = [alike.clone(), vec![post(2)]].concat();
    assert_eq!(trending(&ports, &story, 1, 2).await, all, "decayed likes; ties by id; the last 48 hours");
    assert_eq!(trending(&ports, &story, 8, 2).await, all, "whoever asks");
    let before = story.head();
    story.delete(3);
    story.deactivate(4);
    story.block(5, 1);
    story.block(1, 6);
    ports.tell_from(&story, before).await;
    assert_eq!(trending(&ports, &story, 1, 2).await, [post(2)]);
    let others = all.iter().copied().filter(|id| ![3, 4].map(post).contains(id)).collect::<Vec<_>>();
    assert_eq!(trending(&ports, &story, 15, 2).await, others, "blocks are between two");
    let before = story.head();
    story.restore(3);
    story.reactivate(4);
    story.unblock(5, 1);
    story.unblock(1, 6);
    ports.tell_from(&story, before).await;
    assert_eq!(trending(&ports, &story, 1, 2).await, all);
    story.at_ms += ranking::TRENDING_AGE_MAX_MS;
    assert_eq!(trending(&ports, &story, 1, 2).await, []);
}

pub async fn trending_keeps_its_order_and_hides_what_was_hidden<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of(1..30);
    for n in 0..9 {
        story.publish(n, 20 + n, "one of nine");
        for liker in 0..9 - n {
            story.like(2 + liker, n);
        }
    }
    ports.tell(&story).await;
    let whole = trending(&ports, &story, 1, 50).await;
    assert_eq!(whole, [0, 1, 2, 3, 4, 5, 6, 7, 8].map(post));
    let first = ports.reader.trending(user(1), PageRequest::first(2), story.now()).await.unwrap().value;
    assert_eq!(first.items.iter().map(|card| card.id).collect::<Vec<_>>(), whole[..2]);
    let before = story.head();
    story.delete(3);
    story.block(25, 1);
    story.deactivate(26);
    story.publish(50, 2, "new");
    for liker in 2..20 {
        story.like(liker, 50);
        if liker > 2 {
            story.like(liker, 8);
        }
    }
    ports.tell_from(&story, before).await;
    let (mut cursor, mut rest) = (first.next, Vec::new());
    while cursor.is_some() {
        let page = PageRequest { cursor, limit: 2, after: 0 };
        let page = ports.reader.trending(user(1), page, story.now()).await.unwrap().value;
        assert!(page.items.len() == 2 || page.next.is_none(), "pages are filled up");
        rest.extend(page.items.iter().map(|card| card.id));
        cursor = page.next;
    }
    assert_eq!(rest, [2, 4, 7, 8].map(post));
    let mut anew = trending(&ports, &story, 1, 2).await;
    anew.truncate(2);
    anew.sort_unstable();
    let mut wanted = [8, 50].map(post);
    wanted.sort_unstable();
    assert_eq!(anew, wanted);
}
