//! How far the log and the relay are, as PostgreSQL says. Any process that has a connection can look; none has to lead.
//!
//! * The gauges of the outbox are what was seen, within [`OutboxWatch::INTERVAL`]. When PostgreSQL has not answered for
//!   [`OutboxWatch::STALE`] they are NaN: nothing is known, which is not zero.
//! * `outbox_observed_timestamp_seconds` says when the outbox was seen last.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use sqlx::postgres::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{OutboxStatus, names, outbox_status};

/// The outbox at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxSeen {
    /// The head of the log.
    pub head: u64,
    /// Everything up to here is in Kafka, or parked.
    pub published: u64,
    at: Instant,
}

/// Looks at the outbox for as long as it is held.
#[derive(Debug)]
pub struct OutboxWatch {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    seen: Mutex<Option<OutboxSeen>>,
    published: watch::Sender<u64>,
}

impl OutboxWatch {
    pub const INTERVAL: Duration = Duration::from_millis(500);
    /// An observation that is older than this counts as unknown.
    pub const STALE: Duration = Duration::from_secs(3);
    /// One look.
    const LOOK_MAX: Duration = Duration::from_secs(2);

    /// Starts on the current runtime.
    pub fn start(pool: PgPool) -> Self {
        let shared = Arc::new(Shared { seen: Mutex::default(), published: watch::Sender::new(0) });
        let task = tokio::spawn(keep_looking(pool, Arc::clone(&shared)));
        Self { shared, _task: AbortOnDropHandle::new(task) }
    }

    /// Returns what was seen a moment ago; `None` when PostgreSQL does not answer.
    pub fn seen(&self) -> Option<OutboxSeen> {
        self.shared.seen.lock().filter(|seen| seen.at.elapsed() < Self::STALE)
    }

    /// Follows how far the relay is, as it was seen last.
    pub fn published(&self) -> watch::Receiver<u64> {
        self.shared.published.subscribe()
    }
}

async fn keep_looking(pool: PgPool, shared: Arc<Shared>) {
    loop {
        let at = Instant::now();
        match tokio::time::timeout(OutboxWatch::LOOK_MAX, outbox_status(&pool)).await {
            Ok(Ok(status)) => saw(&shared, &status, at),
            Ok(Err(_)) | Err(_) => missed(&shared),
        }
        tokio::time::sleep_until(at + OutboxWatch::INTERVAL).await;
    }
}

fn saw(shared: &Shared, status: &OutboxStatus, at: Instant) {
    *shared.seen.lock() = Some(OutboxSeen { head: status.head, published: status.position, at });
    shared.published.send_replace(status.position);
    metrics::gauge!(names::BACKLOG).set(status.backlog_events as f64);
    metrics::gauge!(names::OLDEST).set(status.oldest_unpublished_seconds.unwrap_or(0.0));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!(names::OBSERVED).set(now.as_secs_f64());
}

fn missed(shared: &Shared) {
    if shared.seen.lock().is_none_or(|seen| seen.at.elapsed() >= OutboxWatch::STALE) {
        metrics::gauge!(names::BACKLOG).set(f64::NAN);
        metrics::gauge!(names::OLDEST).set(f64::NAN);
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_is_nan_and_never_zero() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let backlog = || {
            let text = handle.render();
            let line = text.lines().find_map(|line| line.strip_prefix(names::BACKLOG)?.strip_prefix(' '));
            line.unwrap().to_owned()
        };
        let _local = metrics::set_default_local_recorder(&recorder);
        let shared = Shared { seen: Mutex::default(), published: watch::Sender::new(0) };
        let _local = metrics::set_default_local_recorder(&recorder);
        missed(&shared);
        assert_eq!(backlog(), "NaN", "never seen");
        saw(&shared, &status(7, 10), Instant::now());
        assert_eq!(backlog(), "3");
        tokio::time::advance(OutboxWatch::STALE / 2).await;
        saw(&shared, &status(10, 10), Instant::now());
        missed(&shared);
        assert_eq!(backlog(), "0", "seen a moment ago");
        tokio::time::advance(OutboxWatch::STALE).await;
        missed(&shared);
        assert_eq!(backlog(), "NaN", "seen too long ago");
        assert_eq!(*shared.published.borrow(), 10);
    }

    fn status(position: u64, head: u64) -> OutboxStatus {
        OutboxStatus {
            position,
            head,
            backlog_events: head - position,
            oldest_unpublished_seconds: None,
            owner: None,
            epoch: 1,
            lease_until: chrono::DateTime::UNIX_EPOCH,
            parked: super::super::ParkedSummary::default(),
        }
    }
}
