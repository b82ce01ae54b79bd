//! Until when an answer is of use. It travels with the request: whoever works on it, however deep, finds the time that is
//! left, and nobody waits for what nobody waits for any more.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn within(time: Duration) -> Self {
        Self::after(Instant::now(), time)
    }

    fn after(now: Instant, time: Duration) -> Self {
        // Further away than a clock reaches is a year: nobody waits for longer.
        Self(now.checked_add(time).unwrap_or(now + Duration::from_secs(365 * 24 * 3_600)))
    }

    /// That of the request that this is done for, if there is one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|deadline| *deadline).ok()
    }

    /// Within this time, and not after the request's own.
    pub fn current_within(time: Duration) -> Self {
        let ours = Self::within(time);
        Self::current().map_or(ours, |theirs| theirs.min(ours))
    }

    /// Does something for a request with this deadline. Tasks that are spawned within do not take it over.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Zero when it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_found_by_whoever_works_on_the_request() {
        assert_eq!(Deadline::current(), None);
        let request = Deadline::within(Duration::from_secs(2));
        request
            .scope(async {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                assert_eq!(Deadline::current().unwrap().left(), Duration::from_millis(500));
                let inner = Deadline::current_within(Duration::from_millis(100));
                assert_eq!(inner.left(), Duration::from_millis(100));
                assert_eq!(Deadline::current_within(Duration::from_secs(9)), request);
                tokio::time::sleep(Duration::from_secs(1)).await;
                assert!(request.has_passed());
            })
            .await;
        assert!(Deadline::within(Duration::MAX).left() > Duration::from_secs(3_600));
    }
}
