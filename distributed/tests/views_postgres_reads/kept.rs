//! Ranked lists that are kept for a while, as in production.

use nova_distributed::views::postgres::ReadOptions;
use nova_testkit::contract::views::Ports;
use nova_testkit::story::{Story, post, user};
use nova_views::{PageRequest, ViewReader};

use crate::{database, open, options, ports};

async fn feed(ports: &Ports, story: &Story, limit: usize) -> Vec<nova_events::PostId> {
    let (mut cursor, mut posts) = (None, Vec::new());
    loop {
        let page = PageRequest { cursor, limit, after: 0 };
        let list = ports.reader.feed(user(1), page, story.now()).await.unwrap().value;
        posts.extend(list.items.iter().map(|item| item.card.id));
        cursor = list.next;
        if cursor.is_none() {
            return posts;
        }
    }
}

#[tokio::test]
async fn what_the_viewer_does_shows_at_once_and_the_rest_when_it_is_ranked_anew() {
    let database = database().await;
    let ports = ports(&open(&database, ReadOptions { feed_ranking_ttl_ms: 600_000, ..options() }).await);
    let mut story = Story::of([1, 2, 3]);
    story.publish(1, 2, "by two");
    story.publish(2, 3, "by three");
    story.follow(1, 2);
    ports.tell(&story).await;
    assert_eq!(feed(&ports, &story, 5).await, [post(1)]);
    story.publish(3, 2, "not ranked yet");
    ports.tell(&story).await;
    assert_eq!(feed(&ports, &story, 5).await, [post(1)]);
    story.follow(1, 3);
    ports.tell(&story).await;
    assert_eq!(feed(&ports, &story, 5).await, [3, 2, 1].map(post));
    story.unfollow(1, 2);
    ports.tell(&story).await;
    assert_eq!(feed(&ports, &story, 5).await, [post(2)]);
    story.follow(1, 2);
    story.delete(2);
    ports.tell(&story).await;
    assert_eq!(feed(&ports, &story, 5).await, [3, 1].map(post), "what is hidden goes at once");
    story.publish(4, 2, "after the ranking was kept long enough");
    story.at_ms += 600_000;
    ports.tell(&story).await;
    assert_eq!(feed(&ports, &story, 5).await[0], post(4));
}

#[tokio::test]
async fn a_cursor_outlives_the_order_it_goes_through() {
    let database = database().await;
    let forgetful = ports(&open(&database, ReadOptions { session_ttl_ms: 0, ..options() }).await);
    let mut story = Story::of(1..30);
    for n in 2..30 {
        story.follow(1, n);
        story.publish(n, n, "one of many");
    }
    forgetful.tell(&story).await;
    let expected: Vec<_> = (2..30).rev().map(post).collect();
    assert_eq!(feed(&forgetful, &story, 100).await, expected);
    assert_eq!(feed(&forgetful, &story, 3).await, expected);
}

#[tokio::test]
async fn a_cursor_goes_on_in_another_process() {
    let database = database().await;
    let (one, other) = (open(&database, options()).await, open(&database, options()).await);
    let mut story = Story::of(1..13);
    for n in 2..13 {
        story.follow(1, n);
        story.publish(n, n, "some words");
    }
    ports(&one).tell(&story).await;
    let first = one.search(user(1), "words", PageRequest::first(4)).await.unwrap().value;
    let next = PageRequest { cursor: first.next, limit: 20, after: 0 };
    let rest = other.search(user(1), "words", next).await.unwrap().value;
    let found: Vec<_> = first.items.iter().chain(&rest.items).map(|card| card.id).collect();
    assert_eq!(found, (2..13).rev().map(post).collect::<Vec<_>>());
    let first = one.feed(user(1), PageRequest::first(4), story.now()).await.unwrap().value;
    let next = PageRequest { cursor: first.next, limit: 20, after: 0 };
    let rest = other.feed(user(1), next, story.now()).await.unwrap().value;
    assert_eq!(first.items.len() + rest.items.len(), 11);
    assert_eq!(rest.items.last().map(|item| item.card.id), Some(post(2)));
}

#[tokio::test]
async fn what_trends_is_worked_out_once_for_all_who_ask() {
    let database = database().await;
    let views = open(&database, ReadOptions { trending_ttl_ms: 60_000, ..options() }).await;
    let ports = ports(&views);
    let mut story = Story::of([1, 2, 3]);
    story.publish(1, 1, "liked");
    story.like(2, 1);
    ports.tell(&story).await;
    let trending = async |viewer: u32, at| {
        let page = views.trending(user(viewer), PageRequest::first(9), at).await.unwrap().value;
        page.items.iter().map(|card| card.id).collect::<Vec<_>>()
    };
    let asked_at = story.now();
    assert_eq!(trending(2, asked_at).await, [post(1)]);
    story.publish(2, 1, "liked later");
    story.like(3, 2);
    ports.tell(&story).await;
    assert_eq!(trending(3, asked_at).await, [post(1)]);
    let later = asked_at + chrono::TimeDelta::seconds(60);
    assert_eq!(trending(3, later).await, [2, 1].map(post));
}
