//! How fast one user may send requests: a token bucket each, as one number (GCRA: the time at which the bucket would be
//! full again).
//!
//! Bounded: the buckets of users who have been quiet for longest are forgotten first, which gives those users a full
//! bucket, never an emptier one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nova_events::UserId;
use quick_cache::sync::Cache;

const USERS_MAX: usize = 100_000;

#[derive(Debug)]
pub struct RateLimiter {
    /// Time that one request takes out of a bucket.
    interval_ns: u64,
    /// Time that a full bucket holds.
    burst_ns: u64,
    start: Instant,
    full_again_ns: Cache<UserId, Arc<AtomicU64>>,
}

impl RateLimiter {
    /// `per_second` requests in the long run, `burst` at once. `None` when `per_second` is 0: no limit.
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        if per_second == 0 {
            return None;
        }
        let interval_ns = 1_000_000_000 / u64::from(per_second);
        let burst_ns = interval_ns * u64::from(burst.max(1));
        Some(Self { interval_ns, burst_ns, start: Instant::now(), full_again_ns: Cache::new(USERS_MAX) })
    }

    /// Takes one request out of the user's bucket; otherwise says when there will be one.
    pub fn check(&self, user: UserId) -> Result<(), Duration> {
        self.check_at(user, u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn check_at(&self, user: UserId, now_ns: u64) -> Result<(), Duration> {
        let bucket = self.full_again_ns.get(&user).unwrap_or_else(|| {
            let fresh = Arc::new(AtomicU64::new(0));
            self.full_again_ns.insert(user, Arc::clone(&fresh));
            fresh
        });
        let take = |full_again: u64| {
            let next = full_again.max(now_ns) + self.interval_ns;
            (next - now_ns <= self.burst_ns).then_some(next)
        };
        match bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(full_again) => {
                Err(Duration::from_nanos((full_again + self.interval_ns) - now_ns - self.burst_ns))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_then_the_rate() {
        let limiter = RateLimiter::new(10, 3).unwrap();
        let user = UserId::make();
        let passed = (0..5).filter(|_| limiter.check_at(user, SECOND).is_ok()).count();
        assert_eq!(passed, 3);
        assert_eq!(limiter.check_at(user, SECOND), Err(Duration::from_millis(100)));
        assert_eq!(limiter.check_at(user, SECOND + SECOND / 10), Ok(()));
        assert!(limiter.check_at(user, SECOND + SECOND / 10).is_err());
        let passed = (0..50).filter(|_| limiter.check_at(user, 9 * SECOND).is_ok()).count();
        assert_eq!(passed, 3, "a bucket holds no more than its burst");
    }

    #[test]
    fn users_do_not_share_a_bucket_and_zero_is_no_limit() {
        let limiter = RateLimiter::new(1, 1).unwrap();
        assert_eq!(limiter.check_at(UserId::make(), 0), Ok(()));
        assert_eq!(limiter.check_at(UserId::make(), 0), Ok(()));
        assert!(RateLimiter::new(0, 5).is_none());
    }
}
