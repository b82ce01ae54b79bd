//! The clock of the log. In the distributed profile each command-api has a clock of its own, and one that is hours off
//! would date what people do hours off. So a command that is not an import takes the time of the log, as soon as the two
//! differ by more than the network explains.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use nova_eventlog::EventLog;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

/// Gauge: how many seconds the log's clock is ahead of this process's.
const OFFSET: &str = "command_clock_offset_seconds";

/// How long an offset is used before the log is asked again.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// How long the first commands of a process wait for the log to say what time it is.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A clock that is behind by less is left alone: clocks that are kept in step differ by less.
const TOLERANCE_MS: i64 = 50;
/// Beyond this somebody should look after the clock.
const WARN_MS: i64 = 1_000;

/// How far the log's clock is ahead of this process's. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LogClock(Arc<Shared>);

struct Shared {
    log: Arc<dyn EventLog>,
    /// `false`: the log is in this process.
    is_remote: bool,
    offset_ms: AtomicI64,
    asked: Mutex<Option<Instant>>,
    first: tokio::sync::OnceCell<()>,
}

impl LogClock {
    pub(crate) fn new(log: Arc<dyn EventLog>, is_remote: bool) -> Self {
        let (offset_ms, asked) = (AtomicI64::new(0), Mutex::new(None));
        Self(Arc::new(Shared { log, is_remote, offset_ms, asked, first: tokio::sync::OnceCell::new() }))
    }

    /// What a time of this process's clock is on the log's. Only the first call waits, for a bounded time.
    pub(crate) async fn translate(&self, at_ms: i64) -> i64 {
        if !self.0.is_remote {
            return at_ms;
        }
        if self.0.first.get().is_none() {
            let asking = self.0.first.get_or_init(|| async {
                self.0.is_due();
                if timeout(FIRST_WAIT, self.0.ask()).await.is_err() {
                    tracing::warn!("the event log did not say in time what time it is");
                }
            });
            asking.await;
        } else if self.0.is_due() {
            let shared = self.0.clone();
            tokio::spawn(async move { shared.ask().await });
        }
        at_ms.saturating_add(self.0.offset_ms.load(Ordering::Relaxed))
    }
}

impl Shared {
    /// Of several callers one asks.
    fn is_due(&self) -> bool {
        let mut asked = self.asked.lock();
        let is_due = asked.is_none_or(|asked| asked.elapsed() >= FRESH_FOR);
        if is_due {
            *asked = Some(Instant::now());
        }
        is_due
    }

    /// A log that does not answer leaves the offset as it was.
    async fn ask(&self) {
        let (before_ms, since) = (crate::asking::now_ms(), Instant::now());
        let log_ms = match self.log.clock_ms().await {
            Ok(log_ms) => log_ms,
            Err(error) => {
                tracing::warn!(error = %error, "the event log does not say what time it is");
                return;
            }
        };
        let took_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let ahead_ms = log_ms.saturating_sub(before_ms).saturating_sub(took_ms / 2);
        // A clock that is ahead is never left alone: nothing happens after it was recorded.
        let tolerance_ms = if ahead_ms < 0 { 0 } else { TOLERANCE_MS };
        let is_off = ahead_ms.saturating_abs() > took_ms.saturating_div(2).saturating_add(tolerance_ms);
        let offset_ms = if is_off { ahead_ms } else { 0 };
        let was_ms = self.offset_ms.swap(offset_ms, Ordering::Relaxed);
        if offset_ms.saturating_abs() > WARN_MS && was_ms.saturating_abs() <= WARN_MS {
            tracing::warn!(
                offset_ms,
                "this machine's clock differs from the event log's: commands take the time of the log"
            );
        }
        metrics::gauge!(OFFSET).set(ahead_ms as f64 / 1_000.0);
    }
}
