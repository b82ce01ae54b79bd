//! What a breaker counts, and what it tells an operator.

use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use serde::Serialize;
use tokio::time::Instant;

use super::BreakerOptions;
use super::sync::Mutex;
use super::word::{BreakerState, Word};

/// Gauge, by `dependency`: 0 closed, 1 half-open, 2 open.
const STATE: &str = "breaker_state";
/// By `dependency`, `from`, `to`, `reason`.
const TRANSITIONS: &str = "breaker_transitions_total";
/// By `dependency` and `outcome`: success, failure, cancelled.
const CALLS: &str = "breaker_calls_total";
/// By `dependency`.
const REJECTED: &str = "breaker_rejected_total";
/// By `dependency`.
const PROBE_SECONDS: &str = "breaker_probe_seconds";
/// By `dependency`: the time it was not closed, added when it closes.
const OPEN_SECONDS: &str = "breaker_open_seconds_total";

/// The latest failure of a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastFailure {
    /// A word such as `timeout`.
    pub class: &'static str,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl LastFailure {
    pub(super) fn now(class: &'static str) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { class, at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// How a breaker is doing, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakerStatus {
    pub name: String,
    pub state: BreakerState,
    /// Closed: failures in a row. Half-open: successful probes in a row.
    pub count: u8,
    /// No call is let through before; 0 when one would be.
    pub retry_after_ms: u64,
    /// How long it has been in this state.
    pub for_ms: u64,
    /// Since the process started.
    pub opened: u64,
    pub rejected: u64,
    pub last_failure: Option<LastFailure>,
    pub failures_to_open: u8,
    pub open_ms: u64,
    pub successes_to_close: u8,
}

pub(super) struct Counters {
    name: String,
    state: Gauge,
    success: Counter,
    failure: Counter,
    cancelled: Counter,
    rejected: Counter,
    probe_seconds: Histogram,
    open_seconds: Counter,
    seen: Mutex<Seen>,
    rejections: std::sync::atomic::AtomicU64,
}

struct Seen {
    since: Instant,
    not_closed_since: Option<Instant>,
    opened: u64,
    /// Part of a second that has not been counted yet.
    open_rest: Duration,
}

impl Counters {
    pub(super) fn new(name: &str) -> Self {
        let name = name.to_owned();
        let calls = |outcome| counter!(CALLS, "dependency" => name.clone(), "outcome" => outcome);
        let state = gauge!(STATE, "dependency" => name.clone());
        state.set(0.0);
        Self {
            state,
            success: calls("success"),
            failure: calls("failure"),
            cancelled: calls("cancelled"),
            rejected: counter!(REJECTED, "dependency" => name.clone()),
            probe_seconds: histogram!(PROBE_SECONDS, "dependency" => name.clone()),
            open_seconds: counter!(OPEN_SECONDS, "dependency" => name.clone()),
            seen: Mutex::new(Seen {
                since: Instant::now(),
                not_closed_since: None,
                opened: 0,
                open_rest: Duration::ZERO,
            }),
            rejections: std::sync::atomic::AtomicU64::new(0),
            name,
        }
    }

    pub(super) fn succeeded(&self) {
        self.success.increment(1);
    }

    pub(super) fn failed(&self) {
        self.failure.increment(1);
    }

    pub(super) fn cancelled(&self) {
        self.cancelled.increment(1);
    }

    pub(super) fn rejected(&self) {
        self.rejected.increment(1);
        self.rejections.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    pub(super) fn probed(&self, took_ms: u32) {
        self.probe_seconds.record(f64::from(took_ms) / 1_000.0);
    }

    /// Those who moved it may come here in another order than they did: what it is *now* is asked for, by `current`.
    pub(super) fn transition(
        &self,
        from: BreakerState,
        to: BreakerState,
        reason: &'static str,
        current: impl FnOnce() -> BreakerState,
    ) {
        let labels = [
            ("dependency", self.name.clone()),
            ("from", from.name().to_owned()),
            ("to", to.name().to_owned()),
            ("reason", reason.to_owned()),
        ];
        counter!(TRANSITIONS, &labels).increment(1);
        let now = Instant::now();
        let mut seen = self.seen.lock();
        seen.since = now;
        if matches!(to, BreakerState::Open | BreakerState::ForcedOpen) {
            seen.opened += 1;
        }
        let current = current();
        self.state.set(match current {
            BreakerState::Closed | BreakerState::ForcedClosed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open | BreakerState::ForcedOpen => 2.0,
        });
        match current {
            BreakerState::Closed | BreakerState::ForcedClosed => {
                if let Some(since) = seen.not_closed_since.take() {
                    let open = seen.open_rest + now.saturating_duration_since(since);
                    self.open_seconds.increment(open.as_secs());
                    seen.open_rest = Duration::from_nanos(open.subsec_nanos().into());
                }
            }
            BreakerState::Open | BreakerState::ForcedOpen | BreakerState::HalfOpen => {
                seen.not_closed_since.get_or_insert(now);
            }
        }
    }

    pub(super) fn status(
        &self,
        name: &str,
        word: Word,
        retry_after_ms: u64,
        last_failure: Option<LastFailure>,
        options: &BreakerOptions,
    ) -> BreakerStatus {
        let seen = self.seen.lock();
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        BreakerStatus {
            name: name.to_owned(),
            state: word.state(),
            count: word.count(),
            retry_after_ms,
            for_ms: millis(seen.since.elapsed()),
            opened: seen.opened,
            rejected: self.rejections.load(std::sync::atomic::Ordering::Relaxed),
            last_failure,
            failures_to_open: options.failures,
            open_ms: millis(options.open),
            successes_to_close: options.successes,
        }
    }
}
