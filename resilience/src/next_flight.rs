//! Asked once for all who wait, and never with an answer from before they asked. Whoever has to know how things are *after*
//! something they have seen cannot take the answer of a question that is under way ([`crate::SingleFlight`]): it may have been
//! looked up already. They wait for it to end, and then one of them asks for all.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, counter};
use tokio::sync::Mutex;

use crate::deadline::Deadline;
use crate::single_flight::SHARED;

/// The question under way and the one that comes next.
pub struct NextFlight<V> {
    begun: AtomicU64,
    /// Whoever holds it asks. The number of the last question that was answered, and the answer.
    landed: Mutex<Option<(u64, V)>>,
    shared: Counter,
}

impl<V> std::fmt::Debug for NextFlight<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NextFlight").field("begun", &self.begun).finish_non_exhaustive()
    }
}

impl<V: Clone> NextFlight<V> {
    /// `what` is asked, for the metric.
    pub fn new(what: &'static str) -> Self {
        Self { begun: AtomicU64::new(0), landed: Mutex::default(), shared: counter!(SHARED, "what" => what) }
    }

    /// The answer of a question that began after this was called: the caller's own `work`, or that of another one who waited
    /// beside them. An answer that came when the asker's time was over is theirs alone. One who leaves while asking makes way
    /// for the next.
    pub async fn work(&self, work: impl Future<Output = V>) -> V {
        let before = self.begun.load(Ordering::SeqCst);
        let mut landed = self.landed.lock().await;
        if let Some((number, value)) = landed.as_ref()
            && *number > before
        {
            self.shared.increment(1);
            return value.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let value = work.await;
        if !Deadline::current().is_some_and(|deadline| deadline.left().is_zero()) {
            *landed = Some((number, value.clone()));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;

    /// Takes 100 ms, and says how things were in the middle of that.
    struct Store {
        now: AtomicU64,
        asked: AtomicU32,
        flight: NextFlight<u64>,
    }

    impl Store {
        fn new() -> Arc<Self> {
            let flight = NextFlight::new("test");
            Arc::new(Self { now: AtomicU64::new(0), asked: AtomicU32::new(0), flight })
        }

        async fn ask(&self) -> u64 {
            let work = async {
                self.asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                let found = self.now.load(Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                found
            };
            self.flight.work(work).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_who_ask_at_once_ask_twice() {
        let store = Store::new();
        let first = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.ask().await }
        });
        tokio::time::sleep(Duration::from_millis(60)).await;
        store.now.store(7, Ordering::SeqCst);
        let answers = join_all((0..1_000).map(|_| store.ask())).await;
        assert_eq!(first.await.unwrap(), 0);
        assert!(
            answers.iter().all(|found| *found == 7),
            "what was looked up before they asked is not for them"
        );
        assert_eq!(store.asked.load(Ordering::SeqCst), 2);
        store.now.store(8, Ordering::SeqCst);
        assert_eq!(store.ask().await, 8, "nor is what was said long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_leaves_makes_way_for_the_next() {
        let store = Store::new();
        let leaves = tokio::time::timeout(Duration::from_millis(70), store.ask());
        let (left, stays) = tokio::join!(leaves, store.ask());
        assert!(left.is_err());
        assert_eq!((stays, store.asked.load(Ordering::SeqCst)), (0, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_out_too_late_is_the_askers_alone() {
        let store = Store::new();
        let late = Deadline::within(Duration::from_millis(20)).scope(store.ask());
        let (_, found) = tokio::join!(late, store.ask());
        assert_eq!((found, store.asked.load(Ordering::SeqCst)), (0, 2));
    }
}
