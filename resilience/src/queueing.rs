//! How many of those who come are turned away, found out from how long the others wait before anybody looks at them.
//!
//! Work that is done in one go, such as an answer from a cache, is never under way more than once for each thread, however
//! many wait: they wait in front, where no limit on what is under way sees them. What is seen there is time. Somebody sends a
//! probe the way that all others come, and says how long it took.
//!
//! * The share that is turned away follows the waiting time and its trend, as in PIE (RFC 8033, section 4.2), toward a waiting
//!   time that is a target rather than none: where nobody waits, nobody is there to be served next either.
//! * A wait that is over again within a short while (a burst, a stall) turns nobody away.
//! * Where few come, it is not they who keep the machine busy, and to turn them away would help nobody.
//! * Some are always let in, so that there is always somebody to find out that it has become better.
//!
//! To be let in takes no lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A probe is sent at most this often.
const SAMPLE: Duration = Duration::from_millis(10);
/// The wait must have been too long for so long.
const BURST: Duration = Duration::from_millis(100);
/// After this without a probe nobody knows anything, and everybody is let in.
const FORGOTTEN: Duration = Duration::from_secs(1);
/// Of the time waited beyond the target, per second: how fast the share grows, in 1/s.
const PROPORTIONAL: f64 = 4.0;
/// Of a change in the time waited, in 1/s.
const TREND: f64 = 2.5;
const SHARE_MAX: f64 = 0.98;
/// When fewer come in a second, nobody is turned away.
const ARRIVALS_MIN: f64 = 200.0;

/// How the share follows the waiting times. Knows no clock and no threads; all times in seconds.
#[derive(Debug)]
struct Core {
    target: f64,
    share: f64,
    last: f64,
    too_long_for: f64,
}

impl Core {
    fn new(target: Duration) -> Self {
        Self { target: target.as_secs_f64(), share: 0.0, last: 0.0, too_long_for: 0.0 }
    }

    /// The share from now on. `since`: the time since the last waiting time; `arrivals`: how many came within it.
    fn after(&mut self, waited: f64, since: f64, arrivals: u32) -> f64 {
        if since > FORGOTTEN.as_secs_f64() || f64::from(arrivals) < ARRIVALS_MIN * since {
            *self = Self { share: 0.0, last: waited, too_long_for: 0.0, ..*self };
            return 0.0;
        }
        self.too_long_for = if waited > self.target { self.too_long_for + since } else { 0.0 };
        if self.share > 0.0 || self.too_long_for >= BURST.as_secs_f64() {
            let change = PROPORTIONAL * (waited - self.target) * since + TREND * (waited - self.last);
            self.share = (self.share + change).clamp(0.0, SHARE_MAX);
        }
        self.last = waited;
        self.share
    }
}

/// The whole of what comes, in the numbers that `share` and `carry` count in.
const WHOLE: u32 = 1 << 16;

/// Turns away a share of those who come.
#[derive(Debug)]
pub struct Queueing {
    began: Instant,
    /// Of [`WHOLE`].
    share: AtomicU32,
    /// What has been let in beyond the share, of [`WHOLE`]: the share is spread evenly.
    carry: AtomicU32,
    /// Who has come since the last probe came back.
    arrivals: AtomicU32,
    /// When the last probe was sent, in microseconds.
    probed_us: AtomicU64,
    /// With when the last probe came back.
    core: Mutex<(Core, Instant)>,
}

impl Queueing {
    /// As many are let in as keep the waiting time near the target.
    pub fn new(target: Duration) -> Self {
        let began = Instant::now();
        Self {
            began,
            share: AtomicU32::new(0),
            carry: AtomicU32::new(0),
            arrivals: AtomicU32::new(0),
            probed_us: AtomicU64::new(0),
            core: Mutex::new((Core::new(target), began)),
        }
    }

    /// Whether it is time for a probe. Whoever is told so sends one, and says how long it [`waited`](Self::waited).
    pub fn wants_probe(&self, now: Instant) -> bool {
        let now_us = u64::try_from((now - self.began).as_micros()).unwrap_or(u64::MAX);
        let last = self.probed_us.load(Ordering::Relaxed);
        let is_time = now_us.saturating_sub(last) >= SAMPLE.as_micros() as u64;
        is_time && self.probed_us.compare_exchange(last, now_us, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// A probe that was sent then has come just now.
    pub fn waited(&self, sent: Instant) {
        let now = Instant::now();
        let mut held = self.core.lock();
        let (core, last) = &mut *held;
        let arrivals = self.arrivals.swap(0, Ordering::Relaxed);
        let since = now.saturating_duration_since(*last).as_secs_f64();
        let share = core.after((now - sent).as_secs_f64(), since, arrivals);
        *last = now;
        self.share.store((share * f64::from(WHOLE)) as u32, Ordering::Relaxed);
    }

    /// Whether the next one is let in.
    pub fn let_in(&self) -> bool {
        self.arrivals.fetch_add(1, Ordering::Relaxed);
        let share = self.share.load(Ordering::Relaxed);
        if share == 0 {
            return true;
        }
        let carry = self.carry.fetch_add(share, Ordering::Relaxed) % WHOLE;
        carry + share < WHOLE
    }

    /// Of those who come, between 0 and 1.
    pub fn share(&self) -> f64 {
        f64::from(self.share.load(Ordering::Relaxed)) / f64::from(WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(50);
    const PROBE_S: f64 = 0.01;
    const MANY: u32 = 1_000;

    /// A queue before work of a given load, in seconds of work; to turn somebody away costs a tenth of what to serve them does.
    struct Queue {
        core: Core,
        seconds: f64,
        /// Probes that are in the queue: when they were sent, and how much was before them.
        now: f64,
    }

    /// Average waiting time and share of the time at work, over the last half.
    struct Shown {
        waited: f64,
        served: f64,
    }

    impl Queue {
        fn new() -> Self {
            Self { core: Core::new(TARGET), seconds: 0.0, now: 0.0 }
        }

        fn run(&mut self, load: f64, seconds: f64) -> Shown {
            let steps = (seconds / PROBE_S) as u32;
            // What a probe has seen is known only once it has come through.
            let mut under_way = std::collections::VecDeque::new();
            let (mut waited, mut served, mut last) = (0.0, 0.0, self.now);
            for step in 0..steps {
                under_way.push_back((self.now + self.seconds, self.seconds));
                while let Some((comes, saw)) =
                    under_way.front().copied().filter(|(comes, _)| *comes <= self.now)
                {
                    under_way.pop_front();
                    self.core.after(saw, (comes - last).max(0.0), MANY);
                    last = comes;
                }
                let share = self.core.share;
                let (goes_in, turning_away) = (load * (1.0 - share), load * share * 0.1);
                self.seconds = (self.seconds + (goes_in + turning_away - 1.0) * PROBE_S).clamp(0.0, 10.0);
                self.now += PROBE_S;
                if step >= steps / 2 {
                    waited += self.seconds;
                    served += goes_in.min(1.0 - turning_away);
                }
            }
            let counted = f64::from(steps - steps / 2);
            Shown { waited: waited / counted, served: served / counted }
        }
    }

    #[test]
    fn below_capacity_nobody_is_turned_away() {
        let mut queue = Queue::new();
        let shown = queue.run(0.95, 20.0);
        assert_eq!(queue.core.share, 0.0);
        assert!(shown.served > 0.94, "{}", shown.served);
    }

    #[test]
    fn beyond_capacity_the_wait_stays_near_the_target_and_the_work_goes_on() {
        for load in [1.2, 1.5, 3.0, 6.0] {
            let shown = Queue::new().run(load, 40.0);
            assert!((0.02..0.12).contains(&shown.waited), "load {load}: {} s", shown.waited);
            // What is left beside turning the others away.
            let possible = (1.0 - load * 0.1) / 0.9;
            assert!(shown.served > 0.9 * possible, "load {load}: {} of {possible}", shown.served);
        }
    }

    #[test]
    fn when_it_is_over_everybody_is_let_in_again() {
        let mut queue = Queue::new();
        queue.run(3.0, 20.0);
        assert!(queue.core.share > 0.5, "{}", queue.core.share);
        queue.run(0.5, 10.0);
        assert_eq!(queue.core.share, 0.0);
    }

    #[test]
    fn a_stall_turns_nobody_away() {
        let mut core = Core::new(TARGET);
        for _ in 0..5 {
            assert_eq!(core.after(0.4, PROBE_S, MANY), 0.0);
        }
        assert_eq!(core.after(0.0, PROBE_S, MANY), 0.0);
        assert_eq!(core.after(0.4, PROBE_S, MANY), 0.0);
    }

    #[test]
    fn few_are_never_turned_away_however_long_they_wait() {
        let mut core = Core::new(TARGET);
        for _ in 0..200 {
            assert_eq!(core.after(0.4, 0.1, 19), 0.0);
        }
        for _ in 0..200 {
            core.after(0.4, 0.1, 100);
        }
        assert!(core.share > 0.5);
        assert_eq!(core.after(0.4, 0.1, 19), 0.0, "those who are left");
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut core = Core::new(TARGET);
        for _ in 0..200 {
            core.after(0.4, PROBE_S, MANY);
        }
        assert!(core.share > 0.5);
        assert_eq!(core.after(0.4, 1.5, MANY), 0.0);
    }

    #[test]
    fn the_share_is_spread_evenly() {
        let queueing = Queueing::new(TARGET);
        assert!((0..1000).all(|_| queueing.let_in()));
        queueing.share.store(WHOLE / 4 * 3, Ordering::Relaxed);
        let let_in: Vec<bool> = (0..400).map(|_| queueing.let_in()).collect();
        assert!(let_in.chunks(4).all(|four| four.iter().filter(|one| **one).count() == 1));
    }

    #[test]
    fn probes_are_not_sent_all_the_time() {
        let queueing = Queueing::new(TARGET);
        let start = queueing.began + SAMPLE;
        assert!(queueing.wants_probe(start));
        assert!(!queueing.wants_probe(start + SAMPLE / 2));
        assert!(queueing.wants_probe(start + SAMPLE));
    }
}
