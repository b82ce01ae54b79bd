//! How fast one client may do something: a token bucket each, as one number (GCRA: the time at which the bucket would be
//! full again).
//!
//! Bounded: the buckets of clients that have been quiet for longest are forgotten first, which gives those clients a full
//! bucket, never an emptier one.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

/// Buckets that are remembered, about 100 bytes each.
const BUCKETS_MAX: usize = 100_000;

/// How large a bucket is, and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Time that one token takes to come back.
    interval_ns: u64,
    /// Time that a full bucket takes to fill.
    burst_ns: u64,
}

impl Rate {
    /// `per_second` in the long run, `burst` at once. `None` when `per_second` is 0: no limit.
    pub fn per_second(per_second: u32, burst: u32) -> Option<Self> {
        Self::new(Duration::from_secs(1), per_second, burst)
    }

    /// `per_hour` in the long run, and as many at once after a quiet hour. `None` when it is 0: no limit.
    pub fn per_hour(per_hour: u32) -> Option<Self> {
        Self::new(Duration::from_secs(3_600), per_hour, per_hour)
    }

    fn new(period: Duration, count: u32, burst: u32) -> Option<Self> {
        let interval_ns = u64::try_from(period.as_nanos()).ok()?.checked_div(u64::from(count))?;
        Some(Self { interval_ns, burst_ns: interval_ns * u64::from(burst.max(1)) })
    }
}

/// The buckets of all clients.
#[derive(Debug)]
pub struct RateLimiter<K> {
    start: Instant,
    full_again_ns: Cache<K, Arc<AtomicU64>>,
}

impl<K: Hash + Eq + Copy> Default for RateLimiter<K> {
    fn default() -> Self {
        Self { start: Instant::now(), full_again_ns: Cache::new(BUCKETS_MAX) }
    }
}

impl<K: Hash + Eq + Copy> RateLimiter<K> {
    /// Takes `count` tokens out of the client's bucket, but no more than a full bucket holds; otherwise takes none and returns when
    /// there will be as many.
    pub fn take(&self, client: K, count: u32, rate: &Rate) -> Result<(), Duration> {
        let now_ns = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.take_at(client, count, rate, now_ns)
    }

    fn take_at(&self, client: K, count: u32, rate: &Rate, now_ns: u64) -> Result<(), Duration> {
        let bucket = self.full_again_ns.get(&client).unwrap_or_else(|| {
            let fresh = Arc::new(AtomicU64::new(0));
            self.full_again_ns.insert(client, Arc::clone(&fresh));
            fresh
        });
        let cost_ns = rate.interval_ns.saturating_mul(u64::from(count)).min(rate.burst_ns);
        let take = |full_again: u64| {
            let next = full_again.max(now_ns) + cost_ns;
            (next - now_ns <= rate.burst_ns).then_some(next)
        };
        match bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(full_again) => Err(Duration::from_nanos((full_again + cost_ns) - now_ns - rate.burst_ns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_then_the_rate() {
        let (limiter, rate) = (RateLimiter::default(), Rate::per_second(10, 3).unwrap());
        let take = |at_ns| limiter.take_at(7, 1, &rate, at_ns);
        let passed = (0..5).filter(|_| take(SECOND).is_ok()).count();
        assert_eq!(passed, 3);
        assert_eq!(take(SECOND), Err(Duration::from_millis(100)));
        assert_eq!(take(SECOND + SECOND / 10), Ok(()));
        assert!(take(SECOND + SECOND / 10).is_err());
        let passed = (0..50).filter(|_| take(9 * SECOND).is_ok()).count();
        assert_eq!(passed, 3, "a bucket holds no more than its burst");
    }

    #[test]
    fn clients_do_not_share_a_bucket_and_zero_is_no_limit() {
        let (limiter, rate) = (RateLimiter::default(), Rate::per_second(1, 1).unwrap());
        assert_eq!(limiter.take_at(1, 1, &rate, 0), Ok(()));
        assert_eq!(limiter.take_at(2, 1, &rate, 0), Ok(()));
        assert_eq!((Rate::per_second(0, 5), Rate::per_hour(0)), (None, None));
    }

    #[test]
    fn several_at_once_take_as_many_and_more_than_a_bucket_empties_it() {
        let (limiter, rate) = (RateLimiter::default(), Rate::per_hour(60).unwrap());
        let minute = 60 * SECOND;
        assert_eq!(limiter.take_at(1, 50, &rate, 0), Ok(()));
        assert_eq!(limiter.take_at(1, 20, &rate, 0), Err(Duration::from_secs(600)));
        assert_eq!(limiter.take_at(1, 10, &rate, 0), Ok(()), "a refusal takes nothing");
        assert_eq!(limiter.take_at(1, 1_000, &rate, 59 * minute), Err(Duration::from_secs(60)));
        assert_eq!(limiter.take_at(1, 1_000, &rate, 60 * minute), Ok(()));
        assert!(limiter.take_at(1, 1, &rate, 60 * minute).is_err());
    }
}
