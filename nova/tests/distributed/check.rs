//! What must hold once the faults have ended.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::load::Town;
use crate::log::Log;
use crate::model::Model;
use crate::process::Role;
use crate::{kafka, views};

/// How long everything may take to be as if nothing had happened.
const RECOVERY: Duration = Duration::from_secs(30);

/// What was found on the way.
#[derive(Debug)]
pub(crate) struct Found {
    /// Events that Kafka holds more than once: how often more.
    pub(crate) repeated: usize,
}

/// Log, Kafka and views against what people were told.
pub(crate) async fn all_is_well(town: &Town) -> Found {
    let caught_up_in = caught_up(&town.cluster, RECOVERY).await;
    let log = Log::read(&town.cluster);
    log.is_dense();
    let unanswered = log.agrees_with(&town.ledger);
    let kafka = kafka::agrees_with(&town.cluster, &log);
    println!(
        "{} events; {unanswered} commands without an answer were done; all caught up in {caught_up_in:.1?}; Kafka: {} \
         records, {} of them repeated events, {} watermarks",
        log.head(),
        kafka.records,
        kafka.repeated,
        kafka.watermarks
    );
    Model::of(&log).is_seen_by(town, log.head()).await;
    Found { repeated: kafka.repeated }
}

/// And the views of every store are what a replay makes of the log.
pub(crate) async fn all_equals_a_replay(town: &Town) {
    let began = Instant::now();
    let log = Log::read(&town.cluster);
    views::equal_a_replay(town, &log).await;
    Model::of(&log).is_seen_by(town, log.head()).await;
    println!("every view equals a replay ({:.1?})", began.elapsed());
}

/// Waits until every projection of every store has seen the whole log, and `after=` says so. How long that took.
pub(crate) async fn caught_up(cluster: &Cluster, patience: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let lags = lags(cluster).await;
        let ready = lags.len() == views::PROJECTIONS.len() && lags.values().all(|lag| *lag == 0);
        if ready {
            return began.elapsed();
        }
        assert!(began.elapsed() < patience, "still behind after {patience:?}: {lags:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How far every projection of every store is behind the log.
pub(crate) async fn lags(cluster: &Cluster) -> BTreeMap<String, u64> {
    statuses(cluster, "lag").await
}

/// Up to where every projection of every store has seen the log.
pub(crate) async fn positions(cluster: &Cluster) -> BTreeMap<String, u64> {
    statuses(cluster, "position").await
}

async fn statuses(cluster: &Cluster, field: &str) -> BTreeMap<String, u64> {
    let (patience, token) = (Duration::from_secs(5), cluster.operator());
    let path = "/admin/projections";
    let answer = cluster.ask(Role::QueryApi, patience, |api| api.ask("GET", path).token(token)).await;
    let Some(answer) = answer else { return BTreeMap::new() };
    let body = answer.ok();
    let items = body["items"].as_array().unwrap().iter();
    items.map(|item| (item["name"].as_str().unwrap().to_owned(), item[field].as_u64().unwrap())).collect()
}
