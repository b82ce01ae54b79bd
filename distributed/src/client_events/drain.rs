//! From the queue to Kafka, oldest first, for as long as the process runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nova_eventlog::spool::Entry;
use nova_eventlog::{Spool, SpoolError};
use nova_events::client_events::{ClientEventBatch, names};
use nova_resilience::Breaker;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::slots;
use super::uplink::{Failure, Uplink};

/// Requests' batches that are sent together.
const BATCHES_MAX: usize = 64;
/// Between attempts while Kafka is away.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How often queues are looked for that a process has left behind.
const LOOK: Duration = Duration::from_secs(30);

pub(super) struct Drain {
    pub(super) dir: PathBuf,
    pub(super) own: usize,
    pub(super) spool: Spool,
    pub(super) uplink: Arc<Uplink>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) stall: Duration,
    pub(super) bytes_max: u64,
    pub(super) stop: CancellationToken,
}

/// Why nothing gets on.
enum Stuck {
    Queue(SpoolError),
    Kafka(Failure),
}

impl Drain {
    pub(super) async fn run(self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.for_ever() => {}
        }
    }

    async fn for_ever(&self) {
        let mut held = self.spool.watch();
        loop {
            self.empty(&self.spool).await;
            let (dir, own, bytes_max) = (self.dir.clone(), self.own, self.bytes_max);
            let look = tokio::task::spawn_blocking(move || slots::open_abandoned(&dir, own, bytes_max));
            if let Ok(Some(abandoned)) = look.await {
                tracing::info!(
                    batches = abandoned.stats().entries,
                    "draining client events that a process left behind"
                );
                self.empty(&abandoned).await;
                abandoned.close().await;
                continue;
            }
            let until = Instant::now() + LOOK;
            while held.borrow_and_update().entries == 0 {
                // The sender lives as long as the queue, which is held here.
                if timeout_at(until, held.changed()).await.is_err() {
                    break;
                }
            }
        }
    }

    /// Until there is nothing left.
    async fn empty(&self, spool: &Spool) {
        let (mut pause, mut together, mut told) = (PAUSE_MIN, BATCHES_MAX, false);
        loop {
            match self.step(spool, together).await {
                Ok(0) => return,
                Ok(_) => (pause, together) = (PAUSE_MIN, BATCHES_MAX),
                Err(stuck) => {
                    match stuck {
                        Stuck::Kafka(failure) => {
                            // One at a time shows which it is.
                            together = if failure.refused > 0 { 1 } else { BATCHES_MAX };
                            tracing::debug!(
                                problem = failure.problem,
                                "the queue of client events waits for Kafka"
                            );
                        }
                        Stuck::Queue(error) if !told => {
                            told = true;
                            tracing::error!(%error, "the queue of client events cannot be drained");
                        }
                        Stuck::Queue(_) => {}
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Sends what is oldest and removes what has been acknowledged; returns how many batches that were.
    async fn step(&self, spool: &Spool, together: usize) -> Result<usize, Stuck> {
        let entries = spool.peek(together).await.map_err(Stuck::Queue)?;
        if entries.is_empty() {
            return Ok(0);
        }
        // It goes on trying while requests do not, and what comes of it counts as soon as the breaker wants to know.
        let permit = self.breaker.try_acquire().ok();
        let sent: Vec<_> = entries
            .iter()
            .map(|entry| {
                let batch = decode(entry);
                let on_its_way = batch.as_ref().map(|batch| self.uplink.send(batch));
                (entry, batch.map_or(0, |batch| batch.events.len()), on_its_way)
            })
            .collect();
        let (mut done, mut last, mut failed) = (0, None, None);
        for (entry, events, on_its_way) in sent {
            let acknowledged = match on_its_way {
                Some(on_its_way) => on_its_way.acknowledged(self.stall).await,
                None => Ok(()),
            };
            match acknowledged {
                Ok(()) => metrics::counter!(names::PUBLISHED).increment(events as u64),
                Err(failure) if failure.refused > 0 && together == 1 => {
                    let problem = &failure.problem;
                    tracing::error!(
                        problem,
                        events,
                        "client events are given up: Kafka refuses them for what they are"
                    );
                    metrics::counter!(names::DROPPED).increment(events as u64);
                    self.uplink.renew();
                }
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
            done += 1;
            last = Some(entry);
        }
        if let Some(last) = last {
            spool.remove_through(last).await.map_err(Stuck::Queue)?;
        }
        match failed {
            None => {
                if let Some(permit) = permit {
                    permit.succeeded();
                }
                Ok(done)
            }
            Some(failure) => {
                // Whatever it still holds is on disk, and is sent again in order.
                self.uplink.renew();
                if let Some(permit) = permit {
                    permit.failed(failure.class);
                }
                Err(Stuck::Kafka(failure))
            }
        }
    }
}

fn decode(entry: &Entry) -> Option<ClientEventBatch> {
    let batch = serde_json::from_slice(&entry.data);
    if let Err(error) = &batch {
        // Its checksum holds: another version wrote it.
        tracing::error!(category = ?error.classify(), "a batch of client events cannot be read and is given up");
        metrics::counter!(names::DROPPED).increment(1);
    }
    batch.ok()
}
