//! PostgreSQL refuses writes for a while and ends its sessions, as a failover or an operator does. Sessions that were opened
//! meanwhile stay read-only for good; afterwards no process may go on using them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::check::{all_is_well, caught_up};
use crate::cluster::Cluster;
use crate::load::Town;
use crate::process::Role;
use crate::servers::Servers;

/// Reads go on within this time: a breaker that the ended sessions opened has to close first, on a busy machine.
const READ_PATIENCE: Duration = Duration::from_secs(30);
const COMMAND_PATIENCE: Duration = Duration::from_secs(10);
const SPELL: Duration = Duration::from_secs(5);
/// From the end of a spell until every view is at the head.
const RECOVERY: Duration = Duration::from_secs(30);
/// An append that waits for PostgreSQL is given up and answered.
const APPEND_RETRY_MS: u64 = 500;

/// How many spells: `NOVA_CHAOS_SPELLS`, 3 in `./test.sh`.
fn spells() -> u32 {
    std::env::var("NOVA_CHAOS_SPELLS").map_or(3, |text| text.parse().expect("NOVA_CHAOS_SPELLS is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_reaches_the_head_after_postgresql_was_read_only() {
    let retry = APPEND_RETRY_MS.to_string();
    let more = [("NOVA__POSTGRES__APPEND_RETRY_MS_MAX", retry.as_str())];
    let cluster = Arc::new(Cluster::found(Servers::given, &more).await);
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(&cluster).await;
    // Views that have never held anything answer nothing, and cannot be filled meanwhile.
    caught_up(&cluster, RECOVERY).await;
    for spell in 1..=spells() {
        // Not all of it has been projected when the sessions end.
        publish(&town, &format!("before spell {spell}"), 0..4).await;
        let set = format!("ALTER DATABASE {}", cluster.name);
        cluster.servers.sql(&format!("{set} SET default_transaction_read_only = on")).await;
        end_sessions(&cluster).await;
        let publishing = {
            let town = Arc::clone(&town);
            tokio::spawn(async move { publish(&town, &format!("in spell {spell}"), 4..8).await })
        };
        commands_are_refused_and_reads_go_on(&town).await;
        cluster.servers.sql(&format!("{set} RESET default_transaction_read_only")).await;
        let ended = Instant::now();
        publishing.await.unwrap();
        let published = ended.elapsed();
        caught_up(&cluster, RECOVERY.saturating_sub(published)).await;
        println!(
            "spell {spell}: commands are done {published:.1?} after its end, every view is at the head after {:.1?}",
            ended.elapsed()
        );
    }
    all_is_well(&town).await;
}

/// Some people publish a post each, and repeat it until it is taken.
async fn publish(town: &Town, text: &str, people: std::ops::Range<usize>) {
    let texts = people.map(|n| (n, format!("{text}, by {n}"))).collect::<Vec<_>>();
    let published = texts.iter().map(|(n, text)| town.publishes(*n, text));
    futures::future::join_all(published).await;
}

async fn end_sessions(cluster: &Cluster) {
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE pid <> pg_backend_pid() AND datname =";
    cluster.servers.sql(&format!("{others} '{}'", cluster.name)).await;
}

async fn commands_are_refused_and_reads_go_on(town: &Town) {
    let (cluster, began) = (&town.cluster, Instant::now());
    let (_, token) = &town.people[0];
    let command_api = cluster.living(Role::CommandApi).remove(0);
    // Sessions end a moment after they are told to.
    tokio::time::sleep(Duration::from_millis(500)).await;
    while began.elapsed() < SPELL {
        let command = command_api.ask("POST", "/posts").token(token).json(&json!({"text": "not now"}));
        let answer = tokio::time::timeout(COMMAND_PATIENCE, command.try_send()).await;
        let answer = answer.ok().flatten().expect("a command is answered");
        assert_eq!(answer.status.as_u16(), 503, "{}", answer.body);
        for path in ["/timeline", "/conversations"] {
            let read = cluster.ask(Role::QueryApi, READ_PATIENCE, |api| api.ask("GET", path).token(token));
            let is_read = read.await.is_some_and(|answer| answer.status.is_success());
            assert!(is_read, "{path} {:.1?} into the spell; {}", began.elapsed(), cluster.trouble());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
