//! What there is to read: feed, timeline, trending, search, pages, and waiting for one's own writes.

use std::collections::HashSet;

use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_is_what_one_follows_newest_first() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    ada.follows(&bob).await;
    let mut expected = Vec::new();
    for round in 0..25 {
        expected.push(bob.publishes(&format!("bob {round}")).await.to_string());
        eve.publishes(&format!("eve {round}")).await;
        if round % 5 == 0 {
            expected.push(ada.publishes(&format!("ada {round}")).await.to_string());
        }
    }
    expected.reverse();
    let first = ada.see("/timeline?limit=10").await;
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    // What is inserted meanwhile does not move the pages.
    let late = bob.publishes("late").await;
    let mut seen: Vec<_> = first["items"].as_array().unwrap().clone();
    let mut next = Some(cursor);
    while let Some(cursor) = next {
        let page = ada.see(&format!("/timeline?limit=7&cursor={cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().clone());
        next = page["next_cursor"].as_str().map(str::to_owned);
    }
    let seen: Vec<_> = seen.iter().map(|card| card["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(seen, expected);
    assert_eq!(ada.items("/timeline?limit=1").await[0]["id"], json!(late));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_ranks_what_one_follows_and_what_trends_and_nothing_of_ones_own() {
    let world = World::start().await;
    let [ada, bob, star, quiet] = world.someones(["ada", "bob", "star", "quiet"]).await;
    ada.follows(&bob).await;
    let own = ada.publishes("my own").await;
    let followed = bob.publishes("from a friend").await;
    let trending = star.publishes("everybody reads this").await;
    let unseen = quiet.publishes("nobody reads this").await;
    for fan in 0..5 {
        let fan = world.someone(&format!("fan_{fan}")).await;
        fan.likes(trending).await;
        fan.comments(trending, "wow", None).await;
    }
    let feed = ada.see("/feed").await;
    assert_eq!((&feed["degraded"], feed["source"].is_string()), (&json!(false), true));
    let items = feed["items"].as_array().unwrap();
    let of = |id: uuid::Uuid| items.iter().find(|item| item["id"] == json!(id));
    assert_eq!(of(followed).unwrap()["reason"], "following");
    assert_eq!(of(trending).unwrap()["reason"], "trending");
    assert!(of(own).is_none());
    let scores: Vec<_> = items.iter().map(|item| item["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let trends = ada.all("/trending", "id").await;
    assert_eq!(trends.first(), Some(&trending.to_string()));
    let place = |id: uuid::Uuid| trends.iter().position(|other| *other == id.to_string());
    assert!(place(unseen).is_none_or(|unseen| unseen > 0));

    // What is deleted leaves a feed that has been ranked already.
    star.delete(&format!("/posts/{trending}")).await.ok();
    assert!(!ada.all("/feed", "id").await.contains(&trending.to_string()));
    assert!(!ada.all("/trending", "id").await.contains(&trending.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_paged_without_repetition() {
    let world = World::start().await;
    let ada = world.someone("ada").await;
    let mut written = HashSet::new();
    for author in 0..8 {
        let author = world.someone(&format!("author_{author}")).await;
        ada.follows(&author).await;
        for text in 0..4 {
            written.insert(author.publishes(&format!("text {text}")).await.to_string());
        }
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = ada.see(&format!("/feed?limit=5{cursor}")).await;
        for item in page["items"].as_array().unwrap() {
            seen.push((
                item["id"].as_str().unwrap().to_owned(),
                item["author"]["id"].as_str().unwrap().to_owned(),
            ));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let ids: HashSet<_> = seen.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids.len(), seen.len());
    assert!(ids.is_subset(&written) && ids.len() > 20, "{} of {}", ids.len(), written.len());
    for window in seen.windows(10) {
        for (_, author) in window {
            assert!(
                window.iter().filter(|(_, other)| other == author).count() <= 2,
                "two of one author in ten"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_finds_words_and_follows_edits() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let post = ada.publishes("The lighthouse at Dungeness, in fog").await;
    ada.publishes("The lighthouse in the sun").await;
    assert_eq!(bob.items("/search?q=lighthouse").await.len(), 2);
    let found = bob.items("/search?q=lighthouse%20FOG").await;
    assert_eq!((found.len(), &found[0]["id"]), (1, &json!(post)));
    ada.send("PATCH", &format!("/posts/{post}"), json!({"text": "A windmill"})).await.ok();
    assert_eq!(bob.items("/search?q=dungeness").await.len(), 0);
    assert_eq!(bob.items("/search?q=windmill").await.len(), 1);
    // Nothing that means something to a search engine means something here.
    for odd in ["%22", "*", "-windmill", "a%20OR%20b", "%27%3B--", "NEAR(", "text%3Awindmill"] {
        let answer = bob.look(&format!("/search?q={odd}")).await;
        assert!(matches!(answer.status.as_u16(), 200 | 422), "{odd}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_waits_and_says_so_when_it_does_not_help() {
    let world = World::with(|config| config.queries.after_patience_ms = 100).await;
    let ada = world.someone("ada").await;
    let head = world.head().await;
    let answer = ada.get(&format!("/timeline?after={}", head + 1000)).await;
    assert_eq!(answer.headers["nova-position"], head.to_string(), "it says how far the log is");
    answer.problem(422, "position_unknown");
    assert_eq!(ada.get("/timeline?after=-1").await.problem(422, "validation_failed"), ["after"]);
    for round in 0..50 {
        let post = ada.publishes(&format!("round {round}")).await;
        assert_eq!(ada.items("/timeline?limit=1").await[0]["id"], json!(post), "one's own write is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ranked_a_moment_ago_is_ranked_anew_for_whoever_waits_for_more() {
    let world = World::start().await;
    let [ada, bob, fan] = world.someones(["ada", "bob", "fan"]).await;
    ada.follows(&bob).await;
    for round in 0..10 {
        // Each of these is kept for a while.
        ada.see("/feed").await;
        fan.see("/trending").await;
        let post = bob.publishes(&format!("round {round}")).await;
        fan.likes(post).await;
        let after = world.head().await;
        for (who, list) in [(&ada, "feed"), (&fan, "trending")] {
            let found = who.see(&format!("/{list}?after={after}")).await;
            let items = found["items"].as_array().unwrap();
            assert!(items.iter().any(|item| item["id"] == json!(post)), "{list} in round {round}");
        }
    }
}
