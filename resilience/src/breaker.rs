//! A circuit breaker: stops asking a dependency that does not answer, and finds out when it does again.
//!
//! * **Closed**: every call is let through. So many consecutive failures open it.
//! * **Open**: every call is rejected at once, for a time that differs a little from breaker to breaker (jitter), so that
//!   processes which lost the same server do not all come back at the same moment.
//! * **Half-open**: one call at a time is let through, the probe; all others are rejected. So many successes in a row close
//!   it, one failure opens it again. A probe that is dropped without an outcome makes way for the next, and so does one that
//!   takes longer than its lease: a probe that hangs wedges nothing.
//! * Every transition, and every probe, begins a new generation. The outcome of a call that was let through in an earlier
//!   one is ignored: a call from before an outage does not close it, nor does one from within open what has recovered.
//! * A call that is given up by its caller is no outcome, neither way.
//!
//! All of this is one word that is changed by compare-and-swap: there is no lock, and a closed breaker costs two loads. The
//! model follows what is described in M. Nygard's "Release It!"; the counts and times are those of [`BreakerOptions`].

mod clock;
mod status;
mod sync;
mod word;

use std::sync::Arc;
use std::time::Duration;

pub use clock::{Clock, TokioClock};
use status::Counters;
pub use status::{BreakerStatus, LastFailure};
use sync::{AtomicU32, AtomicU64, Mutex, Ordering};
pub use word::BreakerState;
use word::Word;

/// When it opens, for how long, and what closes it again.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerOptions {
    /// Consecutive failures that open it; 1..=255.
    pub failures: u8,
    /// How long it stays open before the first probe.
    pub open: Duration,
    /// Each time a probe fails the open time grows by this factor; 1.0: it does not.
    pub open_growth: f64,
    /// It never grows beyond this.
    pub open_max: Duration,
    /// The open time is longer or shorter by up to this share.
    pub open_jitter: f64,
    /// Successful probes in a row that close it; 1..=255.
    pub successes: u8,
    /// A probe without an outcome after so long makes way for another: twice what a call may take.
    pub probe_lease: Duration,
    /// Failures that are further apart than this are not consecutive. `None`: however far apart.
    pub failure_window: Option<Duration>,
    /// A success that took longer counts as a failure, class `slow`. `None`: none does.
    pub slow_call: Option<Duration>,
    /// A failure counts only if its call began after the one that was counted last. For calls that share something which
    /// makes them fail together, such as one connection: however many are under way, one stall is then one failure. It
    /// takes `failures` stalls, one after the other, to open.
    pub overlapping_count_once: bool,
}

impl BreakerOptions {
    /// Opens after `failures`, for `open`, closes after `successes`.
    pub fn new(failures: u8, open: Duration, successes: u8) -> Self {
        Self {
            failures,
            open,
            open_growth: 1.0,
            open_max: open.max(Duration::from_secs(60)),
            open_jitter: 0.10,
            successes,
            probe_lease: Duration::from_secs(4),
            failure_window: None,
            slow_call: None,
            overlapping_count_once: false,
        }
    }
}

/// A call is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// No call is let through before.
    pub retry_after: Duration,
}

/// A circuit breaker. Share it by reference or in an `Arc`.
pub struct Breaker {
    name: Arc<str>,
    word: AtomicU64,
    /// Openings without a close between them.
    openings: AtomicU32,
    options: BreakerOptions,
    clock: Arc<dyn Clock>,
    counters: Counters,
    last_failure: Mutex<Option<LastFailure>>,
}

impl std::fmt::Debug for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Breaker {
    /// `name` is the dependency's, in metrics and logs.
    pub fn new(name: &str, options: BreakerOptions) -> Self {
        Self::with_clock(name, options, Arc::new(TokioClock::default()))
    }

    pub fn with_clock(name: &str, options: BreakerOptions, clock: Arc<dyn Clock>) -> Self {
        let counters = Counters::new(name);
        let options = BreakerOptions {
            failures: options.failures.max(1),
            successes: options.successes.max(1),
            ..options
        };
        Self {
            name: name.into(),
            word: AtomicU64::new(Word::default().0),
            openings: AtomicU32::new(0),
            options,
            clock,
            counters,
            last_failure: Mutex::new(None),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn options(&self) -> &BreakerOptions {
        &self.options
    }

    /// As it is now: an open time that is over is half-open only once a call comes.
    pub fn state(&self) -> BreakerState {
        self.load().state()
    }

    /// Whether a call is let through, as a permit that wants to know what came of it.
    pub fn try_acquire(&self) -> Result<Permit<'_>, Rejected> {
        let mut word = self.load();
        if matches!(word.state(), BreakerState::Closed | BreakerState::ForcedClosed) {
            return Ok(Permit { breaker: self, word, probe_began_ms: None, told: false });
        }
        loop {
            let now = self.now();
            let next = match word.state() {
                BreakerState::Closed | BreakerState::ForcedClosed => {
                    return Ok(Permit { breaker: self, word, probe_began_ms: None, told: false });
                }
                BreakerState::ForcedOpen => return Err(self.reject(self.options.open)),
                BreakerState::Open => {
                    let left = word.time_left(now, self.open_ms_most());
                    if left > 0 {
                        return Err(self.reject(Duration::from_millis(left.into())));
                    }
                    word.to(BreakerState::HalfOpen).with_probe(self.lease_end(now))
                }
                BreakerState::HalfOpen => {
                    let left = if word.is_probing() { word.time_left(now, self.lease_ms()) } else { 0 };
                    if left > 0 {
                        return Err(self.reject(Duration::from_millis(left.into())));
                    }
                    word.next_generation().with_probe(self.lease_end(now))
                }
            };
            match self.swap(word, next) {
                Ok(()) => {
                    if word.state() == BreakerState::Open {
                        self.told(word.state(), next.state(), "open time over");
                    }
                    return Ok(Permit { breaker: self, word: next, probe_began_ms: Some(now), told: false });
                }
                Err(found) => word = found,
            }
        }
    }

    /// The same, but only while it is closed: for calls that somebody waits for, where probes are made by others.
    pub fn try_acquire_closed(&self) -> Result<Permit<'_>, Rejected> {
        let word = self.load();
        let left = match word.state() {
            BreakerState::Closed | BreakerState::ForcedClosed => {
                return Ok(Permit { breaker: self, word, probe_began_ms: None, told: false });
            }
            BreakerState::Open => word.time_left(self.now(), self.open_ms_most()),
            BreakerState::HalfOpen => word.time_left(self.now(), self.lease_ms()),
            BreakerState::ForcedOpen => millis(self.options.open),
        };
        Err(self.reject(Duration::from_millis(left.into())))
    }

    /// Whether a probe is due: it is open for long enough, or half-open and nobody is at it.
    pub fn wants_probe(&self) -> bool {
        let word = self.load();
        match word.state() {
            BreakerState::Open => word.time_left(self.now(), self.open_ms_most()) == 0,
            BreakerState::HalfOpen => !word.is_probing() || word.time_left(self.now(), self.lease_ms()) == 0,
            BreakerState::Closed | BreakerState::ForcedClosed | BreakerState::ForcedOpen => false,
        }
    }

    /// Rejects every call until it is reset. For an operator who knows better.
    pub fn force_open(&self) {
        self.force(BreakerState::ForcedOpen, "forced");
    }

    /// Lets every call through, whatever comes of it, until it is reset.
    pub fn force_closed(&self) {
        self.force(BreakerState::ForcedClosed, "forced");
    }

    /// Closed, as at the beginning.
    pub fn reset(&self) {
        self.force(BreakerState::Closed, "reset");
        self.openings.store(0, Ordering::Relaxed);
    }

    pub fn status(&self) -> BreakerStatus {
        let word = self.load();
        let retry_after = match word.state() {
            BreakerState::Open => word.time_left(self.now(), self.open_ms_most()),
            BreakerState::HalfOpen if word.is_probing() => word.time_left(self.now(), self.lease_ms()),
            BreakerState::Closed
            | BreakerState::HalfOpen
            | BreakerState::ForcedOpen
            | BreakerState::ForcedClosed => 0,
        };
        let last_failure = self.last_failure.lock().clone();
        self.counters.status(&self.name, word, u64::from(retry_after), last_failure, &self.options)
    }

    fn load(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    fn swap(&self, old: Word, new: Word) -> Result<(), Word> {
        let swapped = self.word.compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Acquire);
        swapped.map(drop).map_err(Word)
    }

    fn now(&self) -> u32 {
        self.clock.now_ms()
    }

    fn reject(&self, retry_after: Duration) -> Rejected {
        self.counters.rejected();
        Rejected { retry_after: retry_after.max(Duration::from_millis(1)) }
    }

    fn force(&self, state: BreakerState, reason: &'static str) {
        let mut word = self.load();
        while let Err(found) = self.swap(word, word.to(state)) {
            word = found;
        }
        if word.state() != state {
            self.told(word.state(), state, reason);
        }
    }

    fn told(&self, from: BreakerState, to: BreakerState, reason: &'static str) {
        self.counters.transition(from, to, reason, || self.state());
        match to {
            BreakerState::Open | BreakerState::ForcedOpen => {
                tracing::warn!(
                    dependency = &*self.name,
                    from = from.name(),
                    to = to.name(),
                    reason,
                    "breaker opened"
                );
            }
            BreakerState::Closed | BreakerState::HalfOpen | BreakerState::ForcedClosed => {
                tracing::info!(
                    dependency = &*self.name,
                    from = from.name(),
                    to = to.name(),
                    reason,
                    "breaker moved"
                );
            }
        }
    }

    fn lease_ms(&self) -> u32 {
        millis(self.options.probe_lease).max(1)
    }

    fn lease_end(&self, now: u32) -> u32 {
        now.wrapping_add(self.lease_ms())
    }

    /// An open time that seems longer than this has passed long ago: the word's clock has gone round.
    fn open_ms_most(&self) -> u32 {
        let most = millis(self.options.open.max(self.options.open_max));
        let jitter = self.options.open_jitter.abs().min(1.0);
        most.saturating_add((f64::from(most) * jitter) as u32).saturating_add(1)
    }

    fn open_end(&self, now: u32) -> u32 {
        let openings = self.openings.load(Ordering::Relaxed);
        let grown =
            self.options.open.as_secs_f64() * self.options.open_growth.max(1.0).powi(openings.min(64) as i32);
        let most = self.options.open_max.max(self.options.open).as_secs_f64();
        let jitter = self.options.open_jitter.abs().min(1.0);
        let spread = 1.0 + jitter * (2.0 * rand::random::<f64>() - 1.0);
        let seconds = grown.min(most) * spread;
        // Never more than what still counts as ahead, or a very long time would be over at once.
        now.wrapping_add(((seconds * 1_000.0) as u32).clamp(1, self.open_ms_most()))
    }

    fn succeeded(&self, of: Word) {
        let mut word = self.load();
        loop {
            if word.generation() != of.generation() {
                return;
            }
            let next = match word.state() {
                // The usual case: nothing to write.
                BreakerState::Closed if word.count() == 0 => return,
                BreakerState::Closed => word.with_count(0),
                BreakerState::HalfOpen if word.count() + 1 >= self.options.successes => {
                    word.to(BreakerState::Closed)
                }
                BreakerState::HalfOpen => word.without_probe().with_count(word.count() + 1),
                BreakerState::Open | BreakerState::ForcedOpen | BreakerState::ForcedClosed => return,
            };
            match self.swap(word, next) {
                Ok(()) => {
                    if next.state() != word.state() {
                        self.openings.store(0, Ordering::Relaxed);
                        self.told(word.state(), next.state(), "probes succeeded");
                    }
                    return;
                }
                Err(found) => word = found,
            }
        }
    }

    fn failed(&self, of: Word) {
        let mut word = self.load();
        // Worked out once, however often the swap has to be tried.
        let mut opens_until = None;
        loop {
            if word.generation() != of.generation() {
                return;
            }
            let now = self.now();
            let (next, reason) = match word.state() {
                BreakerState::Closed if self.is_of_what_counted(word, of) => return,
                BreakerState::Closed => {
                    let count =
                        if self.is_consecutive(word, now) { word.count().saturating_add(1) } else { 1 };
                    if count < self.options.failures {
                        (word.with_count(count).at(now), "")
                    } else {
                        let until = *opens_until.get_or_insert_with(|| self.open_end(now));
                        (word.to(BreakerState::Open).at(until), "failures")
                    }
                }
                BreakerState::HalfOpen => {
                    let until = *opens_until.get_or_insert_with(|| self.open_end(now));
                    (word.to(BreakerState::Open).at(until), "probe failed")
                }
                BreakerState::Open | BreakerState::ForcedOpen | BreakerState::ForcedClosed => return,
            };
            match self.swap(word, next) {
                Ok(()) => {
                    if next.state() != word.state() {
                        // Counted by the one who opened it: others who failed at the same moment must not lengthen the next.
                        self.openings.fetch_add(1, Ordering::Relaxed);
                        self.told(word.state(), next.state(), reason);
                    }
                    return;
                }
                Err(found) => word = found,
            }
        }
    }

    /// A failure has been counted since this call began: each changes the count or the time.
    fn is_of_what_counted(&self, word: Word, of: Word) -> bool {
        self.options.overlapping_count_once && word.count() > 0 && word != of
    }

    fn is_consecutive(&self, word: Word, now: u32) -> bool {
        match self.options.failure_window {
            Some(window) => word.count() == 0 || now.wrapping_sub(word.time()) <= millis(window),
            None => true,
        }
    }

    fn cancelled(&self, of: Word) {
        let mut word = self.load();
        while word.state() == BreakerState::HalfOpen
            && word.is_probing()
            && word.generation() == of.generation()
        {
            match self.swap(word, word.without_probe()) {
                Ok(()) => return,
                Err(found) => word = found,
            }
        }
    }
}

/// A call that is let through. Say what came of it; dropped without that, nothing did.
#[derive(Debug)]
#[must_use = "say what came of the call"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    /// As it was when the call was let through.
    word: Word,
    probe_began_ms: Option<u32>,
    told: bool,
}

impl Permit<'_> {
    /// Whether this call finds out for all others.
    pub fn is_probe(&self) -> bool {
        self.probe_began_ms.is_some()
    }

    pub fn succeeded(mut self) {
        self.told = true;
        self.breaker.counters.succeeded();
        self.probed();
        self.breaker.succeeded(self.word);
    }

    /// A success, unless it took longer than [`BreakerOptions::slow_call`].
    pub fn succeeded_after(self, took: Duration) {
        match self.breaker.options.slow_call {
            Some(slow) if took > slow => self.failed("slow"),
            Some(_) | None => self.succeeded(),
        }
    }

    /// `class` says how, in a word such as `timeout`; it is shown to operators.
    pub fn failed(mut self, class: &'static str) {
        self.told = true;
        self.breaker.counters.failed();
        *self.breaker.last_failure.lock() = Some(LastFailure::now(class));
        self.probed();
        self.breaker.failed(self.word);
    }

    fn probed(&self) {
        if let Some(began) = self.probe_began_ms {
            self.breaker.counters.probed(self.breaker.now().wrapping_sub(began));
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.breaker.counters.cancelled();
            if self.is_probe() {
                self.breaker.cancelled(self.word);
            }
        }
    }
}

/// Twelve days. With all jitter it is still less than half of the clock's round, so that ahead and past stay apart.
const MILLIS_MOST: u32 = u32::MAX / 4;

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(MILLIS_MOST).min(MILLIS_MOST)
}
