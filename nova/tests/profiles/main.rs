//! Both profiles tell the same: one history, played into an embedded installation and into a distributed one on real
//! servers, where each role is a product of its own; then every question is asked of both, over HTTP.
//!
//! What may differ: where an answer says it comes from, the text of cursors, positions and correlation ids.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[expect(dead_code, reason = "shared with the stories, which use all of it")]
#[path = "../it/client.rs"]
mod client;
mod closed_accounts;
mod compare;
mod installations;
#[expect(dead_code, reason = "shared with the stories, which use all of it")]
#[path = "../it/socket.rs"]
mod socket;
#[path = "../distributed/topics.rs"]
mod topics;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nova::demo::{Plan, Size, play_at};
use nova::import::ldbc::{self, LdbcOptions};
use nova::import::{chitchat, id_of};
use nova_events::UserId;

use compare::Both;
use installations::{Distributed, Embedded, Installation as _};

async fn both(fill: impl AsyncFn(&nova::compose::Product)) -> Both {
    let embedded = Embedded::open().await;
    let distributed = Distributed::open().await;
    for product in [embedded.writer(), distributed.writer()] {
        fill(product).await;
    }
    let both = Both::new(embedded, distributed);
    both.catch_up().await;
    both
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_community_looks_the_same() {
    let plan = Arc::new(Plan::new(Size { people: 40 }));
    let now_ms = chrono::Utc::now().timestamp_millis();
    let both = both(async |product| {
        play_at(&plan, product.executor(), &**product.log(), now_ms).await.unwrap();
    })
    .await;
    let people = both.everyone().await;
    assert!(people.len() >= 35, "{} people", people.len());
    both.agree_for(&some_of(people)).await;
    Box::pin(both.end()).await;
}

/// Those who ask, spread evenly: twelve, or as many as `NOVA_PROFILES_PEOPLE` says.
fn some_of(people: Vec<UserId>) -> Vec<UserId> {
    let most = std::env::var("NOVA_PROFILES_PEOPLE")
        .map_or(12, |text| text.parse().expect("NOVA_PROFILES_PEOPLE is a number"));
    let step = people.len().div_ceil(most).max(1);
    people.into_iter().step_by(step).collect()
}

/// The whole of a data set, when it is there: `../shared/data` beside the workspace.
fn data_set(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("NOT COMPARED: {name} is not in ../shared/data beside the workspace");
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ldbc_looks_the_same() {
    let Some(folder) = data_set("ldbc-snb") else { return };
    let both = both(async |product| {
        let options = LdbcOptions { shift_to_now: false };
        let report = Box::pin(ldbc::import(product.executor().clone(), &folder, options)).await.unwrap();
        assert_eq!(report.bad_count(), 0);
        let head = product.log().head();
        Box::pin(ldbc::import(product.executor().clone(), &folder, options)).await.unwrap();
        assert_eq!(product.log().head(), head, "importing twice changes nothing");
    })
    .await;
    let people = both.everyone().await;
    assert!(people.len() > 150, "{} people", people.len());
    both.agree_for(&some_of(people)).await;
    Box::pin(both.end()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chitchat_looks_the_same() {
    let Some(file) = data_set("chitchat/dataset.json.gz") else { return };
    let first = tempfile::tempdir().unwrap();
    let part = chitchat_part(&file, first.path(), 300);
    let both = both(async |product| {
        chitchat::import(product.executor().clone(), &part.0).await.unwrap();
    })
    .await;
    let people: Vec<UserId> =
        part.1.iter().map(|id| UserId(id_of(&format!("chitchat:person:{id}")))).collect();
    assert!(people.len() > 80, "{} people", people.len());
    both.agree_for(&some_of(people)).await;
    Box::pin(both.end()).await;
}

/// The first conversations of the data set, in a file of their own, and who takes part.
fn chitchat_part(file: &Path, folder: &Path, conversations: usize) -> (PathBuf, Vec<String>) {
    let mut text = String::new();
    let packed = std::fs::File::open(file).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut text).unwrap();
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let part: serde_json::Map<_, _> = all.into_iter().take(conversations).collect();
    let mut people: Vec<String> = Vec::new();
    for conversation in part.values() {
        let turns = conversation["messages"].as_array().into_iter().flatten();
        for message in turns.flat_map(|turn| turn.as_array().into_iter().flatten()) {
            people.extend(message["sender"].as_str().map(str::to_owned));
        }
    }
    people.sort_unstable();
    people.dedup();
    let path = folder.join("part.json");
    std::fs::write(&path, serde_json::to_vec(&part).unwrap()).unwrap();
    (path, people)
}

/// How long views may take to see what was written.
const PATIENCE: Duration = Duration::from_secs(120);
