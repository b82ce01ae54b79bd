//! Which store, and what happens to it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_testkit::fault_proxy::{Counts, Faults};

use crate::cluster::Cluster;
use crate::edges::Edges;

/// Between two resets of all open connections, in [`How::Resets`].
const RESET_INTERVAL: Duration = Duration::from_millis(1_500);
const RESET_PROBABILITY: f64 = 0.01;
const SLOW_BY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Store {
    ClickHouse,
    Redis,
    Kafka,
    /// PostgreSQL as queries see it. Commands need the server, so it is never touched itself: what is cut off is the way
    /// to it.
    PostgresReads,
}

impl Store {
    pub(crate) const ALL: [Self; 4] = [Self::ClickHouse, Self::Redis, Self::Kafka, Self::PostgresReads];

    fn name(self) -> &'static str {
        match self {
            Self::ClickHouse => "clickhouse",
            Self::Redis => "redis",
            Self::Kafka => "kafka",
            Self::PostgresReads => "postgres-reads",
        }
    }

    /// The server that may be killed and stopped, by its name in `deploy/local/servers`.
    fn server(self) -> Option<&'static str> {
        match self {
            Self::ClickHouse | Self::Redis | Self::Kafka => Some(self.name()),
            Self::PostgresReads => None,
        }
    }

    fn may_suffer(self, how: How) -> bool {
        match (self, how) {
            // Its clients go where it says that it listens, and that is not the proxy.
            (Self::Kafka, How::Blackhole | How::Slow | How::Resets) => false,
            // Many processes, of which each would go on.
            (Self::PostgresReads, How::Stopped) => false,
            (Self::ClickHouse | Self::Redis | Self::Kafka | Self::PostgresReads, _) => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum How {
    /// kill -9, and started again at the end. Where the server may not be touched: its connections are reset and new ones
    /// refused.
    Killed,
    /// SIGSTOP, and SIGCONT at the end.
    Stopped,
    Blackhole,
    Slow,
    /// One in a hundred new connections is reset, and now and then all that are open.
    Resets,
}

impl How {
    const ALL: [Self; 5] = [Self::Killed, Self::Stopped, Self::Blackhole, Self::Slow, Self::Resets];

    fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Stopped => "stopped",
            Self::Blackhole => "blackhole",
            Self::Slow => "slow",
            Self::Resets => "resets",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Case {
    pub(crate) store: Store,
    pub(crate) how: How,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.store.name(), self.how.name())
    }
}

impl Case {
    fn all() -> Vec<Self> {
        let cases = Store::ALL.iter().flat_map(|&store| How::ALL.map(|how| Self { store, how }));
        cases.filter(|case| case.store.may_suffer(case.how)).collect()
    }

    /// Those of a list of names. Without one, every store once.
    pub(crate) fn named(names: Option<&str>) -> Vec<Self> {
        let few = "clickhouse/blackhole,redis/killed,kafka/stopped,postgres-reads/blackhole";
        let all = Self::all();
        match names.unwrap_or(few) {
            "all" => all,
            names => names
                .split(',')
                .map(|name| {
                    let found = all.iter().find(|case| case.to_string() == name.trim());
                    *found.unwrap_or_else(|| panic!("{name:?} is none of {all:?}"))
                })
                .collect(),
        }
    }

    /// It happens, lasts so long, and ends. How long that took in all: a server that was killed may need a while.
    pub(crate) async fn happens(self, cluster: &Arc<Cluster>, edges: &Edges, lasting: Duration) -> Duration {
        let began = Instant::now();
        match (self.how, self.store.server()) {
            (How::Killed, Some(server)) => {
                let servers = cluster.servers.clone();
                tokio::task::spawn_blocking(move || servers.kill_and_start(server, lasting)).await.unwrap();
            }
            (How::Stopped, Some(server)) => {
                let servers = cluster.servers.clone();
                tokio::task::spawn_blocking(move || servers.stop_for(server, lasting)).await.unwrap();
            }
            (How::Killed | How::Stopped, None) => {
                edges.set(self.store, Faults::refuse());
                edges.reset_open(self.store);
                tokio::time::sleep(lasting).await;
            }
            (How::Blackhole, _) => {
                edges.set(self.store, Faults::blackhole());
                tokio::time::sleep(lasting).await;
            }
            (How::Slow, _) => {
                edges.set(self.store, Faults::slow(SLOW_BY));
                tokio::time::sleep(lasting).await;
            }
            (How::Resets, _) => {
                edges.set(self.store, Faults::resets(RESET_PROBABILITY));
                while began.elapsed() < lasting {
                    edges.reset_open(self.store);
                    tokio::time::sleep(RESET_INTERVAL.min(lasting.saturating_sub(began.elapsed()))).await;
                }
            }
        }
        edges.set(self.store, Faults::default());
        began.elapsed()
    }

    /// Whether the fault did what it should, by what passed the proxies before and during it.
    pub(crate) fn was_felt(self, before: Counts, during: Counts) -> bool {
        let is_busy = before.bytes_up > 0 && before.bytes_down > 0;
        match (self.store, self.how) {
            // Not behind a proxy; `deploy/local/servers` says whether it could be killed or stopped.
            (Store::Kafka, _) => true,
            (_, How::Killed | How::Stopped) => is_busy,
            // Bytes that had been read when it began may still arrive.
            (_, How::Blackhole) => is_busy && during.bytes_down - before.bytes_down < 1_000_000,
            (_, How::Slow) => is_busy,
            (_, How::Resets) => is_busy && during.resets > before.resets,
        }
    }
}
