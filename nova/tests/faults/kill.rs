//! One store after the other goes away, and people go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::cluster::Cluster;
use crate::community::Community;
use crate::dice::Dice;
use crate::edges::Edges;
use crate::process::Role;
use crate::servers::Servers;
use crate::settings::Settings;
use crate::tally::{Phase, Tally};
use crate::traffic::Traffic;
use crate::verdict;

/// What a request takes that nothing holds up.
const UNDER_WAY: Duration = Duration::from_millis(300);
/// How long everything may take to be as if nothing had happened, before the next case.
const RECOVERY: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_a_store_is_away() {
    let settings = Settings::of_this_run();
    println!("{settings:?}");
    let mut dice = Dice::of_this_run();
    // As many as a process has by itself, where the machine is its own.
    let connections = if settings.in_time { "16" } else { "4" };
    let limited = if settings.in_time { "true" } else { "false" };
    let more =
        [("NOVA__POSTGRES__READ_CONNECTIONS_MAX", connections), ("NOVA__HTTP__ADAPTIVE_LIMIT", limited)];
    let cluster = Arc::new(Cluster::found(Servers::own, &more).await);
    for (key, value) in settings.resilience(&cluster.run(&["config"])) {
        Role::ALL.iter().for_each(|role| cluster.set_for(*role, &key, value.clone()));
    }
    let edges = Edges::between(&cluster, dice.below(u64::MAX)).await;
    cluster.start(&Role::ALL, 1).await;
    let community = Arc::new(Community::found(&cluster, &mut dice).await);
    let mut faults = Vec::new();
    let mut table = vec![verdict::HEAD.to_owned()];
    for case in &settings.cases {
        let tally = suffer(*case, &settings, &cluster, &edges, &community, &mut dice, &mut faults).await;
        let lines = verdict::lines(*case, &tally);
        lines.iter().for_each(|line| println!("{line}"));
        table.extend(lines);
        let found = verdict::of(*case, &tally, settings.in_time);
        found.iter().for_each(|fault| println!("  {fault}"));
        faults.extend(found);
        for end in cluster.supervise() {
            faults.push(format!("{case}: a process ended by itself: {}", end.words));
        }
        if let Err(behind) = all_is_quiet(&cluster, &community).await {
            faults.push(format!("{case}: {behind}"));
        }
    }
    println!("\n{}\n", table.join("\n"));
    assert!(faults.is_empty(), "people noticed:\n  {}", faults.join("\n  "));
}

/// One case, from the quiet before it to the quiet after it.
async fn suffer(
    case: Case,
    settings: &Settings,
    cluster: &Arc<Cluster>,
    edges: &Edges,
    community: &Arc<Community>,
    dice: &mut Dice,
    faults: &mut Vec<String>,
) -> Tally {
    println!("--- {case}, for {:?}", settings.lasting);
    let traffic = Traffic::start(cluster, community, settings.rate, dice.split());
    tokio::time::sleep(settings.quiet / 2).await;
    traffic.enter(Phase::Before);
    tokio::time::sleep(settings.quiet).await;
    let before = edges.counts(case);

    // Whoever is still being answered when it begins has not asked before it.
    traffic.enter(Phase::Opening);
    tokio::time::sleep(UNDER_WAY).await;
    let known = async {
        tokio::time::sleep(settings.open).await;
        traffic.enter(Phase::During);
        tokio::time::sleep(settings.lasting.saturating_sub(settings.open)).await;
    };
    let (took, ()) = tokio::join!(case.happens(cluster, edges, settings.lasting), known);
    let during = edges.counts(case);
    traffic.enter(Phase::Recovering);
    if took > settings.lasting + UNDER_WAY {
        println!("{case}: the server answered again after {took:.1?}");
    }
    tokio::time::sleep(settings.recovering()).await;
    traffic.enter(Phase::After);
    tokio::time::sleep(settings.quiet).await;
    if !case.was_felt(before, during) {
        faults.push(format!("{case}: the fault was not felt: {before:?}, then {during:?}"));
    }
    traffic.stop().await
}

/// Waits until every projection of every store has seen the whole log, and nothing is degraded.
async fn all_is_quiet(cluster: &Cluster, community: &Community) -> Result<(), String> {
    let began = Instant::now();
    let patience = Duration::from_secs(2);
    let ask = async |path: &str, token: &str| {
        let answer = cluster.ask(Role::QueryApi, patience, |api| api.ask("GET", path).token(token)).await;
        answer.map(|answer| answer.body).unwrap_or_default()
    };
    loop {
        let projections = ask("/admin/projections", cluster.operator()).await;
        let items = projections["items"].as_array().into_iter().flatten();
        let lags: Vec<_> = items.map(|item| &item["lag"]).collect();
        let are_current = !lags.is_empty() && lags.iter().all(|lag| lag.as_u64() == Some(0));
        let mut degraded = Vec::new();
        for path in ["/feed", "/timeline", "/trending", "/discover"] {
            if ask(path, &community.people[0].token).await["degraded"] != false {
                degraded.push(path);
            }
        }
        if are_current && degraded.is_empty() {
            return Ok(());
        }
        if began.elapsed() > RECOVERY {
            return Err(format!(
                "{RECOVERY:?} after the fault {degraded:?} are still degraded, or views are behind: {projections}"
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
