//! Processes and servers that are killed (kill -9) or stopped under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::{all_equals_a_replay, all_is_well, positions};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::faults::{
    CursorWatch, duration, everything_runs, is_full, kill_between_ack_and_cursor, leading, of_every_kind,
};
use crate::load::Town;
use crate::process::Role;
use crate::servers::Servers;

const LEASE_MS: u64 = 1_000;

async fn with_a_short_lease(servers: impl FnOnce() -> Servers) -> Arc<Cluster> {
    Arc::new(Cluster::found(servers, &[("NOVA__RELAY__LEASE_MS", &LEASE_MS.to_string())]).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_of_faults() {
    let mut dice = Dice::of_this_run();
    let cluster = Arc::new(Cluster::found(Servers::own, &[]).await);
    cluster.start(&Role::ALL, 2).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    let faults = of_every_kind(&cluster, &mut dice, duration(40)).await;
    busy.rest().await;
    println!("{} faults: {}", faults.len(), faults.join(", "));
    assert!(faults.len() > 5, "hardly anything was killed: nothing was tested");
    all_is_well(&town).await;
    all_equals_a_replay(&town).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_relay_is_fenced() {
    let mut dice = Dice::of_this_run();
    let cluster = with_a_short_lease(Servers::given).await;
    cluster.start(&[Role::Relay, Role::Projectors, Role::CommandApi, Role::QueryApi], 1).await;
    cluster.start(&[Role::Relay], 1).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    let watch = CursorWatch::start(&cluster).await;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let rounds = if is_full() { 3 } else { 2 };
    let asleep = Duration::from_secs(if is_full() { 60 } else { 5 });
    for _ in 0..rounds {
        let (stopped, before) = leading(&cluster, Duration::from_secs(10), None).await;
        // Wherever it is: reading, publishing, or about to move its cursor.
        tokio::time::sleep(Duration::from_millis(dice.below(100))).await;
        cluster.with(stopped, |relay| relay.signal("STOP"));
        let began = Instant::now();
        let (next, after) = leading(&cluster, Duration::from_secs(10), Some(stopped)).await;
        println!("relay {next} leads {:.1?} after relay {stopped} was stopped", began.elapsed());
        assert!(after.epoch > before.epoch, "{before:?}, then {after:?}");
        tokio::time::sleep(asleep.saturating_sub(began.elapsed())).await;
        cluster.with(stopped, |relay| relay.signal("CONT"));
        tokio::time::sleep(Duration::from_secs(2)).await;
        let still = leading(&cluster, Duration::from_secs(1), None).await.0;
        assert_eq!(still, next, "whoever slept through its lease does not lead");
        cluster
            .with(stopped, |relay| assert_eq!(relay.ended(), None, "it stands by: {}", relay.last_words()));
    }

    busy.rest().await;
    let found = all_is_well(&town).await;
    let leaders = watch.leaders().await;
    println!("{} leaders one after the other; {} events repeated", leaders.len(), found.repeated);
    assert!(leaders.len() > rounds, "{leaders:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_between_ack_and_cursor() {
    let mut dice = Dice::of_this_run();
    let cluster = with_a_short_lease(Servers::given).await;
    cluster.start(&Role::ALL, 1).await;
    cluster.start(&[Role::Relay], 1).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    let watch = CursorWatch::start(&cluster).await;
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < duration(20) {
        let (leader, _) = leading(&cluster, Duration::from_secs(15), None).await;
        tokio::time::sleep(Duration::from_millis(dice.below(250))).await;
        cluster.replace(leader);
        kills += 1;
    }
    let mut between = 0;
    for _ in 0..5 {
        between += usize::from(kill_between_ack_and_cursor(&cluster).await);
    }
    everything_runs(&cluster).await;
    busy.rest().await;
    let found = all_is_well(&town).await;
    watch.leaders().await;
    println!("{kills} leading relays were killed, {between} just there; {} events repeated", found.repeated);
    assert!(kills > 5, "only {kills} relays were killed: nothing was tested");
    assert!(between > 0, "no relay died between Kafka's acknowledgement and its cursor: nothing was proved");
    assert!(found.repeated > 0, "{between} relays did, and no event is in Kafka twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_that_dies_between_effect_and_cursor() {
    const STORES: [&str; 3] = ["postgres", "clickhouse", "redis"];
    let mut dice = Dice::of_this_run();
    let cluster = Arc::new(Cluster::found(Servers::given, &[]).await);
    cluster.start(&[Role::Relay, Role::CommandApi, Role::QueryApi], 1).await;
    let mut projectors = STORES.map(|store| cluster.launch(Role::Projectors, &["--store", store]));
    everything_runs(&cluster).await;
    let town = Town::found(&cluster).await;
    let busy = town.busy(&mut dice);
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < duration(24) {
        // Each of them has something to do, and then dies somewhere in it.
        let before = positions(&cluster).await;
        let waiting = Instant::now();
        loop {
            let now = positions(&cluster).await;
            if now.iter().all(|(name, position)| before.get(name).is_some_and(|before| position > before)) {
                break;
            }
            assert!(
                waiting.elapsed() < Duration::from_secs(30),
                "some views stand still: {before:?}, {now:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for projector in &mut projectors {
            tokio::time::sleep(Duration::from_millis(dice.below(150))).await;
            *projector = cluster.replace(*projector);
            kills += 1;
        }
    }
    everything_runs(&cluster).await;
    busy.rest().await;
    println!("{kills} projectors were killed");
    assert!(kills >= 6, "only {kills} projectors were killed: nothing was tested");
    all_is_well(&town).await;
    all_equals_a_replay(&town).await;
}
