//! Asked once for all who wait, and never with an answer from before they asked. Whoever has to know how things are *after*
//! something they have seen cannot take the answer of a question that is under way ([`crate::SingleFlight`]): it may have been
//! looked up already. They wait for it to end, and then one of them asks for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::single_flight::SingleFlight;

/// The question under way and the one that comes next.
pub struct NextFlight<V> {
    /// By number. All who wait for one hear its answer at once: none of them has to be woken for the next to hear it.
    flights: SingleFlight<u64, V>,
    /// The number of the last one that was begun.
    begun: Arc<AtomicU64>,
    /// One at a time.
    turn: Arc<Mutex<()>>,
}

impl<V> std::fmt::Debug for NextFlight<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NextFlight").field("begun", &self.begun).finish_non_exhaustive()
    }
}

impl<V: Clone + Send + Sync + 'static> NextFlight<V> {
    /// `what` is asked, for the metric.
    pub fn new(what: &'static str) -> Self {
        Self { flights: SingleFlight::new(what), begun: Arc::default(), turn: Arc::default() }
    }

    /// The answer of a question that began after this was called: of the caller's own `work`, or of that of another one who
    /// waited beside them. It goes on as long as one of them waits; panics are those of [`SingleFlight::work`].
    pub async fn work(&self, work: impl FnOnce() -> BoxFuture<'static, V>) -> V {
        // A flight with this number may have begun by the time that it is joined, or have ended, and then there is another
        // one. Either way it began after this.
        let number = self.begun.load(Ordering::SeqCst) + 1;
        let next = || {
            let (begun, turn, work) = (Arc::clone(&self.begun), Arc::clone(&self.turn), work());
            async move {
                let _turn = turn.lock().await;
                begun.fetch_max(number, Ordering::SeqCst);
                work.await
            }
            .boxed()
        };
        self.flights.work(number, next).await
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

        async fn ask(self: &Arc<Self>) -> u64 {
            let store = Arc::clone(self);
            let work = || {
                async move {
                    store.asked.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let found = store.now.load(Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    found
                }
                .boxed()
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
    async fn it_goes_on_when_the_first_leaves_and_makes_way_when_all_do() {
        let store = Store::new();
        let under_way = async {
            assert_eq!(store.ask().await, 0);
            store.now.store(2, Ordering::SeqCst);
        };
        // Both wait for the next one; the first of them has left when it is answered.
        let leaves = tokio::time::timeout(Duration::from_millis(170), store.ask());
        let ((), left, stays) = tokio::join!(under_way, leaves, store.ask());
        assert!(left.is_err());
        assert_eq!((stays, store.asked.load(Ordering::SeqCst)), (2, 2));
        let alone = tokio::time::timeout(Duration::from_millis(70), store.ask()).await;
        assert!(alone.is_err());
        store.now.store(3, Ordering::SeqCst);
        let next = tokio::time::timeout(Duration::from_millis(110), store.ask()).await;
        assert_eq!((next, store.asked.load(Ordering::SeqCst)), (Ok(3), 4));
    }

    /// Nobody hears what was found out before they asked, and however many ask, they do not wait for each other.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_storm_hears_nothing_old() {
        let flight = Arc::new(NextFlight::new("test"));
        let now = Arc::new(AtomicU64::new(0));
        let ask = |flight: Arc<NextFlight<u64>>, now: Arc<AtomicU64>| async move {
            for _ in 0..500 {
                let before = now.fetch_add(1, Ordering::SeqCst) + 1;
                let at = Arc::clone(&now);
                let look = || {
                    async move {
                        let found = at.load(Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        found
                    }
                    .boxed()
                };
                let found = flight.work(look).await;
                assert!(found >= before, "{found}, and it was {before} before");
            }
        };
        let all = (0..32).map(|_| tokio::spawn(ask(Arc::clone(&flight), Arc::clone(&now))));
        for one in join_all(all).await {
            one.unwrap();
        }
    }
}
