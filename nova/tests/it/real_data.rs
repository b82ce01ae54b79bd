//! The whole of the two data sets, when they are there: `../shared/data` beside the workspace. Every count that the API
//! gives is compared with what the files say.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use nova::import::id_of;
use serde_json::{Value, json};

use crate::import::{head, imported};
use crate::process::{err, nova, out};
use crate::world::World;

/// `None` is told, so that nobody takes the test's passing for a comparison.
fn data_set(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("NOT COMPARED: {name} is not in ../shared/data beside the workspace");
    None
}

fn rows(folder: &Path, table: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join(format!("{table}_0_0.csv"))).unwrap();
    text.lines().skip(1).map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

fn counted<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, u64> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// The post at the end of a comment's chain of parents.
fn root<'a>(by_id: &HashMap<&str, &'a Vec<String>>, mut row: &'a Vec<String>) -> &'a str {
    while row[8].is_empty() {
        row = by_id[row[9].as_str()];
    }
    &row[8]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ldbc_says_the_same_over_http_as_in_its_files() {
    let Some(folder) = data_set("ldbc-snb") else { return };
    let data = tempfile::tempdir().unwrap();
    let args = ["import", "ldbc", folder.to_str().unwrap()];
    let output = nova(data.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let before = head(data.path());
    assert_eq!(nova(data.path(), &args).status.code(), Some(0));
    assert_eq!(head(data.path()), before, "importing twice changes nothing");

    let (people, posts, comments) =
        (rows(&folder, "person"), rows(&folder, "post"), rows(&folder, "comment"));
    let knows = rows(&folder, "person_knows_person");
    let likes = counted(rows(&folder, "person_likes_post").into_iter().map(|row| row[1].clone()));
    let comment_likes = counted(rows(&folder, "person_likes_comment").into_iter().map(|row| row[1].clone()));
    let by_id: HashMap<&str, &Vec<String>> = comments.iter().map(|row| (row[0].as_str(), row)).collect();
    let mut threads: HashMap<String, Vec<&Vec<String>>> = HashMap::new();
    for row in &comments {
        threads.entry(root(&by_id, row).to_owned()).or_default().push(row);
    }
    let mut friends: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in &knows {
        friends.entry(&row[0]).or_default().insert(&row[1]);
        friends.entry(&row[1]).or_default().insert(&row[0]);
    }

    let world = World::in_folder(data, |_| {}).await;
    let reader = imported(&world, &format!("ldbc:person:{}", people[0][0]));
    for row in &posts {
        let card = reader.see(&format!("/posts/{}", id_of(&format!("ldbc:post:{}", row[0])))).await;
        assert_eq!(card["text"], json!(if row[6].is_empty() { &row[1] } else { &row[6] }), "{row:?}");
        assert_eq!(card["author"]["id"], json!(id_of(&format!("ldbc:person:{}", row[8]))));
        assert_eq!(card["like_count"], json!(likes.get(&row[0]).copied().unwrap_or(0)), "{row:?}");
        assert_eq!(card["comment_count"], json!(threads.get(&row[0]).map_or(0, Vec::len)), "{row:?}");
    }
    for (post, thread) in &threads {
        let mut expected: Vec<_> = thread
            .iter()
            .map(|row| {
                let parent = (!row[9].is_empty()).then(|| id_of(&format!("ldbc:comment:{}", row[9])));
                let like_count = comment_likes.get(&row[0]).copied().unwrap_or(0);
                (
                    id_of(&format!("ldbc:comment:{}", row[0])).to_string(),
                    json!(parent),
                    row[4].clone(),
                    like_count,
                )
            })
            .collect();
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/posts/{}/comments?limit=100{cursor}", id_of(&format!("ldbc:post:{post}")));
            let page = reader.see(&path).await;
            for item in page["items"].as_array().unwrap() {
                let (id, text) = (item["id"].as_str().unwrap(), item["text"].as_str().unwrap());
                let like_count = item["like_count"].as_u64().unwrap();
                found.push((id.to_owned(), item["parent_comment_id"].clone(), text.to_owned(), like_count));
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        found.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, expected, "the thread of post {post}");
    }
    let mut on_timelines = 0;
    for person in &people {
        let user = imported(&world, &format!("ldbc:person:{}", person[0]));
        let none = HashSet::new();
        let circle = friends.get(person[0].as_str()).unwrap_or(&none);
        let profile = user.see(&format!("/users/{}", user.id)).await;
        assert_eq!(
            (&profile["follower_count"], &profile["following_count"]),
            (&json!(circle.len()), &json!(circle.len()))
        );
        let expected: HashSet<_> = posts
            .iter()
            .filter(|row| row[8] == person[0] || circle.contains(row[8].as_str()))
            .map(|row| id_of(&format!("ldbc:post:{}", row[0])).to_string())
            .collect();
        let found = user.all("/timeline", "id").await;
        assert_eq!(found.len(), expected.len(), "the timeline of {}", person[0]);
        assert_eq!(found.into_iter().collect::<HashSet<_>>(), expected, "the timeline of {}", person[0]);
        on_timelines += expected.len();
    }
    eprintln!(
        "compared: {} people, {} posts, {} comments in {} threads, {on_timelines} places on timelines",
        people.len(),
        posts.len(),
        comments.len(),
        threads.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chitchat_says_the_same_over_http_as_in_its_file() {
    let Some(folder) = data_set("chitchat") else { return };
    let file = folder.join("dataset.json.gz");
    let data = tempfile::tempdir().unwrap();
    let args = ["import", "chitchat", file.to_str().unwrap()];
    let output = nova(data.path(), &args);
    assert_eq!(output.status.code(), Some(3), "some texts are empty: {}", err(&output));
    eprintln!("{}", out(&output));

    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(&file).unwrap()).read_to_string(&mut text).unwrap();
    let file: HashMap<String, Value> = serde_json::from_str(&text).unwrap();
    drop(text);
    let world = World::in_folder(data, |_| {}).await;
    let mut empty = 0;
    let mut compared = 0;
    for (id, conversation) in &file {
        let texts: Vec<_> = conversation["messages"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|turn| turn.as_array().unwrap())
            .collect();
        let senders: HashSet<_> = texts.iter().map(|text| text["sender"].as_str().unwrap()).collect();
        let someone = imported(&world, &format!("chitchat:person:{}", texts[0]["sender"].as_str().unwrap()));
        let path = format!("/conversations/{}", id_of(&format!("chitchat:conversation:{id}")));
        let expected: Vec<_> =
            texts.iter().filter(|text| !text["text"].as_str().unwrap().trim().is_empty()).collect();
        empty += texts.len() - expected.len();
        let seen = someone.see(&path).await;
        assert_eq!(seen["members"].as_array().unwrap().len(), senders.len(), "{id}");
        assert_eq!(seen["kind"], if senders.len() == 2 { "direct" } else { "group" }, "{id}");
        assert_eq!(seen["last_seq"], json!(expected.len() - 1), "{id}");
        let mut found = Vec::new();
        while found.len() < expected.len() {
            let after = found.len() as i64 - 1;
            let page = someone.items(&format!("{path}/messages?limit=100&after_seq={after}")).await;
            assert!(!page.is_empty(), "{id}");
            found.extend(page);
        }
        assert_eq!(found.len(), expected.len(), "{id}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found["text"], expected["text"], "{id}");
            let sender = id_of(&format!("chitchat:person:{}", expected["sender"].as_str().unwrap()));
            assert_eq!(
                (&found["sender_id"], &found["created_at"]),
                (&json!(sender), &expected["timestamp"]),
                "{id}"
            );
        }
        compared += expected.len();
    }
    assert!(err(&output).lines().count() == empty, "each empty text is told");
    eprintln!("compared: {} conversations, {compared} messages; {empty} empty texts were told", file.len());
}
