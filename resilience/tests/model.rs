//! The breaker beside a model of a page: the same calls, outcomes and times, and after each the same decision and state.
//!
//! `NOVA_MODEL_STEPS` sets how many steps are taken in all.

#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nova_resilience::breaker::Clock;
use nova_resilience::{Breaker, BreakerOptions, BreakerState, Permit};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const STEPS: u32 = 100_000;
const STEPS_OF_CASE: usize = 250;
/// Permits that are kept at once.
const KEPT_MAX: usize = 6;
/// The clock goes round soon after each case begins.
const BEGAN_MS: u32 = u32::MAX - 20_000;

#[derive(Debug, Default)]
struct Manual(AtomicU32);

impl Clock for Manual {
    fn now_ms(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Acquire,
    Succeed(usize),
    SucceedAfter(usize, u64),
    Fail(usize),
    Drop(usize),
    Pass(u32),
    ForceOpen,
    ForceClosed,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let nth = || 0..KEPT_MAX;
    prop_oneof![
        12 => Just(Step::Acquire),
        4 => nth().prop_map(Step::Succeed),
        1 => (nth(), 0..200_u64).prop_map(|(nth, took)| Step::SucceedAfter(nth, took)),
        8 => nth().prop_map(Step::Fail),
        2 => nth().prop_map(Step::Drop),
        4 => (0..60_u32).prop_map(Step::Pass),
        3 => (0..1_500_u32).prop_map(Step::Pass),
        1 => (5_000..9_000_u32).prop_map(Step::Pass),
        1 => prop_oneof![Just(Step::ForceOpen), Just(Step::ForceClosed), Just(Step::Reset), Just(Step::Reset)],
    ]
}

fn options() -> impl Strategy<Value = BreakerOptions> {
    let growth = prop_oneof![Just(1.0), Just(2.0)];
    let window = proptest::option::of((1..100_u64).prop_map(Duration::from_millis));
    let slow = proptest::option::of(Just(Duration::from_millis(100)));
    let once = proptest::bool::ANY;
    (1..5_u8, 1..1_000_u64, 1..4_u8, growth, window, slow, 1..500_u64, once).prop_map(
        |(failures, open, successes, growth, failure_window, slow_call, lease, once)| BreakerOptions {
            open_growth: growth,
            open_max: Duration::from_millis(4_000),
            open_jitter: 0.0,
            probe_lease: Duration::from_millis(lease),
            failure_window,
            slow_call,
            overlapping_count_once: once,
            ..BreakerOptions::new(failures, Duration::from_millis(open), successes)
        },
    )
}

/// What a permit was given in: its era, how many failures were counted then, and when the last of them was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    era: u64,
    count: u8,
    failed_at: u64,
}

/// What a breaker is: no word, no clock that goes round, no generation that comes again.
struct Model {
    options: BreakerOptions,
    now: u64,
    state: BreakerState,
    /// Of permits that still matter: whatever changes state forgets them.
    era: u64,
    count: u8,
    failed_at: u64,
    open_until: u64,
    /// Until when the probe under way may take.
    probe_until: Option<u64>,
    openings: u32,
}

impl Model {
    fn to(&mut self, state: BreakerState) {
        (self.state, self.count, self.probe_until) = (state, 0, None);
        self.era += 1;
    }

    fn given(&self) -> Given {
        Given { era: self.era, count: self.count, failed_at: self.failed_at }
    }

    fn probe(&mut self) -> Result<(Given, bool), u64> {
        self.era += 1;
        self.probe_until = Some(self.now + self.options.probe_lease.as_millis() as u64);
        Ok((self.given(), true))
    }

    /// What it is given in and whether it is a probe, or when to ask again.
    fn acquire(&mut self) -> Result<(Given, bool), u64> {
        match self.state {
            BreakerState::Closed | BreakerState::ForcedClosed => Ok((self.given(), false)),
            BreakerState::ForcedOpen => Err(self.options.open.as_millis() as u64),
            BreakerState::Open if self.now < self.open_until => Err(self.open_until - self.now),
            BreakerState::Open => {
                self.to(BreakerState::HalfOpen);
                self.probe()
            }
            BreakerState::HalfOpen => match self.probe_until {
                Some(until) if self.now < until => Err(until - self.now),
                Some(_) | None => self.probe(),
            },
        }
    }

    fn succeed(&mut self, era: u64) {
        match self.state {
            _ if era != self.era => {}
            BreakerState::Closed => self.count = 0,
            BreakerState::HalfOpen => {
                (self.count, self.probe_until) = (self.count + 1, None);
                if self.count == self.options.successes {
                    self.to(BreakerState::Closed);
                    self.openings = 0;
                }
            }
            BreakerState::Open | BreakerState::ForcedOpen | BreakerState::ForcedClosed => {}
        }
    }

    fn fail(&mut self, given: Given) {
        let opens = match self.state {
            _ if given.era != self.era => false,
            BreakerState::Closed
                if self.options.overlapping_count_once && self.count > 0 && given != self.given() =>
            {
                false
            }
            BreakerState::Closed => {
                let window = self.options.failure_window;
                let apart = Duration::from_millis(self.now - self.failed_at);
                if window.is_some_and(|window| apart > window) {
                    self.count = 0;
                }
                (self.count, self.failed_at) = (self.count + 1, self.now);
                self.count == self.options.failures
            }
            BreakerState::HalfOpen => true,
            BreakerState::Open | BreakerState::ForcedOpen | BreakerState::ForcedClosed => false,
        };
        if opens {
            let grown =
                self.options.open.as_millis() as f64 * self.options.open_growth.powi(self.openings as i32);
            self.to(BreakerState::Open);
            self.open_until = self.now + (grown as u64).min(self.options.open_max.as_millis() as u64);
            self.openings += 1;
        }
    }

    fn cancel(&mut self, era: u64) {
        if era == self.era && self.state == BreakerState::HalfOpen {
            self.probe_until = None;
        }
    }

    fn retry_after(&self) -> u64 {
        match (self.state, self.probe_until) {
            (BreakerState::Open, _) => self.open_until.saturating_sub(self.now),
            (BreakerState::HalfOpen, Some(until)) => until.saturating_sub(self.now),
            (_, _) => 0,
        }
    }
}

struct Pair<'a> {
    breaker: &'a Breaker,
    clock: &'a Manual,
    model: Model,
    kept: Vec<(Permit<'a>, Given)>,
}

impl Pair<'_> {
    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Acquire => self.acquire()?,
            Step::Pass(ms) => {
                self.clock.0.fetch_add(ms, Ordering::SeqCst);
                self.model.now += u64::from(ms);
            }
            Step::ForceOpen => {
                self.breaker.force_open();
                self.model.to(BreakerState::ForcedOpen);
            }
            Step::ForceClosed => {
                self.breaker.force_closed();
                self.model.to(BreakerState::ForcedClosed);
            }
            Step::Reset => {
                self.breaker.reset();
                self.model.to(BreakerState::Closed);
                self.model.openings = 0;
            }
            Step::Succeed(nth) | Step::SucceedAfter(nth, _) | Step::Fail(nth) | Step::Drop(nth) => {
                if nth < self.kept.len() {
                    self.tell(nth, step);
                }
            }
        }
        self.compare(step)
    }

    fn acquire(&mut self) -> Result<(), TestCaseError> {
        match (self.breaker.try_acquire(), self.model.acquire()) {
            (Ok(permit), Ok((given, is_probe))) => {
                prop_assert_eq!(permit.is_probe(), is_probe);
                self.kept.push((permit, given));
                if self.kept.len() > KEPT_MAX {
                    self.tell(0, Step::Drop(0));
                }
            }
            (Err(rejected), Err(wait)) => {
                prop_assert_eq!(rejected.retry_after, Duration::from_millis(wait.max(1)));
            }
            (ours, models) => prop_assert!(false, "{:?}, and the model says {:?}", ours, models),
        }
        Ok(())
    }

    fn tell(&mut self, nth: usize, step: Step) {
        let (permit, given) = self.kept.remove(nth);
        match step {
            Step::Succeed(_) => {
                permit.succeeded();
                self.model.succeed(given.era);
            }
            Step::SucceedAfter(_, took) => {
                let took = Duration::from_millis(took);
                permit.succeeded_after(took);
                if self.model.options.slow_call.is_some_and(|slow| took > slow) {
                    self.model.fail(given);
                } else {
                    self.model.succeed(given.era);
                }
            }
            Step::Fail(_) => {
                permit.failed("down");
                self.model.fail(given);
            }
            Step::Drop(_)
            | Step::Acquire
            | Step::Pass(_)
            | Step::ForceOpen
            | Step::ForceClosed
            | Step::Reset => {
                drop(permit);
                self.model.cancel(given.era);
            }
        }
    }

    fn compare(&self, step: Step) -> Result<(), TestCaseError> {
        let (status, model) = (self.breaker.status(), &self.model);
        let ours = (status.state, status.count, status.retry_after_ms);
        prop_assert_eq!(ours, (model.state, model.count, model.retry_after()), "after {:?}", step);
        // A probe that is alive is the one of the current era.
        let live =
            self.kept.iter().filter(|(permit, given)| permit.is_probe() && given.era == model.era).count();
        prop_assert!(live <= 1, "{} live probes", live);
        prop_assert_eq!(live == 1, model.state == BreakerState::HalfOpen && model.probe_until.is_some());
        Ok(())
    }
}

fn is_as_the_model(options: BreakerOptions, steps: &[Step]) -> Result<(), TestCaseError> {
    let clock = Arc::new(Manual(AtomicU32::new(BEGAN_MS)));
    let breaker = Breaker::with_clock("modelled", options.clone(), Arc::clone(&clock) as Arc<dyn Clock>);
    let model = Model {
        options,
        now: 0,
        state: BreakerState::Closed,
        era: 0,
        count: 0,
        failed_at: 0,
        open_until: 0,
        probe_until: None,
        openings: 0,
    };
    let mut pair = Pair { breaker: &breaker, clock: &clock, model, kept: Vec::new() };
    steps.iter().try_for_each(|step| pair.take(*step))
}

#[test]
fn every_step_ends_as_in_the_model() {
    let steps = std::env::var("NOVA_MODEL_STEPS").map_or(STEPS, |text| text.parse().unwrap());
    let cases = steps.div_ceil(STEPS_OF_CASE as u32);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let inputs = (options(), proptest::collection::vec(step(), STEPS_OF_CASE));
    runner.run(&inputs, |(options, steps)| is_as_the_model(options, &steps)).unwrap();
}
