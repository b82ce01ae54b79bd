//! Many real threads at one breaker, one bulkhead, one budget, one flight: what must hold is counted.

#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use nova_resilience::breaker::Clock;
use nova_resilience::{Breaker, BreakerOptions, BreakerState, Bulkhead, RetryBudget, SingleFlight};

const THREADS: usize = 8;

#[derive(Default)]
struct Manual(AtomicU32);

impl Clock for Manual {
    fn now_ms(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

fn threads(work: impl Fn(usize) + Sync) {
    let work = &work;
    std::thread::scope(|scope| (0..THREADS).for_each(|nth| drop(scope.spawn(move || work(nth)))));
}

#[test]
fn one_probe_at_a_time_however_many_ask() {
    const PROBES: u64 = 300;
    let clock = Arc::new(Manual::default());
    let options = BreakerOptions {
        open_jitter: 0.0,
        // Leases that do not end while a probe is under way.
        probe_lease: Duration::from_secs(1_000_000),
        ..BreakerOptions::new(3, Duration::from_millis(5), 4)
    };
    let breaker = Breaker::with_clock("store", options, Arc::clone(&clock) as Arc<dyn Clock>);
    let (probes, probed) = (AtomicUsize::new(0), AtomicU64::new(0));
    let two_at_once = AtomicBool::new(false);
    let began = Instant::now();
    threads(|nth| {
        // Counted in probes, not in rounds: a thread that holds one may be descheduled while all others are refused.
        for round in 0_usize.. {
            if probed.load(Ordering::SeqCst) >= PROBES {
                break;
            }
            let Ok(permit) = breaker.try_acquire() else {
                assert!(began.elapsed() < Duration::from_secs(60), "it is half-open no more");
                clock.0.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
                continue;
            };
            let is_probe = permit.is_probe();
            if is_probe {
                probed.fetch_add(1, Ordering::SeqCst);
                if probes.fetch_add(1, Ordering::SeqCst) != 0 {
                    two_at_once.store(true, Ordering::SeqCst);
                }
                std::thread::yield_now();
                probes.fetch_sub(1, Ordering::SeqCst);
            }
            match (round * 31 + nth * 7) % 10 {
                0..=4 => permit.failed("down"),
                5 => drop(permit),
                _ => permit.succeeded(),
            }
        }
    });
    assert!(!two_at_once.load(Ordering::SeqCst));
    // Nothing is wedged: it closes when all is well.
    while breaker.state() != BreakerState::Closed {
        clock.0.fetch_add(5, Ordering::SeqCst);
        if let Ok(permit) = breaker.try_acquire() {
            permit.succeeded();
        }
    }
}

#[test]
fn failures_of_many_open_it_once() {
    let clock = Arc::new(Manual::default());
    for _ in 0..300 {
        let options = BreakerOptions {
            open_jitter: 0.0,
            open_growth: 2.0,
            open_max: Duration::from_secs(3_600),
            ..BreakerOptions::new(4, Duration::from_millis(100), 1)
        };
        let breaker = Breaker::with_clock("store", options, Arc::clone(&clock) as Arc<dyn Clock>);
        threads(|_| {
            if let Ok(permit) = breaker.try_acquire() {
                permit.failed("down");
            }
        });
        assert_eq!((breaker.status().opened, breaker.status().retry_after_ms), (1, 100));
        clock.0.fetch_add(100, Ordering::SeqCst);
        breaker.try_acquire().unwrap().failed("down");
        assert_eq!(
            (breaker.status().opened, breaker.status().retry_after_ms),
            (2, 200),
            "one opening, not many"
        );
    }
}

#[test]
fn no_more_retries_than_were_earned() {
    let budget = RetryBudget::default();
    let taken = AtomicU64::new(0);
    const CALLS: u64 = 50_000;
    threads(|_| {
        for _ in 0..CALLS {
            budget.called();
            taken.fetch_add(u64::from(budget.take()), Ordering::Relaxed);
        }
    });
    let taken = taken.into_inner();
    let earned = CALLS * THREADS as u64 / 10 + 10;
    assert!(taken <= earned, "{taken} of {earned}");
    assert!(taken > earned / 20, "{taken} of {earned}: those who meet earn less, but not nothing");
}

/// Counted as long as it lives, so also when whoever holds it gives up.
struct Inside(Arc<AtomicUsize>);

impl Inside {
    fn enter(inside: &Arc<AtomicUsize>) -> Self {
        inside.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(inside))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_than_the_places_and_none_is_lost() {
    const PLACES: usize = 5;
    let bulkhead = Bulkhead::new(PLACES, Duration::from_millis(1));
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..2_000_u64)
        .map(|nth| {
            let (bulkhead, inside, most) = (bulkhead.clone(), Arc::clone(&inside), Arc::clone(&most));
            tokio::spawn(async move {
                let work = async {
                    if let Ok(_place) = bulkhead.enter().await {
                        let counted = Inside::enter(&inside);
                        most.fetch_max(inside.load(Ordering::SeqCst), Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        drop(counted);
                    }
                };
                // Some give up while they wait.
                drop(tokio::time::timeout(Duration::from_micros(nth % 7 * 300 + 1), work).await);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!((1..=PLACES).contains(&most.load(Ordering::SeqCst)));
    assert_eq!(bulkhead.taken(), 0, "no place is lost by those who gave up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_those_who_leave_leaves_nothing_behind_and_starves_nobody() {
    let flights = Arc::new(SingleFlight::new("storm"));
    let tasks: Vec<_> = (0..4_000_u64)
        .map(|nth| {
            let flights = Arc::clone(&flights);
            tokio::spawn(async move {
                let key = nth % 3;
                let work = move || {
                    async move {
                        tokio::time::sleep(Duration::from_micros(nth % 5 * 200)).await;
                        key
                    }
                    .boxed()
                };
                if nth % 2 == 0 {
                    let hurried = Duration::from_micros(nth % 11 * 100);
                    drop(tokio::time::timeout(hurried, flights.work(key, work)).await);
                } else {
                    let answer = tokio::time::timeout(Duration::from_secs(20), flights.work(key, work)).await;
                    assert_eq!(answer, Ok(key), "whoever stays is answered");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(format!("{flights:?}").contains("under_way: 0"), "{flights:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_panic_reaches_all_who_wait_and_the_next_begins_anew() {
    let flights = Arc::new(SingleFlight::<u8, u8>::new("panics"));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let flights = Arc::clone(&flights);
            tokio::spawn(async move {
                let work = || {
                    async {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        panic!("the work broke")
                    }
                    .boxed()
                };
                flights.work(1, work).await
            })
        })
        .collect();
    for task in tasks {
        let ended = tokio::time::timeout(Duration::from_secs(20), task).await.expect("nobody waits for ever");
        let panic = ended.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("the work broke"));
    }
    assert_eq!(flights.work(1, || async { 7 }.boxed()).await, 7);
    // Nor does a panic before there is any work wedge the key.
    let broken = Arc::clone(&flights);
    let early = tokio::spawn(async move { broken.work(1, || panic!("no work at all")).await });
    assert!(early.await.unwrap_err().is_panic());
    assert_eq!(flights.work(1, || async { 8 }.boxed()).await, 8);
    assert!(format!("{flights:?}").contains("under_way: 0"), "{flights:?}");
}
