//! PostgreSQL goes back to what it held earlier, as a restore or a failover with losses makes it: the log loses what it had
//! acknowledged, and other events take its positions. Kafka, ClickHouse and Redis still have what was lost. Every view becomes
//! what a replay of the log makes, by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::{all_equals_a_replay, caught_up, positions};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::faults::{everything_runs, head, published_to};
use crate::gauges::total;
use crate::load::Town;
use crate::process::Role;
use crate::servers::Servers;

const EARLY: &str = "early";
const LATE: &str = "late";
const PATIENCE: Duration = Duration::from_secs(60);
/// Above the second in which a process looks whether the log is the same, and what it takes to end.
const NOTICED: Duration = Duration::from_secs(15);

fn stop_all(cluster: &Cluster) {
    Role::ALL.iter().flat_map(|role| cluster.of(*role)).for_each(|number| cluster.kill(number));
}

/// Two of them: one of an early hour, one of a moment ago.
fn backup(cluster: &Cluster, which: &str) -> String {
    format!("{}_{which}", cluster.name)
}

/// Connections are ended, and made again by the processes.
async fn back_up(cluster: &Cluster, which: &str) {
    let (name, backup) = (&cluster.name, backup(cluster, which));
    cluster.servers.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    let all = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    cluster.servers.sql(&all).await;
    cluster.servers.sql(&format!("CREATE DATABASE {backup} TEMPLATE {name}")).await;
    cluster.servers.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
}

/// PostgreSQL holds what it held when the backup was made, whoever is connected.
async fn restore(cluster: &Cluster, which: &str) {
    let (name, backup) = (&cluster.name, backup(cluster, which));
    cluster.servers.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    cluster.servers.sql(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
    cluster.servers.sql(&format!("CREATE DATABASE {name} TEMPLATE {backup}")).await;
}

async fn publish(town: &Town, many: usize, what: &str) {
    for n in 0..many {
        town.publishes(n % town.people.len(), &format!("{what} {n}")).await;
    }
}

/// People do what they do until the log has so many more events, and every view has them.
async fn do_things(town: &Arc<Town>, many: u64) {
    let (cluster, before) = (&town.cluster, head(&town.cluster).await);
    let busy = town.busy(&mut Dice::of_this_run());
    while head(cluster).await < before + many {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    busy.rest().await;
    caught_up(cluster, PATIENCE).await;
}

/// Every event is in Kafka.
async fn published(cluster: &Cluster) {
    let began = Instant::now();
    while head(cluster).await > published_to(cluster).await {
        assert!(began.elapsed() < PATIENCE, "not every event is published");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until every view is at the head of the log, and none beyond it.
async fn views_are_at_the_head(cluster: &Cluster) {
    let (head, began) = (head(cluster).await, Instant::now());
    loop {
        caught_up(cluster, PATIENCE).await;
        let positions = positions(cluster).await;
        if positions.values().all(|position| *position == head) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the log ends at {head}, views are at {positions:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("every view is at {head} after {:.1?}", began.elapsed());
}

async fn views_are_of_the_log(town: &Town) {
    views_are_at_the_head(&town.cluster).await;
    all_equals_a_replay(town).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_log_takes_every_view_with_it() {
    let more = [("NOVA__VIEWS__FEED_RANKING_TTL_MS", "0")];
    let cluster = Arc::new(Cluster::found(Servers::given, &more).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    do_things(&town, 150).await;
    published(&cluster).await;
    stop_all(&cluster);
    back_up(&cluster, EARLY).await;

    // Lost: what is in every view. Less comes in its place.
    cluster.start(&Role::ALL, 1).await;
    do_things(&town, 100).await;
    stop_all(&cluster);
    restore(&cluster, EARLY).await;
    cluster.start(&Role::ALL, 1).await;
    publish(&town, 5, "instead").await;
    views_are_of_the_log(&town).await;
    let found = total(&cluster, "views_of_other_history_total").await;
    assert!(found > 0.0, "nothing says that views were of another history");

    // Lost: what is in Kafka and in no view, behind offsets that are good. More comes in its place.
    only_kafka_keeps(&town, 40, "in Kafka alone").await;
    // First whoever reads Kafka, as nothing is published yet that would tell.
    cluster.start(&[Role::Projectors, Role::QueryApi], 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.start(&[Role::Relay, Role::CommandApi], 1).await;
    publish(&town, 60, "in its place").await;
    views_are_of_the_log(&town).await;

    // The same, and it is published before anybody reads.
    only_kafka_keeps(&town, 20, "in Kafka alone, again").await;
    cluster.start(&[Role::Relay, Role::CommandApi, Role::QueryApi], 1).await;
    publish(&town, 30, "before anybody reads").await;
    published(&cluster).await;
    cluster.start(&[Role::Projectors], 1).await;
    views_are_of_the_log(&town).await;

    // Under processes that run: they end, and say why.
    publish(&town, 20, "under way").await;
    restore(&cluster, EARLY).await;
    every_process_ends(&cluster).await;
    publish(&town, 10, "at last").await;
    views_are_of_the_log(&town).await;

    // The same with the last three, as a failover loses them, while people go on: more comes in their place at once.
    back_up(&cluster, LATE).await;
    publish(&town, 3, "lost").await;
    views_are_at_the_head(&cluster).await;
    restore(&cluster, LATE).await;
    let people = tokio::spawn({
        let town = Arc::clone(&town);
        async move { publish(&town, 40, "at once").await }
    });
    every_process_ends(&cluster).await;
    people.await.unwrap();
    views_are_of_the_log(&town).await;
    for which in [EARLY, LATE] {
        cluster.servers.sql(&format!("DROP DATABASE {} WITH (FORCE)", backup(&cluster, which))).await;
    }
}

/// From the early backup on, so much is published and read by no view; then PostgreSQL goes back, and nothing runs.
async fn only_kafka_keeps(town: &Arc<Town>, many: usize, what: &str) {
    let cluster = &town.cluster;
    stop_all(cluster);
    restore(cluster, EARLY).await;
    cluster.start(&Role::ALL, 1).await;
    views_are_at_the_head(cluster).await;
    cluster.of(Role::Projectors).into_iter().for_each(|number| cluster.kill(number));
    publish(town, many, what).await;
    published(cluster).await;
    stop_all(cluster);
    restore(cluster, EARLY).await;
}

/// Each once, because the log is another one, and each is started again.
async fn every_process_ends(cluster: &Arc<Cluster>) {
    let (began, mut ends) = (Instant::now(), Vec::new());
    while ends.len() < Role::ALL.len() {
        assert!(began.elapsed() < NOTICED, "not every process has ended after {NOTICED:?}: {ends:?}");
        ends.extend(cluster.supervise());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("every process had noticed after {:.1?}", began.elapsed());
    for end in &ends {
        assert!(end.words.contains("the log is no longer the one that it was"), "{end:?}");
    }
    everything_runs(cluster).await;
}
