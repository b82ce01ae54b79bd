//! What processes export, against the truth in PostgreSQL at every second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{PgConnection, Row as _};
use tokio::task::JoinHandle;

use crate::client::Api;
use crate::cluster::Cluster;
use crate::faults::connect;
use crate::process::Role;

/// A gauge may show what was true so long ago: it is brought up to date every half second, on busy cores somewhat later.
const OLD_MAX: Duration = Duration::from_secs(3);
/// A gauge that was not brought up to date for so long has to say that it knows nothing.
const STALE: Duration = Duration::from_secs(5);

/// The samples of one metric: their labels and values.
pub(crate) async fn values(api: &Api, name: &str) -> Vec<(String, f64)> {
    let asked = tokio::time::timeout(Duration::from_secs(10), api.ask("GET", "/metrics").try_send()).await;
    let Some(text) = asked.ok().flatten().and_then(|answer| answer.body.as_str().map(str::to_owned)) else {
        return Vec::new();
    };
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let sample = |line: &str| {
        let (labels, value) = line.rsplit_once(' ')?;
        (labels.is_empty() || labels.starts_with('{')).then(|| (labels.to_owned(), value.parse().unwrap()))
    };
    lines.filter_map(sample).collect()
}

/// The sum of a counter over all processes that answer.
pub(crate) async fn total(cluster: &Cluster, name: &str) -> f64 {
    let mut sum = 0.0;
    for role in Role::ALL {
        for api in cluster.living(role) {
            sum += values(&api, name).await.iter().map(|(_, value)| value).sum::<f64>();
        }
    }
    sum
}

/// The log and the relay's cursor at a moment.
#[derive(Debug, Clone, Copy)]
struct Truth {
    at: Instant,
    head: u64,
    published: u64,
}

async fn look(connection: &mut PgConnection) -> Truth {
    let row = sqlx::query("SELECT h.position, o.position FROM nova.head h, nova.outbox o")
        .fetch_one(connection)
        .await
        .unwrap();
    let position = |index: usize| u64::try_from(row.get::<i64, _>(index)).unwrap();
    Truth { at: Instant::now(), head: position(0), published: position(1) }
}

/// Compares gauges with the truth for as long as it runs.
pub(crate) struct GaugeWatch {
    stop: Arc<AtomicBool>,
    task: JoinHandle<usize>,
}

impl GaugeWatch {
    pub(crate) async fn start(cluster: &Arc<Cluster>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, cluster) = (Arc::clone(&stop), Arc::clone(cluster));
        let connection = connect(&cluster).await;
        let task = tokio::spawn(async move { watch(&cluster, connection, &stopped).await });
        Self { stop, task }
    }

    /// How many gauges were compared.
    pub(crate) async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("gauges tell the truth")
    }
}

async fn watch(cluster: &Cluster, mut connection: PgConnection, stop: &AtomicBool) -> usize {
    let mut truths: VecDeque<Truth> = VecDeque::new();
    let (mut compared, mut scraped) = (0, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        truths.push_back(look(&mut connection).await);
        while truths.front().is_some_and(|truth| truth.at.elapsed() > Duration::from_secs(60)) {
            truths.pop_front();
        }
        if scraped.elapsed() >= Duration::from_secs(1) {
            for role in [Role::Relay, Role::Projectors] {
                for api in cluster.living(role) {
                    compared += usize::from(compare(&api, &mut truths, &mut connection).await);
                }
            }
            scraped = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    compared
}

/// The backlog is what it was at some moment of the last seconds, or said to be unknown.
async fn compare(api: &Api, truths: &mut VecDeque<Truth>, connection: &mut PgConnection) -> bool {
    let asked = Instant::now();
    let backlog = values(api, "outbox_backlog_events").await;
    let seen = values(api, "outbox_observed_timestamp_seconds").await;
    truths.push_back(look(connection).await);
    let (Some((_, backlog)), Some((_, seen))) = (backlog.first(), seen.first()) else { return false };
    let age = chrono::Utc::now().timestamp_millis() as f64 / 1e3 - seen;
    if backlog.is_nan() {
        assert!(age >= 1.0, "unknown although it was seen {age:.1} s ago");
        return false;
    }
    assert!(age < (STALE + asked.elapsed()).as_secs_f64(), "seen {age:.1} s ago and still shown: {backlog}");
    let oldest = asked.checked_sub(OLD_MAX + asked.elapsed()).unwrap_or(asked);
    let recent: Vec<Truth> = truths.iter().copied().filter(|truth| truth.at >= oldest).collect();
    // Between two looks both ends may have moved, the one before the other.
    let least = recent.iter().map(|truth| truth.head.saturating_sub(truth.published)).min().unwrap() as f64;
    let most = recent.iter().map(|truth| truth.head).max().unwrap()
        - recent.iter().map(|truth| truth.published).min().unwrap();
    let slack = 20.0 + least * 0.1;
    assert!(
        *backlog >= least - slack && *backlog <= most as f64,
        "outbox_backlog_events is {backlog}, the log says {least} to {most}: {:?}",
        recent.last()
    );
    true
}
