//! How many calls may be under way at once. Whoever comes beyond that waits a little, then goes elsewhere: a dependency
//! that is slow must not collect everybody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkheadFull;

/// A place for one call; free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Places for calls. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub struct Bulkhead {
    places: Arc<Semaphore>,
    places_max: usize,
    wait: Duration,
}

impl Bulkhead {
    /// At most `places_max` at once (at least one); the next one waits for at most `wait`.
    pub fn new(places_max: usize, wait: Duration) -> Self {
        let places_max = places_max.clamp(1, Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places_max)), places_max, wait }
    }

    pub async fn enter(&self) -> Result<Place, BulkheadFull> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Place { _permit: permit });
        }
        if self.wait.is_zero() {
            return Err(BulkheadFull);
        }
        let waiting = Arc::clone(&self.places).acquire_owned();
        match tokio::time::timeout(self.wait, waiting).await {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            Ok(Err(_)) | Err(_) => Err(BulkheadFull),
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
        let began = tokio::time::Instant::now();
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
}
