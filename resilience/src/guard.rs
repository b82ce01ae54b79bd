//! One call to a dependency, with all that protects both sides. In this order: the deadline of the request, a place in the
//! bulkhead, the breaker, the time one call may take; then, for what may be asked twice, once more within a budget.

use std::time::Duration;

use tokio::time::Instant;

use crate::breaker::{Breaker, BreakerOptions, BreakerStatus, Permit};
use crate::bulkhead::Bulkhead;
use crate::deadline::Deadline;
use crate::retry::RetryBudget;

/// What an error says about the dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did not do its work: not reached, too slow, overloaded, broken. The class is shown to operators.
    Failed(&'static str),
    /// It answered; what it said is for the caller.
    Fine,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuardError<E> {
    /// The breaker is open.
    Open { retry_after: Duration },
    /// As many calls as may be are under way.
    Full,
    /// No answer within the time that one call may take.
    TimedOut { after: Duration },
    /// The request's own time is over.
    DeadlinePassed,
    /// What the dependency said.
    Failed(E),
}

impl<E> GuardError<E> {
    /// For metrics and logs.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Full => "full",
            Self::TimedOut { .. } => "timeout",
            Self::DeadlinePassed => "deadline",
            Self::Failed(_) => "failed",
        }
    }
}

/// Settings of a guard.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardOptions {
    pub breaker: BreakerOptions,
    /// Calls under way at once.
    pub calls_max: usize,
    /// How long a further one waits for a place.
    pub place_wait: Duration,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// Somebody calls [`Guard::probe`] regularly, so that no caller has to wait to find out.
    pub probed_apart: bool,
}

/// A dependency, guarded. Share it in an `Arc`.
#[derive(Debug)]
pub struct Guard {
    breaker: Breaker,
    bulkhead: Bulkhead,
    call_timeout: Duration,
    probed_apart: bool,
    retries: RetryBudget,
}

impl Guard {
    pub fn new(name: &str, options: GuardOptions) -> Self {
        let lease = options.call_timeout.saturating_mul(2);
        let breaker = BreakerOptions { probe_lease: lease, ..options.breaker };
        Self {
            breaker: Breaker::new(name, breaker),
            bulkhead: Bulkhead::new(options.calls_max, options.place_wait),
            call_timeout: options.call_timeout,
            probed_apart: options.probed_apart,
            retries: RetryBudget::default(),
        }
    }

    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    pub fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }

    pub fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    pub fn status(&self) -> BreakerStatus {
        self.breaker.status()
    }

    /// One call, once.
    pub fn call<T, E>(
        &self,
        judge: impl Fn(&E) -> Verdict,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, GuardError<E>>> {
        self.call_within(self.call_timeout, judge, work)
    }

    /// The same for a caller who has a reason to wait for another time than [`GuardOptions::call_timeout`].
    pub async fn call_within<T, E>(
        &self,
        call_timeout: Duration,
        judge: impl Fn(&E) -> Verdict,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, GuardError<E>> {
        let left = Deadline::current().map(Deadline::left);
        if left.is_some_and(|left| left.is_zero()) {
            return Err(GuardError::DeadlinePassed);
        }
        let Ok(_place) = self.bulkhead.enter().await else { return Err(GuardError::Full) };
        let acquired =
            if self.probed_apart { self.breaker.try_acquire_closed() } else { self.breaker.try_acquire() };
        match acquired {
            Ok(permit) => permitted(permit, call_timeout, judge, work).await,
            Err(rejected) => Err(GuardError::Open { retry_after: rejected.retry_after }),
        }
    }

    /// Finds out whether the dependency is back, if it is time to: by something cheap that it should be able to do. `false`:
    /// it is not time.
    pub async fn probe<T, E>(
        &self,
        judge: impl Fn(&E) -> Verdict,
        work: impl Future<Output = Result<T, E>>,
    ) -> bool {
        if !self.breaker.wants_probe() {
            return false;
        }
        match self.breaker.try_acquire() {
            Ok(permit) => {
                // What came of it the breaker knows.
                drop(permitted(permit, self.call_timeout, judge, work).await);
                true
            }
            Err(_) => false,
        }
    }

    /// For what may be asked twice: a call that failed at once (a connection that was reset, say) is tried once more, after
    /// a pause of random length, as long as no more than a tenth of all calls are such. What timed out is not: whoever asks
    /// has waited long enough.
    pub fn call_twice<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        judge: impl Fn(&E) -> Verdict + Copy,
        work: impl FnMut() -> F,
    ) -> impl Future<Output = Result<T, GuardError<E>>> {
        self.call_twice_within(self.call_timeout, judge, work)
    }

    /// [`Self::call_twice`] and [`Self::call_within`].
    pub async fn call_twice_within<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        call_timeout: Duration,
        judge: impl Fn(&E) -> Verdict + Copy,
        mut work: impl FnMut() -> F,
    ) -> Result<T, GuardError<E>> {
        self.retries.called();
        match self.call_within(call_timeout, judge, work()).await {
            Err(GuardError::Failed(error)) if matches!(judge(&error), Verdict::Failed(_)) => {
                if !self.retries.take() {
                    return Err(GuardError::Failed(error));
                }
                tokio::time::sleep(RetryBudget::pause()).await;
                match self.call_within(call_timeout, judge, work()).await {
                    // What went wrong first is the better answer to why there is none.
                    Err(GuardError::Open { .. } | GuardError::Full) => Err(GuardError::Failed(error)),
                    other => other,
                }
            }
            other => other,
        }
    }
}

async fn permitted<T, E>(
    permit: Permit<'_>,
    call_timeout: Duration,
    judge: impl Fn(&E) -> Verdict,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, GuardError<E>> {
    let limit = Deadline::current().map_or(call_timeout, |deadline| deadline.left().min(call_timeout));
    let began = Instant::now();
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(value)) => {
            permit.succeeded_after(began.elapsed());
            Ok(value)
        }
        Ok(Err(error)) => {
            match judge(&error) {
                Verdict::Failed(class) => permit.failed(class),
                Verdict::Fine => permit.succeeded_after(began.elapsed()),
            }
            Err(GuardError::Failed(error))
        }
        Err(_) if limit < call_timeout => {
            // The dependency did not have the time that is its own: nothing is known about it.
            drop(permit);
            Err(GuardError::DeadlinePassed)
        }
        Err(_) => {
            permit.failed("timeout");
            Err(GuardError::TimedOut { after: limit })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::breaker::BreakerState;

    fn guard(calls_max: usize) -> Guard {
        let options = GuardOptions {
            breaker: BreakerOptions {
                open_jitter: 0.0,
                ..BreakerOptions::new(2, Duration::from_secs(10), 1)
            },
            calls_max,
            place_wait: Duration::ZERO,
            call_timeout: Duration::from_millis(100),
            probed_apart: false,
        };
        Guard::new("store", options)
    }

    fn judge(error: &&'static str) -> Verdict {
        if *error == "not there" { Verdict::Fine } else { Verdict::Failed("down") }
    }

    fn says(answer: Result<u8, &'static str>) -> std::future::Ready<Result<u8, &'static str>> {
        std::future::ready(answer)
    }

    async fn hangs() -> Result<u8, &'static str> {
        std::future::pending().await
    }

    /// On a clock that goes on while it is looked at.
    #[tokio::test]
    async fn what_takes_too_long_is_a_failure() {
        let guard = guard(9);
        for _ in 0..2 {
            let answer = guard.call(judge, hangs()).await;
            assert_eq!(answer, Err(GuardError::TimedOut { after: Duration::from_millis(100) }));
        }
        assert_eq!(guard.status().state, BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_and_not_after_what_is_for_the_caller() {
        let guard = guard(9);
        for _ in 0..9 {
            assert_eq!(guard.call(judge, says(Err("not there"))).await, Err(GuardError::Failed("not there")));
        }
        assert_eq!(
            guard.call(judge, hangs()).await,
            Err(GuardError::TimedOut { after: Duration::from_millis(100) })
        );
        assert_eq!(guard.call(judge, says(Err("down"))).await, Err(GuardError::Failed("down")));
        let open = guard.call(judge, says(Ok(1))).await;
        assert_eq!(open, Err(GuardError::Open { retry_after: Duration::from_secs(10) }));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(guard.call(judge, says(Ok(1))).await, Ok(1));
        assert_eq!(guard.status().state, BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn where_probes_are_made_apart_no_caller_waits_to_find_out() {
        let mut guard = guard(9);
        guard.probed_apart = true;
        assert!(!guard.probe(judge, says(Ok(1))).await, "it is closed");
        for _ in 0..2 {
            assert_eq!(guard.call(judge, says(Err("down"))).await, Err(GuardError::Failed("down")));
        }
        assert!(!guard.probe(judge, says(Ok(1))).await, "it is not time yet");
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(matches!(guard.call(judge, says(Ok(1))).await, Err(GuardError::Open { .. })));
        assert!(guard.probe(judge, hangs()).await);
        assert!(matches!(guard.call(judge, says(Ok(1))).await, Err(GuardError::Open { .. })));
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(guard.probe(judge, says(Ok(1))).await);
        assert_eq!(guard.call(judge, says(Ok(1))).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_time_says_nothing_about_the_store() {
        let guard = guard(9);
        for _ in 0..5 {
            let late = Deadline::within(Duration::from_millis(20)).scope(guard.call(judge, hangs())).await;
            assert_eq!(late, Err(GuardError::DeadlinePassed));
            let over = Deadline::within(Duration::ZERO).scope(guard.call(judge, says(Ok(1)))).await;
            assert_eq!(over, Err(GuardError::DeadlinePassed));
        }
        assert_eq!(guard.status().state, BreakerState::Closed);
        assert_eq!(guard.bulkhead().taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_with_a_reason_waits_longer() {
        let guard = guard(9);
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            Ok::<u8, &str>(3)
        };
        let longer = Duration::from_millis(200);
        assert_eq!(guard.call_within(longer, judge, slow()).await, Ok(3));
        assert_eq!(guard.call_twice_within(longer, judge, slow).await, Ok(3));
        let usual = guard.call(judge, slow()).await;
        assert_eq!(usual, Err(GuardError::TimedOut { after: Duration::from_millis(100) }));
        assert_eq!(
            guard.call_within(longer, judge, hangs()).await,
            Err(GuardError::TimedOut { after: longer })
        );
        assert_eq!(guard.status().state, BreakerState::Open, "both count");
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_its_places_nobody_waits() {
        let guard = guard(1);
        let (first, second) = tokio::join!(guard.call(judge, hangs()), guard.call(judge, says(Ok(1))));
        assert_eq!(first, Err(GuardError::TimedOut { after: Duration::from_millis(100) }));
        assert_eq!(second, Err(GuardError::Full));
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_at_once_is_tried_once_more_within_the_budget() {
        let guard = guard(9);
        let calls = AtomicU32::new(0);
        let second_time =
            || async { if calls.fetch_add(1, Ordering::Relaxed) == 0 { Err("reset") } else { Ok(7) } };
        assert_eq!(guard.call_twice(judge, second_time).await, Ok(7));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        let refused = || async {
            calls.fetch_add(1, Ordering::Relaxed);
            Err::<u8, _>("not there")
        };
        assert_eq!(guard.call_twice(judge, refused).await, Err(GuardError::Failed("not there")));
        assert_eq!(calls.load(Ordering::Relaxed), 3, "an answer is not asked for again");
    }
}
