//! What an operator may do, or suffer, while people use the product.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::check::{all_is_well, lags};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::faults::duration;
use crate::load::Town;
use crate::process::Role;
use crate::servers::Servers;

/// With fewer nothing is tested. A slow machine takes longer for them.
const GUESTS_MIN: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_joins_and_leaves_every_two_seconds() {
    let mut dice = Dice::of_this_run();
    let cluster = Arc::new(Cluster::found(Servers::given, &[]).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    let (began, mut joined, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    while began.elapsed() < duration(20) || joined < GUESTS_MIN {
        let guest = cluster.launch(Role::Projectors, &[]);
        cluster.ready(guest).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        cluster.with(guest, |process| process.signal("TERM"));
        let asked = Instant::now();
        slowest = slowest.max(cluster.has_left(guest, asked, Duration::from_secs(15)).await);
        joined += 1;
    }
    let behind = lags(&cluster).await;
    busy.rest().await;
    println!(
        "{joined} projectors came and went, the slowest left in {slowest:.1?}; behind by then: {behind:?}"
    );
    all_is_well(&town).await;
}

/// Of Redis' databases, the one that this test empties.
const REDIS_DATABASE: u8 = 9;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_loses_everything() {
    let mut dice = Dice::of_this_run();
    let servers = Servers::given();
    let url = servers.redis_database(REDIS_DATABASE);
    let cluster = Arc::new(Cluster::found(|| servers, &[("NOVA__REDIS__URL", &url)]).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    for _ in 0..2 {
        let busy = town.busy(&mut dice);
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(1_500 + dice.below(1_000))).await;
            assert_eq!(cluster.servers.redis(REDIS_DATABASE, "FLUSHDB"), "+OK");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        busy.rest().await;
        // Timelines too are what the log says.
        all_is_well(&town).await;
    }
    // And while nothing happens: timelines are answered as before, and Redis is filled again by itself.
    let before = timelines(&town).await;
    assert_eq!(cluster.servers.redis(REDIS_DATABASE, "FLUSHDB"), "+OK");
    assert_eq!(timelines(&town).await, before);
    all_is_well(&town).await;
    assert_eq!(cluster.servers.redis(REDIS_DATABASE, "FLUSHDB"), "+OK");
}

/// As they are at this moment, however far the views are.
async fn timelines(town: &Town) -> Vec<Value> {
    let mut all = Vec::new();
    for (_, token) in &town.people {
        let page = town.cluster.query(token, "/timeline?limit=100").await.ok();
        all.push(page["items"].clone());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuild_under_load() {
    let mut dice = Dice::of_this_run();
    let cluster = Arc::new(Cluster::found(Servers::given, &[]).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    // From outside, and as a job of a process that answers queries.
    for (name, as_job) in [
        ("posts", false),
        ("clickhouse/engagement", true),
        ("redis/posts", false),
        ("graph", true),
        ("redis/graph", true),
        ("redis/conversations", false),
    ] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        if as_job {
            let job =
                cluster.job(&json!({"kind": "rebuild", "projection": name, "reason": "under load"})).await;
            assert!(job["state"] == "done" && job["done"] == job["total"], "{job}");
        } else {
            cluster.run(&["projections", "rebuild", name]);
        }
        println!("{name} was rebuilt in {:.1?}", began.elapsed());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    busy.rest().await;
    all_is_well(&town).await;
}
