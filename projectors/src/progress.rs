//! How far the projections are. Reading it costs a few atomic loads and no question to any store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::{Projection, names};

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    head: AtomicU64,
    lanes: Vec<Lane>,
}

/// One projection.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionProgress {
    pub name: &'static str,
    /// It has seen everything up to here.
    pub position: u64,
    /// The head of the log, as last seen.
    pub head: u64,
    /// Positions per second over the last seconds; 0 when nothing happens.
    pub events_per_second: f64,
    pub parked_streams: usize,
}

impl ProjectionProgress {
    pub fn lag(&self) -> u64 {
        self.head.saturating_sub(self.position)
    }
}

#[derive(Debug)]
struct Lane {
    name: &'static str,
    position: AtomicU64,
    /// The store has told its cursor.
    known: AtomicBool,
    parked_streams: AtomicUsize,
    parked_gauge: metrics::Gauge,
    speed: Mutex<Speed>,
    lag_gauge: metrics::Gauge,
    position_gauge: metrics::Gauge,
}

fn gauge(name: &'static str, projection: &'static str, part: &str) -> metrics::Gauge {
    if part.is_empty() {
        metrics::gauge!(name, "projection" => projection)
    } else {
        metrics::gauge!(name, "projection" => projection, "part" => part.to_owned())
    }
}

/// Measured over windows of at least [`Speed::WINDOW`].
#[derive(Debug)]
struct Speed {
    since: Instant,
    from: u64,
    per_second: f64,
}

impl Speed {
    const WINDOW: Duration = Duration::from_millis(500);
    const STALE: Duration = Duration::from_secs(3);
}

impl Progress {
    pub(crate) fn new(projections: &[&Projection], part: &str) -> Self {
        let lanes = projections
            .iter()
            .map(|projection| Lane {
                name: projection.name,
                position: AtomicU64::new(0),
                known: AtomicBool::new(false),
                parked_streams: AtomicUsize::new(0),
                speed: Mutex::new(Speed { since: Instant::now(), from: 0, per_second: 0.0 }),
                lag_gauge: gauge(names::LAG_EVENTS, projection.name, part),
                position_gauge: gauge(names::POSITION, projection.name, part),
                parked_gauge: gauge(names::PARKED_STREAMS, projection.name, part),
            })
            .collect();
        Self { shared: Arc::new(Shared { head: AtomicU64::new(0), lanes }) }
    }

    pub fn head(&self) -> u64 {
        self.shared.head.load(Ordering::Acquire)
    }

    pub fn snapshot(&self) -> Vec<ProjectionProgress> {
        let head = self.head();
        self.shared
            .lanes
            .iter()
            .map(|lane| {
                let position = lane.position.load(Ordering::Acquire);
                let speed = lane.speed.lock();
                let fresh = speed.since.elapsed() < Speed::STALE;
                ProjectionProgress {
                    name: lane.name,
                    position,
                    head: head.max(position),
                    events_per_second: if fresh { speed.per_second } else { 0.0 },
                    parked_streams: lane.parked_streams.load(Ordering::Relaxed),
                }
            })
            .collect()
    }

    pub(crate) fn saw_head(&self, head: u64) {
        self.shared.head.fetch_max(head, Ordering::AcqRel);
    }

    /// Brings the gauges up to date. `head` is that of the log as it is now; without it the lag is not known.
    pub(crate) fn show(&self, head: Option<u64>) {
        if let Some(head) = head {
            self.saw_head(head);
        }
        for lane in &self.shared.lanes {
            let known = lane.known.load(Ordering::Acquire);
            let position = lane.position.load(Ordering::Acquire);
            let lag = head.filter(|_| known).map(|head| head.saturating_sub(position));
            lane.lag_gauge.set(lag.map_or(f64::NAN, |lag| lag as f64));
            lane.position_gauge.set(if known { position as f64 } else { f64::NAN });
        }
    }

    /// Another process may run the projections from now on: how far they are is not known here.
    pub(crate) fn hide(&self) {
        for lane in &self.shared.lanes {
            lane.known.store(false, Ordering::Release);
        }
        self.show(None);
    }

    pub(crate) fn position(&self, lane: usize) -> u64 {
        self.shared.lanes.get(lane).map_or(0, |lane| lane.position.load(Ordering::Acquire))
    }

    /// A restart sets it back to what the store holds.
    pub(crate) fn start_at(&self, lane: usize, position: u64) {
        let Some(lane) = self.shared.lanes.get(lane) else { return };
        lane.position.store(position, Ordering::Release);
        lane.known.store(true, Ordering::Release);
        *lane.speed.lock() = Speed { since: Instant::now(), from: position, per_second: 0.0 };
    }

    pub(crate) fn reached(&self, lane: usize, position: u64) {
        let Some(lane) = self.shared.lanes.get(lane) else { return };
        lane.position.fetch_max(position, Ordering::AcqRel);
        let mut speed = lane.speed.lock();
        let elapsed = speed.since.elapsed();
        if elapsed >= Speed::WINDOW {
            let per_second = position.saturating_sub(speed.from) as f64 / elapsed.as_secs_f64();
            *speed = Speed { since: Instant::now(), from: position, per_second };
        }
    }

    pub(crate) fn parked(&self, lane: usize, streams: usize) {
        let Some(lane) = self.shared.lanes.get(lane) else { return };
        lane.parked_streams.store(streams, Ordering::Relaxed);
        lane.parked_gauge.set(streams as f64);
    }
}
