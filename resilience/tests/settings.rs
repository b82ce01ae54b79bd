//! The settings of the dependencies Nova has, one after the other, on a clock that tests move.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a breaker that does not let through what it should fails the test")]

use std::time::Duration;

use nova_resilience::{Breaker, BreakerOptions, BreakerState};
use tokio::time::advance;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Failures that open it, how long, successes that close it.
const TABLE: [(&str, u8, Duration, u8); 4] = [
    ("clickhouse", 3, seconds(30), 3),
    ("kafka", 2, seconds(60), 3),
    ("redis", 5, seconds(15), 2),
    ("postgres reads", 5, seconds(10), 2),
];

fn exact(failures: u8, open: Duration, successes: u8) -> BreakerOptions {
    BreakerOptions { open_jitter: 0.0, ..BreakerOptions::new(failures, open, successes) }
}

fn fail(breaker: &Breaker) {
    breaker.try_acquire().unwrap().failed("down");
}

fn succeed(breaker: &Breaker) {
    breaker.try_acquire().unwrap().succeeded();
}

fn open_ms(breaker: &Breaker) -> u64 {
    breaker.status().retry_after_ms
}

#[tokio::test(start_paused = true)]
async fn each_opens_waits_and_closes_as_it_is_set() {
    for (name, failures, open, successes) in TABLE {
        let breaker = Breaker::new(name, exact(failures, open, successes));
        for _ in 1..failures {
            fail(&breaker);
        }
        succeed(&breaker);
        for _ in 1..failures {
            fail(&breaker);
            assert_eq!(breaker.state(), BreakerState::Closed, "{name}: a success between breaks the row");
        }
        fail(&breaker);
        assert_eq!(breaker.state(), BreakerState::Open, "{name}");
        assert_eq!(breaker.try_acquire().unwrap_err().retry_after, open, "{name}");
        advance(open - Duration::from_millis(1)).await;
        assert!(breaker.try_acquire().is_err(), "{name}: a millisecond too early");
        advance(Duration::from_millis(1)).await;
        for nth in 1..=successes {
            let probe = breaker.try_acquire().unwrap();
            assert!(probe.is_probe() && breaker.try_acquire().is_err(), "{name}: one at a time");
            probe.succeeded();
            let closed = nth == successes;
            assert_eq!(breaker.state() == BreakerState::Closed, closed, "{name}: {nth} of {successes}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_opens_each_for_as_long_again() {
    for (name, failures, open, successes) in TABLE {
        let breaker = Breaker::new(name, exact(failures, open, successes));
        (0..failures).for_each(|_| fail(&breaker));
        advance(open).await;
        (1..successes).for_each(|_| succeed(&breaker));
        fail(&breaker);
        assert_eq!((breaker.state(), open_ms(&breaker)), (BreakerState::Open, open.as_millis() as u64));
    }
}

#[tokio::test(start_paused = true)]
async fn open_times_differ_within_the_jitter() {
    for (name, failures, open, successes) in TABLE {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..300 {
            let breaker = Breaker::new(name, BreakerOptions::new(failures, open, successes));
            (0..failures).for_each(|_| fail(&breaker));
            seen.insert(open_ms(&breaker));
        }
        let most = open.as_millis() as u64;
        let within = (most * 9 / 10)..=(most * 11 / 10);
        assert!(seen.iter().all(|ms| within.contains(ms)), "{name}: {seen:?}");
        assert!(seen.len() > 100, "{name}: only {} different ones", seen.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_open_time_grows_to_its_cap_and_begins_anew_when_it_closes() {
    let options = BreakerOptions { open_growth: 2.0, open_max: seconds(60), ..exact(1, seconds(10), 1) };
    let breaker = Breaker::new("store", options);
    for expected in [10, 20, 40, 60, 60] {
        fail(&breaker);
        assert_eq!(open_ms(&breaker), expected * 1_000);
        advance(seconds(expected)).await;
    }
    succeed(&breaker);
    fail(&breaker);
    assert_eq!(open_ms(&breaker), 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_very_long_open_time_is_long() {
    let forever = BreakerOptions { open_jitter: 1.0, ..BreakerOptions::new(1, Duration::MAX, 1) };
    for _ in 0..50 {
        let breaker = Breaker::new("store", forever.clone());
        fail(&breaker);
        advance(Duration::from_millis(1)).await;
        assert!(breaker.try_acquire().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_probe_makes_way_when_its_lease_is_over() {
    let options = BreakerOptions { probe_lease: seconds(4), ..exact(1, seconds(10), 1) };
    let breaker = Breaker::new("store", options);
    fail(&breaker);
    advance(seconds(10)).await;
    let hung = breaker.try_acquire().unwrap();
    advance(seconds(3)).await;
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, seconds(1));
    advance(seconds(1)).await;
    let next = breaker.try_acquire().unwrap();
    hung.failed("timeout");
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "what hung says nothing any more");
    next.succeeded();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn failures_far_apart_are_not_in_a_row() {
    let options = BreakerOptions { failure_window: Some(seconds(5)), ..exact(3, seconds(10), 1) };
    let breaker = Breaker::new("store", options);
    for _ in 0..9 {
        fail(&breaker);
        advance(seconds(6)).await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    for _ in 0..3 {
        advance(seconds(5)).await;
        fail(&breaker);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_together_count_once_where_that_is_asked_for() {
    let options = BreakerOptions { overlapping_count_once: true, ..exact(3, seconds(15), 1) };
    let breaker = Breaker::new("store", options);
    let stall = async || {
        let under_way: Vec<_> = (0..200).map(|_| breaker.try_acquire().unwrap()).collect();
        advance(Duration::from_millis(300)).await;
        under_way.into_iter().for_each(|permit| permit.failed("timeout"));
    };
    for count in 1..3 {
        stall().await;
        assert_eq!((breaker.state(), breaker.status().count), (BreakerState::Closed, count));
    }
    succeed(&breaker);
    for count in 1..3 {
        stall().await;
        assert_eq!(breaker.status().count, count, "a success between breaks the row");
    }
    // One that began before the failure that was counted last and takes longer than others.
    let straggler = breaker.try_acquire().unwrap();
    breaker.try_acquire().unwrap().succeeded();
    stall().await;
    straggler.failed("timeout");
    assert_eq!((breaker.state(), breaker.status().count), (BreakerState::Closed, 1));
    fail(&breaker);
    fail(&breaker);
    assert_eq!((breaker.state(), open_ms(&breaker)), (BreakerState::Open, 15_000));
}

#[tokio::test(start_paused = true)]
async fn slow_answers_count_as_failures_where_that_is_asked_for() {
    for (slow_call, expected) in [(Some(seconds(1)), BreakerState::Open), (None, BreakerState::Closed)] {
        let breaker = Breaker::new("store", BreakerOptions { slow_call, ..exact(2, seconds(10), 1) });
        breaker.try_acquire().unwrap().succeeded_after(seconds(1));
        for _ in 0..2 {
            breaker.try_acquire().unwrap().succeeded_after(Duration::from_millis(1_001));
        }
        assert_eq!(breaker.state(), expected);
    }
}
