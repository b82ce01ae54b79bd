//! Group commit: the steps that wait, of all shards and projections, become one insert for each table.
//!
//! * Rows first, then the counters of what they touched, then the cursors, each acknowledged; then it is looked whether the
//!   generation is still the one that was written to. Only then is a step answered. So a cursor that is read back is never
//!   ahead of its rows, and what a switch overtook is not taken for done.
//! * Flushes follow one another, at least `flush_interval_ms` apart unless `flush_rows_max` rows wait. What waits is
//!   bounded: whoever brings more waits before that.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_views::{Apply, Change, Generation, ViewError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::core::{Core, Place};
use super::error::Failure;
use super::generations::Generations;
use super::rows::CursorRow;
use super::{letters, write};
use crate::shard::{Shard, ShardCursor};

/// A step that waits.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) shard: Shard,
    pub(super) step: Arc<Apply>,
    pub(super) cursor: ShardCursor,
    /// The number of the generation that it is for.
    pub(super) generation: u64,
    pub(super) done: oneshot::Sender<Result<(), ViewError>>,
    pub(super) _room: OwnedSemaphorePermit,
}

impl Pending {
    fn place(&self) -> Place {
        (self.step.projection, self.generation, self.shard.clone())
    }
}

/// Runs until nobody can bring steps any more.
pub(super) async fn run(core: Arc<Core>, mut steps: mpsc::Receiver<Pending>) {
    let options = &core.server.options;
    let (interval, advance_interval) = (
        Duration::from_millis(options.flush_interval_ms),
        Duration::from_millis(options.advance_interval_ms),
    );
    let mut last = Instant::now().checked_sub(interval).unwrap_or_else(Instant::now);
    loop {
        let mut waiting = Vec::new();
        tokio::select! {
            step = steps.recv() => match step {
                Some(step) => waiting.push(step),
                None => break,
            },
            () = core.advanced.notified() => {}
        }
        let mut rows: usize = waiting.iter().map(|step| step.step.changes.len()).sum();
        while rows < options.flush_rows_max {
            let due = last + if waiting.is_empty() { advance_interval } else { interval };
            tokio::select! {
                biased;
                step = steps.recv() => match step {
                    Some(step) => {
                        rows += step.step.changes.len();
                        waiting.push(step);
                    }
                    None => break,
                },
                () = tokio::time::sleep_until(due.into()) => break,
            }
        }
        last = Instant::now();
        core.flush(waiting).await;
    }
    core.flush(Vec::new()).await;
}

impl Core {
    async fn flush(&self, steps: Vec<Pending>) {
        let began = Instant::now();
        let advances = self.take_advances();
        if steps.is_empty() && advances.is_empty() {
            return;
        }
        let mut groups: HashMap<(&'static str, u64), Vec<Pending>> = HashMap::new();
        for step in steps {
            groups.entry((step.step.projection, step.generation)).or_default().push(step);
        }
        let written = groups.into_iter().map(|((projection, generation), steps)| {
            let core = self;
            async move {
                let written = core.write_group(projection, generation, &steps).await;
                (steps, written)
            }
        });
        let written = futures::future::join_all(written).await;
        let mut cursors: HashMap<Place, ShardCursor> = advances;
        let mut rows = 0;
        for (steps, written) in &written {
            if let Ok(count) = written {
                rows += count;
                for step in steps.iter().filter(|step| step.cursor.position > 0) {
                    let held = cursors.entry(step.place()).or_default();
                    if step.cursor.position >= held.position {
                        *held = step.cursor;
                    }
                }
            }
        }
        let saved = self.save_cursors(&cursors).await;
        let generations = Generations::load(&self.server).await;
        if let Ok(generations) = &generations {
            self.saw(generations);
        }
        if let Err(failure) = &saved {
            self.cursors_failed(&cursors, failure);
        }
        for (steps, written) in written {
            let outcome = written.and(saved.clone());
            for step in steps {
                let answer = self.answer(&step, &outcome, &generations);
                if answer.is_ok() {
                    self.reached(step.place(), step.cursor);
                }
                // Whoever brought it may have gone; it is done all the same.
                let _ = step.done.send(answer);
            }
        }
        metrics::histogram!("clickhouse_flush_rows").record(rows as f64);
        metrics::histogram!("clickhouse_flush_seconds").record(began.elapsed().as_secs_f64());
    }

    async fn write_group(
        &self,
        projection: &'static str,
        generation: u64,
        steps: &[Pending],
    ) -> Result<usize, Failure> {
        let changes: Vec<&Change> = steps.iter().flat_map(|step| &step.step.changes).collect();
        let rows = write::write(&self.server, projection, generation, &changes).await?;
        let applies = steps.iter().map(|step| &*step.step);
        Ok(rows + letters::write(&self.server, projection, generation, applies).await?)
    }

    async fn save_cursors(&self, cursors: &HashMap<Place, ShardCursor>) -> Result<(), Failure> {
        let rows: Vec<CursorRow> = cursors
            .iter()
            .map(|((projection, generation, shard), cursor)| {
                CursorRow::new(projection, *generation, shard.as_str().to_owned(), *cursor)
            })
            .collect();
        self.server.insert("cursors", &rows).await
    }

    fn answer(
        &self,
        step: &Pending,
        outcome: &Result<(), Failure>,
        generations: &Result<Generations, Failure>,
    ) -> Result<(), ViewError> {
        if let Err(failure) = outcome
            && !failure.is_gone()
        {
            return Err(failure.clone().into());
        }
        let generations = match generations {
            Ok(generations) => generations,
            Err(failure) if failure.is_gone() => return Err(gone()),
            Err(failure) => return Err(failure.clone().into()),
        };
        let Some(row) = generations.of(step.step.projection) else { return Err(gone()) };
        let current = match step.step.generation {
            Generation::Live => row.live,
            Generation::Next => row.next,
        };
        if current != step.generation {
            return Err(ViewError::Switched);
        }
        if outcome.is_err() { Err(gone()) } else { Ok(()) }
    }
}

/// What it held is gone: it is filled again.
pub(super) fn gone() -> ViewError {
    ViewError::Corrupt("the tables in ClickHouse are gone, and are made and filled again".to_owned())
}
