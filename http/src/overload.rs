//! How many requests are answered at once, by class, how soon the others are refused, and how long a request may take.
//!
//! Queries and commands have a limit each, so that a slow store of the one does not shut out the other. What is counted
//! ends with the head of the answer: live sessions and streams are not under way for as long as they live.
//!
//! A refusal costs a third of an answer from memory. Where every request that is too many is refused at once, its client sends
//! the next one at once, and at three times the capacity half of the processor refuses. So refusals are paced: the
//! first are written at once, those beyond a thousand a second are held back, for at most as long as `Retry-After` asks
//! clients to wait anyway. A connection that waits for its refusal sends nothing else (HTTP/1.1).

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, Method};
use metrics::{Gauge, gauge};
use nova_resilience::{AdaptiveLimit, AdaptiveOptions};
use tokio::time::Instant;

use crate::problem::ApiError;

const LIMIT: &str = "http_requests_limit";
const HELD: &str = "http_refusals_held";

/// What a client that is refused is asked to wait.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// As many are written without being held back: a few hundredths of a core.
const REFUSALS_PER_SECOND: u64 = 1_000;
/// A few kilobytes each; beyond that refusals are written at once.
const HELD_MAX: usize = 8_192;

/// A client that does not wait as long as Nova would says so, in milliseconds.
pub const TIMEOUT_MS: HeaderName = HeaderName::from_static("nova-timeout-ms");

/// What is limited together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Query,
    Command,
}

impl Class {
    pub(crate) fn of(method: &Method) -> Self {
        if method.is_safe() { Self::Query } else { Self::Command }
    }
}

/// A limit for each class.
pub(crate) struct Limits {
    queries: Shown,
    commands: Shown,
}

/// A limit that operators see.
struct Shown {
    limit: AdaptiveLimit,
    shown: AtomicU32,
    gauge: Gauge,
}

impl Shown {
    fn new(options: &AdaptiveOptions, class: &'static str) -> Self {
        let limit = AdaptiveLimit::new(options.clone());
        let (shown, gauge) = (AtomicU32::new(limit.limit()), gauge!(LIMIT, "class" => class));
        gauge.set(f64::from(limit.limit()));
        Self { limit, shown, gauge }
    }

    fn left(&self, took: Duration) {
        self.limit.left(took);
        let limit = self.limit.limit();
        if self.shown.load(Ordering::Relaxed) != limit {
            self.shown.store(limit, Ordering::Relaxed);
            self.gauge.set(f64::from(limit));
        }
    }
}

impl Limits {
    pub(crate) fn new(options: &AdaptiveOptions) -> Self {
        Self { queries: Shown::new(options, "query"), commands: Shown::new(options, "command") }
    }

    pub(crate) fn enter(&self, class: Class) -> bool {
        self.of(class).limit.enter()
    }

    /// For one that waits for something other than Nova, which says nothing about how long an answer takes.
    pub(crate) fn left_early(&self, class: Class) {
        self.of(class).limit.left_early();
    }

    /// Also for a request whose client has gone: it took at least so long, and those who leave are the slow ones.
    pub(crate) fn left(&self, class: Class, took: Duration) {
        self.of(class).left(took);
    }

    fn of(&self, class: Class) -> &Shown {
        match class {
            Class::Query => &self.queries,
            Class::Command => &self.commands,
        }
    }
}

/// When refusals are written.
pub(crate) struct Refusals {
    began: Instant,
    /// When the next one may be written, in nanoseconds (the virtual scheduling of the generic cell rate algorithm,
    /// ITU-T I.371).
    next_ns: AtomicU64,
    held: AtomicUsize,
    gauge: Gauge,
}

impl Refusals {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            next_ns: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            gauge: gauge!(HELD),
        }
    }

    /// Returns when this one may be written: at once, or after at most `most`.
    pub(crate) async fn pace(&self, most: Duration) {
        let wait = self.wait().min(most);
        if wait.is_zero() {
            return;
        }
        let Some(_held) = self.hold() else { return };
        tokio::time::sleep(wait).await;
    }

    fn wait(&self) -> Duration {
        let between_ns = 1_000_000_000 / REFUSALS_PER_SECOND;
        let now_ns = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let last_ns = now_ns + RETRY_AFTER.as_nanos() as u64;
        let next = |next_ns: u64| Some((next_ns.max(now_ns) + between_ns).min(last_ns));
        let slot_ns = self.next_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Duration::from_nanos(slot_ns.unwrap_or(0).saturating_sub(now_ns))
    }

    fn hold(&self) -> Option<Held<'_>> {
        let held = self.held.fetch_add(1, Ordering::Relaxed);
        self.gauge.increment(1.0);
        let place = Held(self);
        (held < HELD_MAX).then_some(place)
    }
}

/// Counts one that is held back, until it is written or its client has gone.
struct Held<'a>(&'a Refusals);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
        self.0.gauge.decrement(1.0);
    }
}

/// How long this request may take: what the client says, but not more than Nova allows.
pub(crate) fn time_for(headers: &HeaderMap, most: Duration) -> Result<Duration, ApiError> {
    let Some(value) = headers.get(&TIMEOUT_MS) else { return Ok(most) };
    let ms = value.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok());
    let asked = ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    asked.filter(|asked| !asked.is_zero()).map(|asked| asked.min(most)).ok_or_else(|| {
        let must = "must be a number of milliseconds, 1 or more";
        ApiError::bad_request("invalid_header", "A header does not hold what it must.").field(
            TIMEOUT_MS.as_str(),
            "invalid",
            must,
        )
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn refusals_come_at_their_pace_and_nobody_waits_longer_than_they_are_told_to() {
        let refusals = Arc::new(Refusals::new());
        let began = Instant::now();
        refusals.pace(RETRY_AFTER).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "the first is written at once");
        let waiting: Vec<_> = (0..3 * REFUSALS_PER_SECOND)
            .map(|_| {
                let refusals = Arc::clone(&refusals);
                tokio::spawn(async move {
                    refusals.pace(RETRY_AFTER).await;
                    began.elapsed()
                })
            })
            .collect();
        let mut took = Vec::new();
        for one in waiting {
            took.push(one.await.unwrap());
        }
        let within = |most: Duration| took.iter().filter(|took| **took <= most).count() as u64;
        let half = within(RETRY_AFTER / 2).abs_diff(REFUSALS_PER_SECOND / 2);
        assert!(half <= 2, "{half}");
        assert_eq!(within(RETRY_AFTER + Duration::from_millis(2)), 3 * REFUSALS_PER_SECOND);
        tokio::time::sleep(RETRY_AFTER * 2).await;
        let began = Instant::now();
        refusals.pace(RETRY_AFTER).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "a quiet while and the next one is the first again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_little_time_is_told_within_it_and_no_more_are_held_than_may_be() {
        let refusals = Refusals::new();
        for _ in 0..REFUSALS_PER_SECOND {
            refusals.wait();
        }
        let began = Instant::now();
        refusals.pace(Duration::from_millis(30)).await;
        assert_eq!(began.elapsed(), Duration::from_millis(30));
        let held: Vec<_> = (0..HELD_MAX).map(|_| refusals.hold().unwrap()).collect();
        let began = Instant::now();
        refusals.pace(RETRY_AFTER).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        drop(held);
        assert_eq!(refusals.held.load(Ordering::Relaxed), 0);
        refusals.pace(RETRY_AFTER).await;
        assert!(!began.elapsed().is_zero());
    }
}
