//! How many requests are answered at once, found out from how long they take. A fixed number is either too low for fast
//! requests or too high for slow ones; beyond the right one, more requests under way only make each of them slower.
//!
//! * The limit is changed once for each window of time, by the gradient between the latency without a queue and that of the
//!   window: `limit * gradient + sqrt(limit)`, as in Netflix's concurrency-limits (`GradientLimit`; E. Radar, "Performance
//!   Under Load", 2018). The gradient is never below one half, so that a single bad window does not shut everybody out.
//! * The latency without a queue follows the windows in which the limit was not reached, and the lowest of the others. When
//!   the limit has been at its minimum for some windows it is taken from there, as Envoy's adaptive concurrency does: there
//!   is no queue then, and if it is slow all the same, it has become slower.
//! * Latency below a floor is no queue worth refusing anybody for.
//! * A limit that is not reached does not grow: nothing is known about what is beyond it.
//!
//! Entering and leaving take no lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a window is.
const WINDOW: Duration = Duration::from_millis(100);
/// A window with fewer answers goes on, but not longer than this.
const WINDOW_MOST: Duration = Duration::from_secs(1);
const WINDOW_SAMPLES_MIN: u32 = 10;
/// A latency of so many times the one without a queue is fine.
const TOLERANCE: f64 = 2.0;
/// Of the difference between the present limit and the one worked out, so much is taken at once.
const SMOOTHING: f64 = 0.3;
/// So much of a window's latency goes into the one without a queue.
const LEARNING: f64 = 0.1;
/// Windows at the minimum, after which its latency is the one without a queue.
const WINDOWS_AT_MIN: u32 = 5;

/// Between what, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptiveOptions {
    pub min: u32,
    pub max: u32,
    pub initial: u32,
    pub latency_floor: Duration,
}

impl AdaptiveOptions {
    pub fn new(min: u32, max: u32) -> Self {
        let (min, max) = (min.max(1), max.max(min).max(1));
        Self { min, max, initial: (max / 4).max(min), latency_floor: Duration::from_millis(50) }
    }
}

/// What a window has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    /// Average, in seconds.
    latency: f64,
    /// At least half of the limit was under way.
    is_used: bool,
    /// Somebody was refused, or the last place taken.
    is_full: bool,
}

/// How the limit follows the windows. Knows no clock and no threads.
#[derive(Debug)]
struct Core {
    options: AdaptiveOptions,
    limit: f64,
    /// Latency without a queue, in seconds.
    unloaded: Option<f64>,
    windows_at_min: u32,
}

impl Core {
    fn new(options: AdaptiveOptions) -> Self {
        let limit = f64::from(options.initial.clamp(options.min, options.max));
        Self { options, limit, unloaded: None, windows_at_min: 0 }
    }

    /// The limit from now on.
    fn after(&mut self, window: Window) -> u32 {
        let (min, max) = (f64::from(self.options.min), f64::from(self.options.max));
        self.learn(window);
        let unloaded = self.unloaded.unwrap_or(window.latency).max(self.options.latency_floor.as_secs_f64());
        let gradient = (TOLERANCE * unloaded / window.latency.max(f64::MIN_POSITIVE)).clamp(0.5, 1.0);
        // Where nothing queues the limit only grows for those who need it to.
        if gradient < 1.0 || window.is_used {
            let wanted = self.limit * gradient + self.limit.sqrt();
            self.limit = (self.limit + SMOOTHING * (wanted - self.limit)).clamp(min, max);
        }
        let is_at_min = self.limit < min + 1.0;
        self.windows_at_min = if is_at_min { self.windows_at_min + 1 } else { 0 };
        self.limit as u32
    }

    fn learn(&mut self, window: Window) {
        let is_new = self.windows_at_min >= WINDOWS_AT_MIN;
        if is_new {
            self.windows_at_min = 0;
        }
        self.unloaded = Some(match self.unloaded {
            Some(unloaded) if !is_new => {
                if window.is_full || window.is_used {
                    unloaded.min(window.latency)
                } else {
                    unloaded + LEARNING * (window.latency - unloaded)
                }
            }
            Some(_) | None => window.latency,
        });
    }
}

/// A limit on what is under way at once.
#[derive(Debug)]
pub struct AdaptiveLimit {
    began: Instant,
    limit: AtomicU32,
    in_flight: AtomicU32,
    /// Of the window: the most under way.
    most: AtomicU32,
    samples: AtomicU32,
    sum_us: AtomicU64,
    /// When the window began, in microseconds.
    window_us: AtomicU64,
    core: Mutex<Core>,
}

impl AdaptiveLimit {
    pub fn new(options: AdaptiveOptions) -> Self {
        let core = Core::new(options);
        Self {
            began: Instant::now(),
            limit: AtomicU32::new(core.limit as u32),
            in_flight: AtomicU32::new(0),
            most: AtomicU32::new(0),
            samples: AtomicU32::new(0),
            sum_us: AtomicU64::new(0),
            window_us: AtomicU64::new(0),
            core: Mutex::new(core),
        }
    }

    /// Whether one more may be under way. Whoever was let in says [`left`](Self::left), once.
    pub fn enter(&self) -> bool {
        let rank = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        if rank > self.most.load(Ordering::Relaxed) {
            self.most.fetch_max(rank, Ordering::Relaxed);
        }
        let is_let_in = rank <= self.limit.load(Ordering::Relaxed);
        if !is_let_in {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
        is_let_in
    }

    /// Takes one out that stopped to wait for something else: how long it took says nothing.
    pub fn left_early(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// One is done that took so long.
    pub fn left(&self, took: Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX >> 20);
        self.sum_us.fetch_add(took_us, Ordering::Relaxed);
        let samples = self.samples.fetch_add(1, Ordering::Relaxed) + 1;
        // The clock is looked at by one in eight when there are many.
        if samples < WINDOW_SAMPLES_MIN || samples.is_multiple_of(8) {
            self.end_window(samples);
        }
    }

    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn end_window(&self, samples: u32) {
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let since = Duration::from_micros(now_us.saturating_sub(self.window_us.load(Ordering::Relaxed)));
        if since < WINDOW || (samples < WINDOW_SAMPLES_MIN && since < WINDOW_MOST) {
            return;
        }
        // One of those who find it over ends it; the others go on.
        let Some(mut core) = self.core.try_lock() else { return };
        let samples = self.samples.swap(0, Ordering::Relaxed);
        let sum_us = self.sum_us.swap(0, Ordering::Relaxed);
        let most = self.most.swap(self.in_flight(), Ordering::Relaxed);
        self.window_us.store(now_us, Ordering::Relaxed);
        if samples == 0 {
            return;
        }
        let limit = self.limit();
        let window = Window {
            latency: sum_us as f64 / f64::from(samples) / 1e6,
            is_used: most.saturating_mul(2) >= limit,
            is_full: most >= limit,
        };
        self.limit.store(core.after(window), Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;
