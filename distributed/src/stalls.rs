//! Which shard of which store stands still, and since when.
//!
//! Only cursors count, as the stores have them, against the head of the log: no consumer is asked, so that one which has
//! stopped working cannot hide it. A store stands from the moment at which its lowest cursor moved last, for as long as
//! that is behind the head.
//!
//! * Health names the shard once it has stood for [`STALLED_AFTER`].
//! * `projection_shard_stalled_seconds` is there for alerts, `projection_store_lag_events` is how far each store is
//!   behind. Both are NaN when the store does not answer: nothing is known then.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::join_all;
use nova_eventlog::EventLog;
use nova_resilience::{Dependency, Trouble};
use nova_views::ViewError;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::shard::{Shard, ShardStore};
use crate::views::Expected;

/// Names of the metrics.
pub mod names {
    pub const STALLED: &str = "projection_shard_stalled_seconds";
    pub const LAG: &str = "projection_store_lag_events";
}

/// A shard that does not move for so long although the log goes on is reported. Watermarks move every shard ten times a
/// second, and the slowest store saves its cursors within a second or two.
pub const STALLED_AFTER: Duration = Duration::from_secs(4);
const INTERVAL: Duration = Duration::from_secs(1);
/// How long a store may take to say how far it is.
const ASK_MAX: Duration = Duration::from_secs(2);

/// A shard that stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    pub store: &'static str,
    pub projection: &'static str,
    pub shard: Shard,
    /// It has everything up to here.
    pub position: u64,
    /// The head of the log.
    pub head: u64,
    pub since: SystemTime,
}

impl std::fmt::Display for Stall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let since = DateTime::<Utc>::from(self.since).to_rfc3339_opts(SecondsFormat::Secs, true);
        let Self { store, projection, shard, position, head, .. } = self;
        write!(f, "{store}/{projection} {shard} stands at {position} of {head} since {since}")
    }
}

/// Looks at the stores for as long as it is held.
#[derive(Debug)]
pub struct StallWatch {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    stores: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    store: Arc<dyn ShardStore>,
    of: Expected,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    standing: Standing,
    stall: Option<Stall>,
    /// The shard that the metric names now.
    shown: Option<Shard>,
}

/// How long the lowest cursor of a store has been where it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Standing {
    position: u64,
    since: Option<(Instant, SystemTime)>,
}

impl Standing {
    /// Returns since when the store stands, if it does.
    fn observe(&mut self, position: u64, head: u64) -> Option<(Instant, SystemTime)> {
        if position != self.position || position >= head {
            self.since = None;
        }
        self.position = position;
        if position < head {
            self.since.get_or_insert_with(|| (Instant::now(), SystemTime::now()));
        }
        self.since
    }
}

impl StallWatch {
    /// Starts on the current runtime. Each store comes with the shards that each of its projections is filled from.
    pub fn start(log: Arc<dyn EventLog>, stores: Vec<(Arc<dyn ShardStore>, Expected)>) -> Self {
        let watched = |(store, of)| Watched { store, of, found: Mutex::default() };
        let shared = Arc::new(Shared { stores: stores.into_iter().map(watched).collect() });
        let looking = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                let next = Instant::now() + INTERVAL;
                join_all(looking.stores.iter().map(|watched| watched.look(&*log))).await;
                tokio::time::sleep_until(next).await;
            }
        });
        Self { shared, _task: AbortOnDropHandle::new(task) }
    }

    /// Returns the shards that stand still, at most one of each store: the one that is furthest behind.
    pub fn stalls(&self) -> Vec<Stall> {
        self.shared.stores.iter().filter_map(|watched| watched.found.lock().stall.clone()).collect()
    }
}

impl Watched {
    async fn look(&self, log: &dyn EventLog) {
        let store = self.store.name();
        let lowest = tokio::time::timeout(ASK_MAX, self.store.applied(&self.of)).await;
        let Ok(Ok(position)) = lowest else {
            self.unknown(store);
            return;
        };
        // After the store: what was appended meanwhile makes it behind, never ahead.
        let head = log.head();
        metrics::gauge!(names::LAG, "store" => store).set(head.saturating_sub(position) as f64);
        let since = self.found.lock().standing.observe(position, head);
        let stands = since.filter(|(at, _)| at.elapsed() >= STALLED_AFTER);
        let named = self.found.lock().stall.clone().filter(|stall| stall.position == position);
        let which = match (stands, named) {
            (None, _) => None,
            (Some(_), Some(stall)) => Some((stall.projection, stall.shard)),
            (Some(_), None) => self.which(position).await.ok().flatten(),
        };
        let mut found = self.found.lock();
        found.stall = stands.zip(which).map(|((_, since), (projection, shard))| Stall {
            store,
            projection,
            shard,
            position,
            head,
            since,
        });
        let stall = found.stall.as_ref().map(|stall| stall.shard.clone());
        if found.shown != stall {
            if let Some(before) = &found.shown {
                stalled(store, before).set(0.0);
            }
            found.shown = stall;
        }
        if let (Some(shard), Some((at, _))) = (&found.shown, stands) {
            stalled(store, shard).set(at.elapsed().as_secs_f64());
        }
    }

    /// One of those whose cursor is the lowest, found by halves: stores only say which position is.
    async fn which(&self, lowest: u64) -> Result<Option<(&'static str, Shard)>, ViewError> {
        let mut of = &self.of[..];
        while of.len() > 1 {
            let (left, right) = of.split_at(of.len() / 2);
            let asked = tokio::time::timeout(ASK_MAX, self.store.applied(left)).await;
            let position = asked.map_err(|_| ViewError::Unavailable("no answer in time".to_owned()))??;
            of = if position <= lowest { left } else { right };
        }
        Ok(of.first().cloned())
    }

    fn unknown(&self, store: &'static str) {
        let found = self.found.lock();
        metrics::gauge!(names::LAG, "store" => store).set(f64::NAN);
        if let Some(shard) = &found.shown {
            stalled(store, shard).set(f64::NAN);
        }
    }
}

fn stalled(store: &'static str, shard: &Shard) -> metrics::Gauge {
    metrics::gauge!(names::STALLED, "store" => store, "shard" => shard.to_string())
}

#[async_trait::async_trait]
impl Dependency for StallWatch {
    fn name(&self) -> &'static str {
        "projection_shards"
    }

    fn address(&self) -> String {
        String::new()
    }

    fn is_required(&self) -> bool {
        false
    }

    fn detail(&self) -> Option<String> {
        let stalls: Vec<String> = self.stalls().iter().map(ToString::to_string).collect();
        Some(if stalls.is_empty() { "every shard moves".to_owned() } else { stalls.join("; ") })
    }

    async fn check(&self) -> Result<(), Trouble> {
        let stalls = self.stalls();
        let first = stalls.first().map(ToString::to_string);
        first.map_or(Ok(()), |message| Err(Trouble { class: "stalled", message }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_stands_since_its_lowest_cursor_moved_last() {
        let mut standing = Standing::default();
        let began = Instant::now();
        assert_eq!(standing.observe(0, 0), None, "an empty log");
        assert_eq!(standing.observe(5, 5), None, "at the head");
        tokio::time::advance(Duration::from_secs(100)).await;
        let behind = standing.observe(5, 6).unwrap().0;
        assert_eq!(behind - began, Duration::from_secs(100), "a quiet log is no standstill");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(standing.observe(5, 9).unwrap().0, behind, "the head moves, the store does not");
        assert_eq!(standing.observe(6, 9).unwrap().0 - behind, Duration::from_secs(10), "it moved");
        assert_eq!(standing.observe(9, 9), None);
        assert!(standing.observe(3, 9).is_some(), "a store that lost everything is behind");
    }

    #[test]
    fn a_stall_names_store_projection_shard_and_time() {
        let stall = Stall {
            store: "clickhouse",
            projection: "posts",
            shard: Shard::of_partition("post", 3),
            position: 7,
            head: 9,
            since: SystemTime::UNIX_EPOCH,
        };
        assert_eq!(stall.to_string(), "clickhouse/posts post.3 stands at 7 of 9 since 1970-01-01T00:00:00Z");
    }
}
