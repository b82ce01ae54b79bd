//! Sends messages at a rate, over HTTP, and notes when each was sent and when it was accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::http::wire::Connection;

use super::peer::Peer;

/// Of each message by its number: microseconds since the start, 0 when it did not happen.
pub(crate) struct Published {
    pub(crate) sent_us: Vec<AtomicU64>,
    pub(crate) accepted_us: Vec<AtomicU64>,
    /// What was answered to those that were not accepted.
    pub(crate) refused: parking_lot::Mutex<Vec<String>>,
}

impl Published {
    pub(crate) fn is_accepted(&self, number: usize) -> bool {
        self.accepted_us[number].load(Ordering::Relaxed) > 0
    }

    pub(crate) fn accepted(&self) -> usize {
        (0..self.accepted_us.len()).filter(|number| self.is_accepted(*number)).count()
    }
}

/// Message `n` is due at `n / rate` after `started` and goes to the conversation `n % conversations`.
pub(crate) async fn run(
    peer: &Arc<Peer>,
    first: usize,
    count: usize,
    rate: u64,
    bytes: usize,
    connections: usize,
    started: Instant,
) -> anyhow::Result<Published> {
    let zeros = || (0..first + count).map(|_| AtomicU64::new(0)).collect();
    let published = Arc::new(Published {
        sent_us: zeros(),
        accepted_us: zeros(),
        refused: parking_lot::Mutex::default(),
    });
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (peer, published, next) = (Arc::clone(peer), Arc::clone(&published), Arc::clone(&next));
        let mut connection = Connection::open(&peer.api).await?;
        tasks.push(tokio::spawn(async move {
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= count {
                    return anyhow::Ok(());
                }
                let number = first + turn;
                tokio::time::sleep_until((began + Duration::from_secs_f64(turn as f64 / rate as f64)).into())
                    .await;
                let request = peer.publish(number % peer.channels.len(), number, bytes);
                note(&published.sent_us[number], started);
                let (status, body) = connection.ask(&request).await?;
                if peer.is_accepted(status, body) {
                    note(&published.accepted_us[number], started);
                } else {
                    published.refused.lock().push(format!("{status} {}", String::from_utf8_lossy(body)));
                }
            }
        }));
    }
    for task in tasks {
        task.await??;
    }
    Arc::into_inner(published).ok_or_else(|| anyhow::anyhow!("somebody is still sending"))
}

fn note(slot: &AtomicU64, started: Instant) {
    slot.store(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
}
