//! Load over a number of connections, in two ways:
//!
//! * closed: each connection sends its next request when the last is answered. It finds the peak rate;
//! * open: requests are due at fixed times, and a request's latency counts from when it was due, so that a stall of the
//!   server is charged to every request that it held up (no coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::wire::Connection;

/// The request number `n` of a run.
pub(crate) type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

#[derive(Clone, Copy)]
pub(crate) enum Pace {
    Closed,
    /// Requests a second, all connections together.
    Open(u64),
}

pub(crate) struct Outcome {
    pub(crate) per_second: f64,
    /// Answers that were not 2xx, or no answers.
    pub(crate) failed: u64,
    /// In microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Outcome {
    pub(crate) fn ms(&self, percentile: f64) -> f64 {
        self.latency.value_at_percentile(percentile) as f64 / 1000.0
    }
}

pub(crate) async fn run(
    address: &str,
    connections: u64,
    pace: Pace,
    duration: Duration,
    requests: Requests,
) -> anyhow::Result<Outcome> {
    let next = Arc::new(AtomicU64::new(0));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let mut tasks = Vec::new();
    for connection in open {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        tasks.push(tokio::spawn(one(connection, pace, started, duration, requests, next)));
    }
    let mut outcome = Outcome { per_second: 0.0, failed: 0, latency: histogram()? };
    let mut answered = 0;
    for task in tasks {
        let (latency, failed) = task.await??;
        answered += latency.len();
        outcome.failed += failed;
        outcome.latency.add(latency)?;
    }
    outcome.per_second = (answered - outcome.failed) as f64 / started.elapsed().as_secs_f64();
    Ok(outcome)
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

async fn one(
    mut connection: Connection,
    pace: Pace,
    started: Instant,
    duration: Duration,
    requests: Requests,
    next: Arc<AtomicU64>,
) -> anyhow::Result<(Histogram<u64>, u64)> {
    let (mut latency, mut failed) = (histogram()?, 0);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let due = match pace {
            Pace::Closed => Instant::now(),
            Pace::Open(rate) => {
                let due = started + Duration::from_nanos(number.saturating_mul(1_000_000_000) / rate.max(1));
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        if due.duration_since(started) >= duration {
            return Ok((latency, failed));
        }
        let request = requests(number);
        let (status, _) = connection.ask(&request).await?;
        if !(200..300).contains(&status) {
            failed += 1;
        }
        latency.saturating_record(due.elapsed().as_micros() as u64);
    }
}
