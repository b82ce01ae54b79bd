//! How far the views are behind the log, and since when: what readiness and answers say about it.
//!
//! Views are behind when they lack an event that has been in the log for longer than [`QueryOptions::ready_lag`], or more
//! than [`QueryOptions::ready_lag_events_max`] events. Everything that was in the log before this process started counts as
//! old.
//!
//! [`QueryOptions::ready_lag`]: crate::QueryOptions::ready_lag
//! [`QueryOptions::ready_lag_events_max`]: crate::QueryOptions::ready_lag_events_max

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nova_eventlog::EventLog;
use nova_events::envelope::time_of_ms;
use nova_views::ViewReader;
use parking_lot::Mutex;

/// How long the log may take to say when an event was recorded.
const LOG_PATIENCE: Duration = Duration::from_millis(250);
/// Kept lists that were worked out from lagging views are refused for so long after the views have caught up. Longer than
/// any such list is kept.
const DISTRUST: Duration = Duration::from_secs(60);
const BEHIND: &str = "views_behind";
const SAMPLE_MIN: Duration = Duration::from_millis(20);
const SAMPLE_MAX: Duration = Duration::from_millis(250);

/// Where one source of answers stands. See the module documentation for `behind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) head: u64,
    pub(crate) applied: u64,
    pub(crate) behind: bool,
}

/// Compares the views with the log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LagMonitor {
    shared: Arc<Shared>,
}

struct Shared {
    log: Arc<dyn EventLog>,
    reader: Arc<dyn ViewReader>,
    events_max: u64,
    /// Every event up to here has been in the log for longer than views may take.
    due: AtomicU64,
    /// A list that was worked out from less than this was worked out from lagging views.
    floor: AtomicU64,
    seen_behind: Mutex<Option<Instant>>,
    /// When the event at a position was recorded, of the last one that was looked up.
    recorded: Mutex<Option<(u64, DateTime<Utc>)>>,
}

impl LagMonitor {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        reader: Arc<dyn ViewReader>,
        events_max: u64,
        patience: Duration,
    ) -> Self {
        let due = AtomicU64::new(log.head());
        let shared = Arc::new(Shared {
            log,
            reader,
            events_max,
            due,
            floor: AtomicU64::new(0),
            seen_behind: Mutex::default(),
            recorded: Mutex::default(),
        });
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(sample(Arc::downgrade(&shared), patience));
        }
        Self { shared }
    }

    /// Judges a position that views have reached.
    pub(crate) fn judge(&self, applied: u64) -> Lag {
        let head = self.shared.log.head();
        let enough = self.shared.enough(head);
        let behind = applied < enough;
        if behind {
            self.shared.floor.fetch_max(enough, Ordering::AcqRel);
            *self.shared.seen_behind.lock() = Some(Instant::now());
        }
        Lag { head, applied, behind }
    }

    /// Returns the position that a kept list has to hold to be of use: 0 unless views have been seen behind of late.
    pub(crate) fn floor(&self) -> u64 {
        let distrusts = self.shared.seen_behind.lock().is_some_and(|at| at.elapsed() < DISTRUST);
        if distrusts { self.shared.floor.load(Ordering::Acquire) } else { 0 }
    }

    /// Returns when the event at `position` was recorded. The epoch when the log does not say it in time: an answer must
    /// not claim to be newer than it is.
    pub(crate) async fn recorded_at(&self, position: u64) -> DateTime<Utc> {
        let known = *self.shared.recorded.lock();
        if let Some((at, time)) = known
            && at == position
        {
            return time;
        }
        let event = tokio::time::timeout(LOG_PATIENCE, self.shared.log.event_at(position)).await;
        let Some(event) = event.ok().and_then(Result::ok).flatten() else {
            // An earlier one is true as well, if it is known.
            return known.filter(|(at, _)| *at < position).map_or(DateTime::UNIX_EPOCH, |(_, time)| time);
        };
        let time = time_of_ms(i64::try_from(event.recorded_at_ms).unwrap_or(0));
        *self.shared.recorded.lock() = Some((position, time));
        time
    }
}

impl Shared {
    /// The position from which on views are not behind.
    fn enough(&self, head: u64) -> u64 {
        self.due.load(Ordering::Acquire).max(head.saturating_sub(self.events_max))
    }
}

/// Notes where the head of the log is, until the monitor is gone.
async fn sample(shared: Weak<Shared>, patience: Duration) {
    let every = (patience / 20).clamp(SAMPLE_MIN, SAMPLE_MAX);
    let (mut heads, mut caught_up) = (VecDeque::<(Instant, u64)>::new(), 0);
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let (now, head) = (Instant::now(), shared.log.head());
        heads.push_back((now, head));
        while let Some((at, head)) = heads.front().copied()
            && now.duration_since(at) >= patience
        {
            shared.due.fetch_max(head, Ordering::AcqRel);
            heads.pop_front();
        }
        // Stores that have to be asked are asked while they are behind, so that an idle one costs nothing.
        if caught_up < head {
            caught_up = shared.reader.applied();
        }
        metrics::gauge!(BEHIND).set(f64::from(u8::from(caught_up < shared.enough(head))));
        drop(shared);
        tokio::time::sleep(every).await;
    }
}
