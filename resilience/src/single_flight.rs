//! Asked once for all who ask the same at the same time. When a store comes back, its readers do too: each answer is then
//! worked out once, and not once for each of them.

use std::any::Any;
use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use metrics::{Counter, counter};
use parking_lot::Mutex;

/// By `what`: calls that took the answer of another one.
pub const SHARED: &str = "single_flight_shared_total";

/// What came of it: its value, or that it panicked and how.
type Landing<V> = Result<V, Panicked>;
type Flight<V> = Shared<BoxFuture<'static, Landing<V>>>;

/// Work under way, by key.
pub struct SingleFlight<K, V> {
    under_way: Arc<Mutex<HashMap<K, Flight<V>>>>,
    shared: Counter,
}

impl<K, V> std::fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleFlight")
            .field("under_way", &self.under_way.lock().len())
            .finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, V: Clone + Send + Sync + 'static> SingleFlight<K, V> {
    /// `what` is worked out, for the metric.
    pub fn new(what: &'static str) -> Self {
        Self { under_way: Arc::default(), shared: counter!(SHARED, "what" => what) }
    }

    /// The work of the first who asks, for all who ask before it is done. It goes on as long as one of them waits. If it
    /// panics, so do all who wait for it, and whoever asks afterwards begins anew.
    pub async fn work(&self, key: K, work: impl FnOnce() -> BoxFuture<'static, V>) -> V {
        let flight = {
            let mut under_way = self.under_way.lock();
            match under_way.get(&key) {
                // One that all have left is begun anew, not continued after however long.
                Some(flight) if flight.strong_count().is_some_and(|count| count > 1) => {
                    self.shared.increment(1);
                    flight.clone()
                }
                Some(_) | None => {
                    let caught = AssertUnwindSafe(work()).catch_unwind();
                    let flight = caught.map(|landing| landing.map_err(Panicked::of)).boxed().shared();
                    under_way.insert(key.clone(), flight.clone());
                    flight
                }
            }
        };
        let done = Done { under_way: Arc::clone(&self.under_way), key, flight: flight.clone() };
        let landing = flight.await;
        drop(done);
        landing.unwrap_or_else(|panicked| std::panic::resume_unwind(Box::new(panicked.message.to_string())))
    }
}

/// A panic, for each who waited: the unwinding itself would reach only the one who was driving, and leave the others waiting
/// for ever.
#[derive(Clone)]
struct Panicked {
    message: Arc<str>,
}

impl Panicked {
    fn of(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self { message: text.unwrap_or("work that is shared panicked").into() }
    }
}

/// Takes the flight out when it has landed, or when all have left.
struct Done<K: Eq + Hash, V: Clone> {
    under_way: Arc<Mutex<HashMap<K, Flight<V>>>>,
    key: K,
    flight: Flight<V>,
}

impl<K: Eq + Hash, V: Clone> Drop for Done<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        let Some(there) = under_way.get(&self.key) else { return };
        // In the map, here, and with the one who leaves: nobody else waits.
        let last = self.flight.peek().is_some() || self.flight.strong_count().is_none_or(|count| count <= 3);
        if there.ptr_eq(&self.flight) && last {
            under_way.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;

    fn counted(times: &Arc<AtomicU32>) -> BoxFuture<'static, u32> {
        let times = Arc::clone(times);
        async move {
            let nth = times.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
            nth
        }
        .boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_who_ask_at_once_are_answered_by_one() {
        let (flights, times) = (SingleFlight::new("test"), Arc::new(AtomicU32::new(0)));
        let all = join_all((0..1_000).map(|_| flights.work("a", || counted(&times)))).await;
        assert!(all.iter().all(|nth| *nth == 1));
        assert_eq!(flights.work("a", || counted(&times)).await, 2, "later ones ask anew");
        assert_eq!(flights.work("b", || counted(&times)).await, 3);
        assert_eq!(flights.under_way.lock().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_when_the_first_leaves_and_not_when_all_do() {
        let (flights, times) = (SingleFlight::new("test"), Arc::new(AtomicU32::new(0)));
        let first = tokio::time::timeout(Duration::from_millis(10), flights.work("a", || counted(&times)));
        let second = flights.work("a", || counted(&times));
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err());
        assert_eq!(second, 1);
        let alone =
            tokio::time::timeout(Duration::from_millis(10), flights.work("a", || counted(&times))).await;
        assert!(alone.is_err());
        assert_eq!(flights.under_way.lock().len(), 0, "nothing is left behind");
        assert_eq!(flights.work("a", || counted(&times)).await, 3);
    }
}
