//! Turns on a stream that commands race over: first come, first served.

use std::hash::{BuildHasher, RandomState};

use nova_eventlog::StreamId;
use tokio::sync::{Mutex, MutexGuard};

/// Streams share a turn when their names fall together: they then wait for each other, which costs time and nothing
/// else.
const TURNS: usize = 256;

pub(crate) struct Turns {
    hash: RandomState,
    turns: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { hash: RandomState::new(), turns: (0..TURNS).map(|_| Mutex::new(())).collect() }
    }
}

impl Turns {
    /// Waits for one's turn; it ends when the guard is dropped. A command takes one turn at a time, so none wait for
    /// each other in a circle.
    pub(crate) async fn take(&self, stream: &StreamId) -> MutexGuard<'_, ()> {
        let at = self.hash.hash_one(stream) as usize % TURNS;
        self.turns[at].lock().await
    }
}
