//! How many calls may be under way at once. Whoever comes beyond that waits a little, then goes elsewhere: a dependency
//! that is slow must not collect everybody.
//!
//! Waiting is for places that become free. When none has for a while, those who have them are stuck, and nobody waits behind
//! them: a dependency that hangs costs its callers [`STALLED_AFTER`], not the time that one call may take.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// When no place has been taken or given back for so long, although all are taken, there is nothing to wait for.
pub const STALLED_AFTER: Duration = Duration::from_millis(150);

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkheadFull;

/// A place for one call; free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn taken(shared: &Arc<Shared>, permit: OwnedSemaphorePermit) -> Self {
        shared.moved();
        Self { shared: Arc::clone(shared), _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.moved();
    }
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    /// When a place was taken or given back last, in microseconds.
    moved_us: AtomicU64,
}

impl Shared {
    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn moved(&self) {
        self.moved_us.store(self.now_us(), Ordering::Relaxed);
    }

    /// How much longer until nobody waits any more, if nothing moves.
    fn stalls_in(&self) -> Duration {
        let still_us = self.now_us().saturating_sub(self.moved_us.load(Ordering::Relaxed));
        STALLED_AFTER.saturating_sub(Duration::from_micros(still_us))
    }
}

/// Places for calls. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub struct Bulkhead {
    places: Arc<Semaphore>,
    places_max: usize,
    wait: Duration,
    shared: Arc<Shared>,
}

impl Bulkhead {
    /// At most `places_max` at once (at least one); the next one waits for at most `wait`, and only while places move.
    pub fn new(places_max: usize, wait: Duration) -> Self {
        let places_max = places_max.clamp(1, Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared { began: Instant::now(), moved_us: AtomicU64::new(0) });
        Self { places: Arc::new(Semaphore::new(places_max)), places_max, wait, shared }
    }

    pub async fn enter(&self) -> Result<Place, BulkheadFull> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Place::taken(&self.shared, permit));
        }
        if self.wait.is_zero() {
            return Err(BulkheadFull);
        }
        let until = Instant::now() + self.wait;
        let mut waiting = pin!(Arc::clone(&self.places).acquire_owned());
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let patience = left.min(self.shared.stalls_in());
            if patience.is_zero() {
                return Err(BulkheadFull);
            }
            match tokio::time::timeout(patience, waiting.as_mut()).await {
                Ok(Ok(permit)) => return Ok(Place::taken(&self.shared, permit)),
                Ok(Err(_)) => return Err(BulkheadFull),
                // Something may have moved meanwhile.
                Err(_) => {}
            }
        }
    }

    /// Calls under way.
    pub fn taken(&self) -> usize {
        self.places_max.saturating_sub(self.places.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn beyond_the_places_one_waits_and_then_goes() {
        let bulkhead = Bulkhead::new(2, Duration::from_millis(10));
        let first = bulkhead.enter().await.unwrap();
        let _second = bulkhead.enter().await.unwrap();
        let began = Instant::now();
        assert_eq!(bulkhead.enter().await.unwrap_err(), BulkheadFull);
        assert_eq!(began.elapsed(), Duration::from_millis(10));
        let waiting = tokio::spawn({
            let bulkhead = bulkhead.clone();
            async move { bulkhead.enter().await.is_ok() }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        drop(first);
        assert!(waiting.await.unwrap());
        assert_eq!(bulkhead.taken(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_behind_those_who_are_stuck() {
        let bulkhead = Bulkhead::new(2, Duration::from_secs(9));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let _stuck = (bulkhead.enter().await.unwrap(), bulkhead.enter().await.unwrap());
        let began = Instant::now();
        assert_eq!(bulkhead.enter().await.unwrap_err(), BulkheadFull, "the first finds it out");
        assert_eq!(began.elapsed(), STALLED_AFTER);
        assert_eq!(bulkhead.enter().await.unwrap_err(), BulkheadFull, "the next one knows");
        assert_eq!(began.elapsed(), STALLED_AFTER);
    }

    #[tokio::test(start_paused = true)]
    async fn while_places_move_one_waits_for_as_long_as_one_may() {
        let bulkhead = Bulkhead::new(1, Duration::from_secs(1));
        let first = bulkhead.enter().await.unwrap();
        let busy: Vec<_> = (0..5)
            .map(|_| {
                let bulkhead = bulkhead.clone();
                tokio::spawn(async move {
                    let place = bulkhead.enter().await.unwrap();
                    tokio::time::sleep(STALLED_AFTER * 2 / 3).await;
                    drop(place);
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let began = Instant::now();
        let last = tokio::spawn(async move { bulkhead.enter().await.map(|_| began.elapsed()) });
        drop(first);
        for one in busy {
            one.await.unwrap();
        }
        assert_eq!(last.await.unwrap().unwrap(), STALLED_AFTER * 2 / 3 * 5);
    }
}
