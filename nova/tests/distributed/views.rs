//! Every list that the query side answers, so that it can be compared with what it answers after a replay.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::Town;
use crate::log::Log;

/// How long it may take until every store is asked again.
const PATIENCE: Duration = Duration::from_secs(60);

/// The projections of each store, as `nova projections rebuild` names them.
pub(crate) const PROJECTIONS: [&str; 14] = [
    "profiles",
    "posts",
    "engagement",
    "graph",
    "conversations",
    "deletions",
    "clickhouse/profiles",
    "clickhouse/posts",
    "clickhouse/engagement",
    "clickhouse/graph",
    "redis/profiles",
    "redis/posts",
    "redis/graph",
    "redis/conversations",
];

/// Replays the whole log into every view of every store: afterwards everything is answered as before.
pub(crate) async fn equal_a_replay(town: &Town, log: &Log) {
    let before = everything(town, log).await;
    for name in PROJECTIONS {
        town.cluster.run(&["projections", "rebuild", name]);
    }
    let after = everything(town, log).await;
    for (path, answer) in &before {
        let after = after.get(path).map_or(&[][..], Vec::as_slice);
        let lost: Vec<_> = answer.iter().filter(|one| !after.contains(one)).take(3).collect();
        let new: Vec<_> = after.iter().filter(|one| !answer.contains(one)).take(3).collect();
        assert!(
            after == answer.as_slice(),
            "{path} is answered otherwise after a replay: {} before, {} after; lost {lost:?}; new {new:?}",
            answer.len(),
            after.len()
        );
    }
}

/// The answers by what was asked.
async fn everything(town: &Town, log: &Log) -> BTreeMap<String, Vec<Value>> {
    let mut answers = BTreeMap::new();
    let viewers = &town.people[..3];
    for (n, (_, token)) in viewers.iter().enumerate() {
        // What is ranked by age moves on by itself: what is in it, and what it says of that.
        for path in ["/feed", "/trending", "/search?q=word3"] {
            let mut items = list(town, token, path, log.head()).await;
            for item in &mut items {
                item.as_object_mut().unwrap().remove("score");
            }
            items.sort_by_key(|item| item["id"].as_str().map(str::to_owned));
            answers.insert(format!("{path} for {n}"), items);
        }
        for path in ["/timeline", "/conversations", "/users/me/blocks", "/discover"] {
            answers.insert(format!("{path} for {n}"), list(town, token, path, log.head()).await);
        }
    }
    let (_, token) = &town.people[0];
    for (user, _) in &town.people {
        for list_of in ["posts", "followers", "following"] {
            let path = format!("/users/{user}/{list_of}");
            answers.insert(path.clone(), list(town, token, &path, log.head()).await);
        }
        let path = format!("/users/{user}");
        answers.insert(path.clone(), vec![town.cluster.query(token, &path).await.ok()]);
    }
    for event in log.events.iter().filter(|event| event.kind == "PostPublished") {
        let path = format!("/posts/{}", event.data["post_id"].as_str().unwrap());
        let post = town.cluster.query(token, &path).await;
        if post.status.is_success() {
            answers.insert(path.clone(), vec![post.ok()]);
            let path = format!("{path}/comments");
            answers.insert(path.clone(), list(town, token, &path, log.head()).await);
        } else {
            let code = vec![post.status.as_u16().into(), post.body["code"].clone()];
            answers.insert(path, code);
        }
    }
    let mut messages: Vec<Value> = Vec::new();
    loop {
        let after = messages.last().map_or(-1, |last| last["seq"].as_i64().unwrap());
        let path = format!("/conversations/{}/messages?limit=100&after_seq={after}", town.group);
        let page = town.cluster.query(token, &path).await.ok();
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            break;
        }
        messages.extend(items.iter().cloned());
    }
    answers.insert("messages".to_owned(), messages);
    let auditor = town.cluster.auditor().to_owned();
    answers.insert("deletions".to_owned(), list(town, &auditor, "/audit/deletions", log.head()).await);
    let asked = answers.iter().filter(|(_, items)| !items.is_empty()).count();
    assert!(asked > answers.len() / 2, "most answers say something: {asked} of {}", answers.len());
    answers
}

/// All pages of a list, as its best source has it: a store that was killed may be left alone for a moment still.
async fn list(town: &Town, token: &str, path: &str, head: u64) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{separator}limit=100&after={head}");
    let began = Instant::now();
    'again: loop {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = town.cluster.query(token, &format!("{path}{cursor}")).await;
            let is_whole = page.status.is_success() && page.body["degraded"] != true;
            if !is_whole && began.elapsed() < PATIENCE {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue 'again;
            }
            assert!(is_whole, "{path}: {}", page.body);
            items.extend(page.body["items"].as_array().unwrap().iter().cloned());
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}
