//! Kafka hangs under load, and processes are stopped, in a row and without a restart by hand. Each time everything comes
//! back by itself within [`RECOVERY`], and meanwhile health and gauges tell the truth.
//!
//! A hang of more than nine seconds is the one that matters: Kafka's controller then takes the broker for dead, and for a
//! moment after its return the broker tells its clients of a cluster without brokers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::check::{all_equals_a_replay, all_is_well, positions};
use crate::client::Api;
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::faults::{head, leading, published_to};
use crate::gauges::{GaugeWatch, total, values};
use crate::load::Town;
use crate::process::Role;
use crate::servers::Servers;
use crate::views::PROJECTIONS;

/// Within so long of its end a fault is over for everybody.
const RECOVERY: Duration = Duration::from_secs(30);
/// A server that does not answer for longer is not waited for.
const SILENT_MAX: Duration = Duration::from_secs(60);
/// Above `server.drain_ms`, and above what a step that is under way and a group that is left may take.
const LEAVES: Duration = Duration::from_secs(20);
const HANG: Duration = Duration::from_secs(10);

/// How often, by this variable of the environment.
fn rounds(variable: &str) -> u64 {
    std::env::var(variable).map_or(3, |text| text.parse().expect("a number of rounds"))
}

/// Threads that keep all cores busy until this is dropped.
struct Burn(Arc<AtomicBool>);

impl Burn {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Burn {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a process says of all that it depends on.
async fn dependencies(api: &Api) -> Option<Value> {
    let asked = api.ask("GET", "/health/dependencies").try_send();
    Some(tokio::time::timeout(Duration::from_secs(5), asked).await.ok()??.body)
}

/// The part of a process's health that says which shards stand still: its status, and what it names.
async fn shards(api: &Api) -> Option<(String, String)> {
    let health = dependencies(api).await?;
    let all = health["dependencies"].as_array()?.iter();
    let mut found = all.filter(|one| one["name"] == "projection_shards");
    let found = found.next().unwrap_or_else(|| panic!("shards are not among what is checked: {health}"));
    Some((found["status"].as_str()?.to_owned(), found["detail"].as_str()?.to_owned()))
}

/// Waits until projectors and queries name a shard that stands, with a metric beside it, but not beyond this.
async fn is_named(cluster: &Cluster, until: Instant) {
    for role in [Role::Projectors, Role::QueryApi] {
        let api = cluster.living(role).remove(0);
        let mut last = None;
        loop {
            let named = shards(&api).await;
            let metric = values(&api, "projection_shard_stalled_seconds").await;
            let is_named = named.as_ref().is_some_and(|(status, detail)| {
                status == "down" && detail.contains(" stands at ") && detail.contains(" since 20")
            });
            if is_named && metric.iter().any(|(_, seconds)| *seconds > 0.0) {
                break;
            }
            last = named.or(last);
            assert!(
                Instant::now() < until,
                "{role:?} does not name what stands: {last:?} {metric:?}; the log is at {}, views at {:?}",
                head(cluster).await,
                positions(cluster).await
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// While views stand still: APIs are ready and projectors are not, a read says that it is old, and gauges agree with the stores.
async fn nothing_untrue_is_said(town: &Town, until: Instant) {
    let cluster = &town.cluster;
    let ready = async |role| {
        let api = cluster.living(role).remove(0);
        let asked = api.ask("GET", "/health/ready").try_send();
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.ok().flatten();
        answer.map_or(0, |answer| answer.status.as_u16())
    };
    let (mut old, mut last) = (HashMap::new(), None);
    while Instant::now() < until {
        let now = [ready(Role::CommandApi).await, ready(Role::QueryApi).await, ready(Role::Projectors).await];
        let page = cluster.query(&town.people[0].1, "/timeline").await.ok();
        let lags = lags_of_stores(cluster).await;
        let head = head(cluster).await;
        let is_true = now == [200, 200, 503] && page["degraded"] == true && page["as_of"].is_string();
        // A gauge is a second old, or two: it lies between what was so then and what is so now.
        let are_true = |old: &HashMap<&str, u64>| {
            let compared = lags.iter().filter(|(store, (gauge, position))| {
                let least = old.get(**store).copied().unwrap_or(0);
                (least..=head.saturating_sub(*position)).contains(gauge)
            });
            compared.count() == 3
        };
        if is_true && old.len() == 3 && are_true(&old) {
            return;
        }
        last = Some(format!("{now:?} {} {} {lags:?} {old:?} {head}", page["degraded"], page["as_of"]));
        old = lags.iter().map(|(store, (_, position))| (*store, head.saturating_sub(*position))).collect();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    panic!("readiness, a timeline or a gauge does not say what is so: {last:?}");
}

/// Of each store: how far behind the gauge says that it is, and its lowest position.
async fn lags_of_stores(cluster: &Cluster) -> HashMap<&'static str, (u64, u64)> {
    let positions = positions(cluster).await;
    let gauges = values(&cluster.living(Role::Projectors).remove(0), "projection_store_lag_events").await;
    let mut lags = HashMap::new();
    for store in ["postgres", "clickhouse", "redis"] {
        let is_of = |name: &str| name.split_once('/').map_or("postgres", |(store, _)| store) == store;
        let lowest = positions.iter().filter(|(name, _)| is_of(name)).map(|(_, position)| *position).min();
        let gauge = gauges.iter().find(|(labels, events)| labels.contains(store) && events.is_finite());
        let gauge = gauge.map(|(_, events)| *events as u64);
        if let (Some(gauge), Some(lowest)) = (gauge, lowest) {
            lags.insert(store, (gauge, lowest));
        }
    }
    lags
}

/// What the command line says of the outbox is what PostgreSQL holds, while nothing can be published.
async fn outbox_status_is_true(cluster: &Cluster) {
    let before = head(cluster).await;
    let status: Value = serde_json::from_str(&cluster.run(&["outbox", "status"])).unwrap();
    let after = head(cluster).await;
    let said = |field: &str| status[field].as_u64().unwrap_or_else(|| panic!("no {field} in {status}"));
    assert!((before..=after).contains(&said("head")), "{before} {after} {status}");
    assert_eq!(said("position"), published_to(cluster).await, "{status}");
    assert_eq!(said("backlog_events"), said("head") - said("position"), "{status}");
    assert!(said("backlog_events") > 0, "nothing waits: {status}");
}

/// Waits until every view of every store has seen the log up to `head`; how long that took, without the time in which ClickHouse
/// itself did not answer: its engine in a library has stood still for half a minute on a slow machine.
async fn every_view_reaches(cluster: &Cluster, head: u64, since: Instant) -> Duration {
    let (mut silent, mut answered) = (Duration::ZERO, Instant::now());
    loop {
        let positions = positions(cluster).await;
        let all = positions.len() == PROJECTIONS.len() && positions.values().all(|at| *at >= head);
        let took = since.elapsed().saturating_sub(silent);
        if all {
            return took;
        }
        if !cluster.servers.clickhouse_answers().await {
            silent += answered.elapsed();
            println!("ClickHouse does not answer by itself, {silent:.1?} in all");
            assert!(silent < SILENT_MAX, "ClickHouse has not answered for {silent:.1?}");
        }
        answered = Instant::now();
        let health = match cluster.living(Role::Projectors).first() {
            Some(api) if took >= RECOVERY => dependencies(api).await,
            Some(_) | None => None,
        };
        assert!(
            took < RECOVERY,
            "not at {head} {took:.1?} after the end: {positions:?}; {health:?}; {}",
            cluster.trouble()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until every process says that every shard moves.
async fn no_shard_stands(cluster: &Cluster, since: Instant) {
    for role in [Role::Projectors, Role::QueryApi] {
        for api in cluster.living(role) {
            while shards(&api).await.is_none_or(|(status, _)| status != "up") {
                assert!(
                    since.elapsed() < RECOVERY,
                    "{role:?} says that shards stand: {:?}",
                    shards(&api).await
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_moves_again_after_kafka_hung() {
    let mut dice = Dice::of_this_run();
    let cluster = Arc::new(Cluster::found(Servers::own, &[]).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    let gauges = GaugeWatch::start(&cluster).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut worst = Duration::ZERO;
    for round in 0..rounds("NOVA_KAFKA_HANGS") {
        let burn = (round % 2 == 1).then(Burn::start);
        let before = total(&cluster, "kafka_clients_replaced_total").await;
        let (began, frozen) = (Instant::now(), cluster.servers.freeze("kafka"));
        is_named(&cluster, began + RECOVERY).await;
        if round == 0 {
            nothing_untrue_is_said(&town, began + RECOVERY).await;
            outbox_status_is_true(&cluster).await;
        }
        tokio::time::sleep(HANG.saturating_sub(began.elapsed())).await;
        let hung = began.elapsed();
        let head = head(&cluster).await;
        drop(frozen);
        let ended = Instant::now();
        let took = every_view_reaches(&cluster, head, ended).await;
        no_shard_stands(&cluster, ended).await;
        drop(burn);
        let replaced = total(&cluster, "kafka_clients_replaced_total").await - before;
        let load = if round % 2 == 1 { "busy cores" } else { "free cores" };
        println!(
            "hang {round} of {hung:.1?}, {load}: every view at {head} after {took:.1?}; {replaced} clients replaced"
        );
        worst = worst.max(took);
        tokio::time::sleep(Duration::from_millis(dice.below(1_500))).await;
    }
    println!("the slowest recovery took {worst:.1?}");
    busy.rest().await;
    all_is_well(&town).await;
    let compared = gauges.end().await;
    println!("{compared} gauges agreed with the log");
    assert!(compared > 10, "gauges were hardly ever there");
    if rounds("NOVA_KAFKA_HANGS") > 3 {
        all_equals_a_replay(&town).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_every_kind_fail_over() {
    let mut dice = Dice::of_this_run();
    let cluster = Arc::new(Cluster::found(Servers::given, &[]).await);
    cluster.start(&Role::ALL, 2).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    let rounds = rounds("NOVA_FAILOVERS");
    // Longer than the relay's lease and the session of a member of a group.
    let stopped_for = Duration::from_secs(if rounds > 3 { 30 } else { 9 });
    for round in 0..rounds {
        let (leader, _) = leading(&cluster, RECOVERY, None).await;
        let others = [Role::Projectors, Role::CommandApi, Role::QueryApi];
        let mut victims = vec![leader];
        victims.extend(others.map(|role| dice.pick(&cluster.of(role)).unwrap()));
        victims.iter().for_each(|number| cluster.with(*number, |process| process.signal("STOP")));
        let began = Instant::now();
        leading(&cluster, RECOVERY, Some(leader)).await;
        tokio::time::sleep(stopped_for.saturating_sub(began.elapsed())).await;
        let head = head(&cluster).await;
        victims.iter().for_each(|number| cluster.with(*number, |process| process.signal("CONT")));
        let took = every_view_reaches(&cluster, head, Instant::now()).await;
        println!("failover {round} of {stopped_for:.1?}: every view at {head} {took:.1?} after the end");
        for number in victims {
            cluster.with(number, |process| {
                assert_eq!(process.ended(), None, "it goes on: {}", process.last_words());
            });
        }
    }
    busy.rest().await;
    all_is_well(&town).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_leaves_while_a_server_hangs() {
    let mut dice = Dice::of_this_run();
    let cluster = Arc::new(Cluster::found(Servers::own, &[]).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    for server in ["clickhouse", "redis", "kafka"] {
        let busy = town.busy(&mut dice);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let frozen = cluster.servers.freeze(server);
        // Until there are steps that wait for it.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let leaving: Vec<u32> = Role::ALL.iter().flat_map(|role| cluster.of(*role)).collect();
        leaving.iter().for_each(|number| cluster.with(*number, |process| process.signal("TERM")));
        let asked = Instant::now();
        for number in leaving {
            let took = cluster.has_left(number, asked, LEAVES).await;
            println!("{number} left {took:.1?} after it was asked to, {server} hangs");
        }
        drop(frozen);
        cluster.start(&Role::ALL, 1).await;
        busy.rest().await;
    }
    all_is_well(&town).await;
}
