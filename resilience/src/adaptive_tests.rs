use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;

const WINDOW_US: u64 = 100_000;

/// A service of so many workers, before which admitted requests queue; requests come whatever happens to them.
struct Service {
    workers: usize,
    service_us: u64,
    core: Core,
    limit: u32,
    now_us: u64,
    random: u64,
    busy: BinaryHeap<Reverse<(u64, u64)>>,
    queue: VecDeque<u64>,
}

/// What a stretch of time has shown.
#[derive(Debug)]
struct Shown {
    limit: u32,
    answered_per_second: f64,
    latency_us_max: u64,
}

impl Service {
    fn new(workers: usize, service_us: u64) -> Self {
        let options =
            AdaptiveOptions { latency_floor: Duration::from_millis(1), ..AdaptiveOptions::new(4, 1_000) };
        let core = Core::new(options);
        let limit = core.limit as u32;
        let (busy, queue) = (BinaryHeap::new(), VecDeque::new());
        Self { workers, service_us, core, limit, now_us: 0, random: 7, busy, queue }
    }

    fn capacity(&self) -> f64 {
        self.workers as f64 * 1e6 / self.service_us as f64
    }

    /// Between half and one and a half of it, and one in fifty takes five times as long.
    fn noisy(&mut self, us: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (half, rare) = ((self.random >> 33) % us, (self.random >> 20).is_multiple_of(50));
        let us = us / 2 + half;
        if rare { us * 5 } else { us }
    }

    fn start(&mut self) {
        while self.busy.len() < self.workers
            && let Some(came) = self.queue.pop_front()
        {
            let takes = self.noisy(self.service_us);
            self.busy.push(Reverse((self.now_us + takes, came)));
        }
    }

    /// So many seconds of a load, given in requests per second.
    fn run(&mut self, load: f64, seconds: u64) -> Shown {
        let (end, between) = (self.now_us + seconds * 1_000_000, (1e6 / load) as u64);
        let (mut comes, mut window_end) = (self.now_us, self.now_us + WINDOW_US);
        let (mut sum, mut samples, mut most, mut answered, mut slowest) = (0, 0_u32, 0, 0_u64, 0);
        // What happens in the first half is on the way; the second half counts.
        let counted_from = self.now_us + seconds * 500_000;
        while self.now_us < end {
            let done = self.busy.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
            self.now_us = done.min(comes);
            if done <= comes {
                let Some(Reverse((_, came))) = self.busy.pop() else { break };
                let took = self.now_us - came;
                (sum, samples) = (sum + took, samples + 1);
                if self.now_us >= counted_from {
                    (answered, slowest) = (answered + 1, slowest.max(took));
                }
            } else {
                let in_flight = (self.busy.len() + self.queue.len()) as u32;
                most = most.max(in_flight + 1);
                if in_flight < self.limit {
                    self.queue.push_back(self.now_us);
                }
                comes += self.noisy(between);
            }
            self.start();
            if self.now_us >= window_end && samples >= WINDOW_SAMPLES_MIN {
                let latency = sum as f64 / f64::from(samples) / 1e6;
                let is_used = most * 2 >= self.limit;
                self.limit = self.core.after(Window { latency, is_used, is_full: most >= self.limit });
                (sum, samples, most, window_end) = (0, 0, 0, self.now_us + WINDOW_US);
            }
        }
        let answered_per_second = answered as f64 / (seconds as f64 / 2.0);
        Shown { limit: self.limit, answered_per_second, latency_us_max: slowest }
    }
}

#[test]
fn a_load_of_three_times_the_capacity_is_answered_at_capacity_and_in_time() {
    for (workers, service_us) in [(10, 10_000), (40, 5_000), (100, 20_000)] {
        let mut service = Service::new(workers, service_us);
        let usual = service.run(service.capacity() * 0.4, 20);
        assert!(usual.answered_per_second > service.capacity() * 0.36, "nobody is refused: {usual:?}");
        let peak = service.run(service.capacity() * 0.9, 20).answered_per_second;
        let over = service.run(service.capacity() * 3.0, 60);
        assert!(over.answered_per_second >= peak * 0.9, "{workers} workers: {over:?}, peak {peak}");
        let limit = workers as u32..=workers as u32 * 4;
        assert!(limit.contains(&over.limit), "{workers} workers: {over:?}");
        assert!(over.latency_us_max < service_us * 20, "{workers} workers: {over:?}");
        let after = service.run(service.capacity() * 0.4, 20);
        assert!(after.answered_per_second > service.capacity() * 0.36, "it recovers: {after:?}");
    }
}

#[test]
fn it_follows_a_service_that_becomes_slower_for_good_and_faster_again() {
    let mut service = Service::new(20, 5_000);
    service.run(service.capacity() * 0.5, 20);
    service.service_us = 50_000;
    let slower = service.run(service.capacity() * 3.0, 120);
    assert!(slower.answered_per_second > service.capacity() * 0.7, "{slower:?}");
    service.service_us = 5_000;
    let faster = service.run(service.capacity() * 3.0, 60);
    assert!(faster.answered_per_second > service.capacity() * 0.7, "{faster:?}");
}

#[test]
fn it_stays_between_its_ends_and_does_not_grow_unused() {
    let mut core = Core::new(AdaptiveOptions { initial: 50, ..AdaptiveOptions::new(10, 100) });
    let window = |latency, is_used| Window { latency, is_used, is_full: is_used };
    for _ in 0..100 {
        assert_eq!(core.after(window(0.01, false)), 50, "what is not used does not grow");
    }
    assert_eq!((0..500).map(|_| core.after(window(0.01, true))).last(), Some(100));
    let one_bad = core.after(window(30.0, true));
    assert!(one_bad >= 80, "one bad window is not the end: {one_bad}");
    assert_eq!((0..30).map(|_| core.after(window(30.0, true))).min(), Some(10));
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_limit_is_refused_and_places_come_back() {
    let limit = AdaptiveLimit::new(AdaptiveOptions { initial: 8, ..AdaptiveOptions::new(2, 100) });
    let entered = (0..20).filter(|_| limit.enter()).count();
    assert_eq!((entered, limit.in_flight(), limit.limit()), (8, 8, 8));
    tokio::time::advance(Duration::from_millis(1_100)).await;
    for _ in 0..8 {
        limit.left(Duration::from_millis(5));
    }
    assert_eq!(limit.in_flight(), 0);
    assert!(limit.enter());
    for _ in 0..40 {
        tokio::time::advance(Duration::from_millis(1_100)).await;
        let entered = (0..100).filter(|_| limit.enter()).count();
        (0..entered).for_each(|_| limit.left(Duration::from_millis(5)));
    }
    assert!(limit.limit() > 12, "fast and wanted: it grows; {}", limit.limit());
}
