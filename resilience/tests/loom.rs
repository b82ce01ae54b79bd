//! Every order in which the threads of a breaker can meet, by the model checker.
//!
//!     RUSTFLAGS="--cfg loom" cargo test -p nova-resilience --test loom --release --target-dir target/loom

#![cfg(loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use loom::thread;
use nova_resilience::breaker::Clock;
use nova_resilience::{Breaker, BreakerOptions, BreakerState};

/// The time does not move by itself; what moves it is no race of the breaker's.
#[derive(Default)]
struct Manual(AtomicU32);

impl Clock for Manual {
    fn now_ms(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

fn breaker(failures: u8, successes: u8) -> (Arc<Breaker>, Arc<Manual>) {
    let clock = Arc::new(Manual::default());
    let options = BreakerOptions {
        open_jitter: 0.0,
        open_growth: 2.0,
        open_max: Duration::from_secs(60),
        probe_lease: Duration::from_millis(50),
        ..BreakerOptions::new(failures, Duration::from_millis(100), successes)
    };
    let breaker = Breaker::with_clock("checked", options, Arc::clone(&clock) as Arc<dyn Clock>);
    (Arc::new(breaker), clock)
}

/// Opened by its failures, and its open time over.
fn opened_and_waited(successes: u8) -> (Arc<Breaker>, Arc<Manual>) {
    let (breaker, clock) = breaker(1, successes);
    breaker.try_acquire().unwrap().failed("down");
    assert_eq!(breaker.state(), BreakerState::Open);
    clock.0.store(100, Ordering::SeqCst);
    (breaker, clock)
}

fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(body);
}

#[test]
fn there_are_never_two_probes_at_once() {
    check(3, || {
        let (breaker, _clock) = opened_and_waited(9);
        let under_way = Arc::new(AtomicUsize::new(0));
        let ask = |breaker: Arc<Breaker>, under_way: Arc<AtomicUsize>| {
            if let Ok(permit) = breaker.try_acquire() {
                assert!(permit.is_probe());
                assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0, "another probe is under way");
                thread::yield_now();
                under_way.fetch_sub(1, Ordering::SeqCst);
                permit.succeeded();
            }
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (breaker, under_way) = (Arc::clone(&breaker), Arc::clone(&under_way));
                thread::spawn(move || ask(breaker, under_way))
            })
            .collect();
        ask(Arc::clone(&breaker), under_way);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let successes = breaker.status().count;
        assert!((1..=3).contains(&successes), "{successes} probes");
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    });
}

#[test]
fn concurrent_failures_open_it_once() {
    check(3, || {
        let (breaker, clock) = breaker(2, 1);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let breaker = Arc::clone(&breaker);
                thread::spawn(move || {
                    if let Ok(permit) = breaker.try_acquire() {
                        permit.failed("down");
                    }
                })
            })
            .collect();
        if let Ok(permit) = breaker.try_acquire() {
            permit.failed("down");
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let status = breaker.status();
        assert_eq!((status.state, status.opened, status.retry_after_ms), (BreakerState::Open, 1, 100));
        // And it counts as one opening: the next one is twice as long, not four times.
        clock.0.store(100, Ordering::SeqCst);
        breaker.try_acquire().unwrap().failed("down");
        assert_eq!(breaker.status().retry_after_ms, 200);
    });
}

#[test]
fn an_outcome_of_an_older_generation_changes_nothing() {
    for late_failed in [false, true] {
        check(3, move || {
            let (breaker, clock) = opened_and_waited(2);
            // A probe that outlives its lease, and the one that took its place, end at once. The permits borrow.
            let breaker: &'static Breaker = Box::leak(Box::new(Arc::into_inner(breaker).unwrap()));
            let permit = breaker.try_acquire().unwrap();
            clock.0.store(150, Ordering::SeqCst);
            let second = breaker.try_acquire().unwrap();
            let thread =
                thread::spawn(move || if late_failed { permit.failed("late") } else { permit.succeeded() });
            second.succeeded();
            thread.join().unwrap();
            let status = breaker.status();
            assert_eq!((status.state, status.count), (BreakerState::HalfOpen, 1));
        });
    }
}

#[test]
fn a_probe_that_goes_makes_way_for_the_next() {
    check(3, || {
        let (breaker, _clock) = opened_and_waited(1);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let breaker = Arc::clone(&breaker);
                thread::spawn(move || drop(breaker.try_acquire()))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // Nobody's probe is left behind: without the time moving, the next one is let through and closes it.
        breaker.try_acquire().unwrap().succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn an_operator_wins_over_outcomes() {
    check(3, || {
        let (breaker, _clock) = breaker(1, 1);
        let calls = {
            let breaker = Arc::clone(&breaker);
            thread::spawn(move || {
                if let Ok(permit) = breaker.try_acquire() {
                    permit.failed("down");
                }
            })
        };
        breaker.force_open();
        calls.join().unwrap();
        assert_eq!(breaker.state(), BreakerState::ForcedOpen);
        assert!(breaker.try_acquire().is_err());
    });
}
