//! Trying once more, within a budget: retries that are many are a second load upon whoever is failing under the first.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Thousandths of a retry.
const RETRY: u32 = 1_000;
/// A call earns a tenth of a retry.
const EARNED: u32 = 100;
/// So many retries may be saved up.
const SAVED_MAX: u32 = 10 * RETRY;
const PAUSE_MS_MAX: u64 = 20;

/// At most one retry for ten calls, and ten at once.
#[derive(Debug)]
pub struct RetryBudget {
    saved: AtomicU32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { saved: AtomicU32::new(SAVED_MAX) }
    }
}

impl RetryBudget {
    /// A call is made.
    pub fn called(&self) {
        let saved = self.saved.load(Ordering::Relaxed);
        if saved < SAVED_MAX {
            // Two at once may earn what one does: less is fine.
            let _ = self.saved.compare_exchange(
                saved,
                (saved + EARNED).min(SAVED_MAX),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    /// Whether there may be a retry; then it is spent.
    pub fn take(&self) -> bool {
        let spend = |saved: u32| saved.checked_sub(RETRY);
        self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    /// Before a retry: of random length, so that those who failed together do not come back together.
    pub fn pause() -> Duration {
        Duration::from_micros(rand::random_range(0..=PAUSE_MS_MAX * 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_may_be_tried_again() {
        let budget = RetryBudget::default();
        let at_once = (0..100).filter(|_| budget.take()).count();
        assert_eq!(at_once, 10);
        let mut later = 0;
        for _ in 0..1_000 {
            budget.called();
            later += usize::from(budget.take());
        }
        assert_eq!(later, 100);
    }
}
