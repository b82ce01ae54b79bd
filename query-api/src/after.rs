//! Queries with `after=`: they wait, a little, until the views have seen a position of the log.
//!
//! * A position that the log does not have is refused at once. Where other processes append to the log, the log itself says how far
//!   it is, once for all that ask at the same time.
//! * A query that waits holds no place among those that are answered at once. How many wait is bounded apart, in all and for each
//!   user; beyond that they are answered as if their time were over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use futures::FutureExt as _;
use metrics::{Counter, Gauge, counter, gauge};
use nova_eventlog::EventLog;
use nova_events::UserId;
use nova_http::shares::{Share, Shares};
use nova_http::{ApiError, Caller, without_place};
use nova_resilience::NextFlight;
use nova_views::ViewError;
use tokio::time::Instant;

use crate::answer::{POSITION, view_error};
use crate::state::QueryState;

const WAITING: &str = "queries_after_waiting";
const REFUSED: &str = "queries_after_refused_total";

/// The queries of this process that wait.
#[derive(Debug)]
pub(crate) struct AfterWaits {
    waiting: AtomicUsize,
    of_user: Arc<Shares<UserId>>,
    /// How far the log is; `None`: it does not say.
    head: NextFlight<Option<u64>>,
    gauge: Gauge,
    unknown: Counter,
    full: Counter,
}

impl Default for AfterWaits {
    fn default() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            of_user: Arc::default(),
            head: NextFlight::new("log_head"),
            gauge: gauge!(WAITING),
            unknown: counter!(REFUSED, "reason" => "unknown"),
            full: counter!(REFUSED, "reason" => "full"),
        }
    }
}

/// One query that waits.
struct Waiting<'a> {
    waits: &'a AfterWaits,
    _of_user: Share<UserId>,
}

impl AfterWaits {
    fn enter(&self, user: UserId, most: usize, most_of_user: usize) -> Option<Waiting<'_>> {
        let of_user = self.of_user.take(user, 1, most_of_user)?;
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.gauge.increment(1.0);
        let entered = Waiting { waits: self, _of_user: of_user };
        (waiting <= most).then_some(entered)
    }

    /// Fails when the log has no such position. Where the log cannot be asked, the views decide.
    async fn check_known(&self, log: &Arc<dyn EventLog>, position: u64) -> Result<(), ApiError> {
        if position <= log.head() {
            return Ok(());
        }
        let asked = Arc::clone(log);
        let read = || async move { asked.read_head().await.ok() }.boxed();
        match self.head.work(read).await {
            Some(head) if position > head => {
                self.unknown.increment(1);
                Err(position_unknown(head))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waits.waiting.fetch_sub(1, Ordering::Relaxed);
        self.waits.gauge.decrement(1.0);
    }
}

impl QueryState {
    /// Waits until the views have seen what the client wants them to have seen. Fails with 422 `position_unknown` for a position that
    /// the log does not have, and with 503 `views_behind` when the views do not get there in time.
    pub(crate) async fn wait_for(&self, caller: &Caller, position: Option<u64>) -> Result<(), ApiError> {
        let Some(position) = position else { return Ok(()) };
        let applied = self.reader.applied();
        if position <= applied {
            return Ok(());
        }
        let options = &self.options;
        let entered =
            self.after.enter(caller.user, options.after_waiting_max, options.after_waiting_per_user_max);
        let Some(_waiting) = entered else {
            self.after.full.increment(1);
            return Err(behind(position, applied, Duration::ZERO));
        };
        without_place(self.wait_within(position, options.after_patience)).await?
    }

    async fn wait_within(&self, position: u64, patience: Duration) -> Result<(), ApiError> {
        let began = Instant::now();
        match tokio::time::timeout(patience, self.after.check_known(&self.log, position)).await {
            Ok(known) => known?,
            Err(_) => return Err(behind(position, self.reader.applied(), patience)),
        }
        let left = patience.saturating_sub(began.elapsed());
        self.reader.wait_applied(position, left).await.map_err(view_error)
    }
}

fn behind(wanted: u64, applied: u64, waited: Duration) -> ApiError {
    view_error(ViewError::Behind { wanted, applied, waited })
}

fn position_unknown(head: u64) -> ApiError {
    let detail = format!("The log is at position {head}: it does not have the one in `after` yet.");
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "position_unknown", detail)
        .header(POSITION, HeaderValue::from(head))
        .field("after", "unknown", "must be a position that a command was answered with")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_wait_than_may_in_all_and_of_one_user() {
        let waits = AfterWaits::default();
        let (ada, bob) = (UserId::make(), UserId::make());
        let first = waits.enter(ada, 3, 2).unwrap();
        let _second = waits.enter(ada, 3, 2).unwrap();
        assert!(waits.enter(ada, 3, 2).is_none(), "one user");
        let _third = waits.enter(bob, 3, 2).unwrap();
        assert!(waits.enter(bob, 3, 2).is_none(), "all together");
        drop(first);
        assert!(waits.enter(bob, 3, 2).is_some(), "those that were refused took nothing");
        assert_eq!(waits.waiting.load(Ordering::Relaxed), 2);
    }
}
