//! What the program does with a group's assignments, and a store that knows right from wrong.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use nova_distributed::feed::{AssignedShard, Assignment};
use nova_distributed::shard::{Shard, ShardCursor};
use nova_eventlog::{Batch, Filter};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{PATIENCE, World};

/// A store of views that all members write to: a cursor for each shard, saved with the effect.
#[derive(Clone, Default)]
pub(crate) struct Views(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    cursors: HashMap<Shard, ShardCursor>,
    /// By position, the stream's name and the event's revision.
    events: BTreeMap<u64, (String, u64)>,
    /// The next revision of each stream.
    revisions: HashMap<String, u64>,
    saved: usize,
    disorder: Vec<String>,
}

impl Views {
    pub(crate) fn cursor(&self, shard: &Shard) -> ShardCursor {
        self.0.lock().cursors.get(shard).copied().unwrap_or_default()
    }

    /// Idempotent; a cursor does not go back.
    pub(crate) fn save(&self, shard: &Shard, batch: &Batch, offset: Option<i64>) {
        let mut stored = self.0.lock();
        for event in &batch.events {
            stored.saved += 1;
            let name = event.stream.as_str().to_owned();
            if stored.events.insert(event.position, (name.clone(), event.revision)).is_some() {
                continue;
            }
            let next = stored.revisions.entry(name.clone()).or_default();
            let expected = std::mem::replace(next, event.revision + 1);
            if expected != event.revision {
                stored.disorder.push(format!("{name}: {} instead of {expected}", event.revision));
            }
        }
        let cursor = stored.cursors.entry(shard.clone()).or_default();
        if batch.position > cursor.position {
            *cursor = ShardCursor { position: batch.position, offset, mark: None };
        }
    }

    /// Waits until every event of the log is there, and every cursor at its head; all in order.
    pub(crate) async fn until_all(&self, world: &World) {
        let (expected, began) = (world.in_log().await, Instant::now());
        loop {
            {
                let stored = self.0.lock();
                assert_eq!(stored.disorder, Vec::<String>::new());
                let behind = stored.cursors.values().any(|cursor| cursor.position < expected.len() as u64);
                if stored.events.len() >= expected.len() && !behind {
                    for event in &expected {
                        assert!(stored.events.contains_key(&event.position), "{} is missing", event.position);
                    }
                    return;
                }
                assert!(
                    began.elapsed() < PATIENCE,
                    "stuck: {} of {} events, cursors {:?}",
                    stored.events.len(),
                    expected.len(),
                    stored.cursors
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How often an event was saved.
    pub(crate) fn saved(&self) -> usize {
        self.0.lock().saved
    }
}

/// Runs a projection for each shard that a member holds.
pub(crate) struct Program(JoinHandle<()>);

impl Program {
    /// `pause` is how long each batch takes.
    pub(crate) fn start(
        views: &Views,
        mut assignments: mpsc::Receiver<Assignment>,
        pause: Option<Duration>,
    ) -> Self {
        let views = views.clone();
        Self(tokio::spawn(async move {
            let mut running: HashMap<Shard, (CancellationToken, JoinHandle<()>)> = HashMap::new();
            while let Some(assignment) = assignments.recv().await {
                match assignment {
                    Assignment::Assigned(shard) => {
                        let stop = CancellationToken::new();
                        let name = shard.shard.clone();
                        let task = tokio::spawn(project(views.clone(), shard, stop.clone(), pause));
                        assert!(running.insert(name, (stop, task)).is_none(), "assigned twice");
                    }
                    Assignment::Revoked { shard, done } => {
                        let (stop, task) = running.remove(&shard).expect("revoked what was not assigned");
                        stop.cancel();
                        task.await.unwrap();
                        let _ = done.send(());
                    }
                }
            }
            assert!(running.is_empty(), "the group has ended and left {:?}", running.keys());
        }))
    }

    pub(crate) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.0).await.expect("the group has not ended").unwrap();
    }
}

async fn project(views: Views, shard: AssignedShard, stop: CancellationToken, pause: Option<Duration>) {
    while !stop.is_cancelled() {
        let cursor = views.cursor(&shard.shard);
        if let Some(offset) = cursor.offset {
            shard.offsets.note(cursor.position, offset);
        }
        let mut batches = shard.feed.follow(cursor.position, Filter::all(), 64);
        loop {
            let batch = tokio::select! {
                () = stop.cancelled() => return,
                batch = batches.next() => batch,
            };
            let Some(Ok(batch)) = batch else { break };
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            views.save(&shard.shard, &batch, shard.offsets.offset_of(batch.position));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
