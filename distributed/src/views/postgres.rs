//! All views in PostgreSQL: a schema for each projection, beside the log or in a database of its own.
//!
//! * A step's changes, its dead letters and its cursor are one transaction. It does not wait for the disk: a crash of
//!   the server takes the latest transactions back, always with their cursors. Whoever wrote them notices, because the
//!   cursor is behind what it was told had been saved, and goes on from there (`cursors`).
//! * Every filling of a view has a number (`generations`). A step is refused with [`ViewError::Switched`] when the
//!   filling that its cursor was read from is not the live one any more, whether it was replaced or lost.
//! * Several processes write at once. What a row says is decided by versions; what derives from rows changes by how
//!   they did, as the statement that changed them saw it. Rows are touched in the order of their keys, so that two
//!   transactions rarely wait for each other in a circle; those that do are tried again.

mod cursors;
mod error;
mod generations;
mod lane;
mod letters;
mod read;
mod schema;
mod step;
mod words;
mod write;

use std::sync::Arc;
use std::time::Duration;

use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError, projection};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::shard::{Shard, ShardCursor, ShardStore};
use cursors::Cursors;
use lane::{Job, Lane};
pub use read::ReadOptions;
use read::Reads;
use schema::{VIEWS, index_of};

/// Limits of the views in PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresViewsOptions {
    /// Steps that wait are taken into one transaction while they have at most so many changes together. A larger step
    /// has one of its own.
    pub group_changes_max: usize,
    /// Cursors that moved past events with nothing to change are saved at most so often, all of them at once. Whoever
    /// waits for a position in another process waits this much longer.
    pub cursor_interval_ms: u64,
    pub read: ReadOptions,
}

impl Default for PostgresViewsOptions {
    fn default() -> Self {
        Self { group_changes_max: 20_000, cursor_interval_ms: 50, read: ReadOptions::default() }
    }
}

/// The views in PostgreSQL. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PostgresViews {
    shared: Arc<Shared>,
    reads: Arc<Reads>,
}

#[derive(Debug)]
struct Shared {
    pool: PgPool,
    cursors: Arc<Cursors>,
    /// For each view: live, next.
    lanes: Vec<[mpsc::Sender<Job>; 2]>,
    _stop: DropGuard,
}

impl PostgresViews {
    /// Makes the tables that are missing. The schema `nova` must be there.
    pub async fn open(pool: PgPool, options: PostgresViewsOptions) -> Result<Self, ViewError> {
        let cursors = Arc::new(Cursors::default());
        generations::open_all(&pool, &cursors).await?;
        let stop = CancellationToken::new();
        let lanes = (0..VIEWS.len())
            .map(|index| {
                [Generation::Live, Generation::Next].map(|generation| {
                    let lane = Lane {
                        index,
                        generation,
                        pool: pool.clone(),
                        cursors: Arc::clone(&cursors),
                        changes_max: options.group_changes_max,
                    };
                    lane.start()
                })
            })
            .collect();
        let interval = Duration::from_millis(options.cursor_interval_ms.max(1));
        tokio::spawn(cursors::keep_saving(pool.clone(), Arc::clone(&cursors), interval, stop.clone()));
        let reads = Reads::new(&pool, Arc::clone(&cursors), options.read);
        let shared = Shared { pool, cursors, lanes, _stop: stop.drop_guard() };
        Ok(Self { shared: Arc::new(shared), reads: Arc::new(reads) })
    }

    /// Saves how far the views are, so that the next start begins there.
    pub async fn save(&self) -> Result<(), ViewError> {
        cursors::save(&self.shared.pool, &self.shared.cursors).await
    }
}

#[async_trait::async_trait]
impl ShardStore for PostgresViews {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn projections(&self) -> &'static [&'static str] {
        &projection::ALL
    }

    async fn cursor(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
    ) -> Result<ShardCursor, ViewError> {
        let index = index_of(projection)?;
        generations::cursor(&self.shared.pool, &self.shared.cursors, index, generation, shard).await
    }

    async fn apply(&self, shard: &Shard, step: Arc<Apply>, cursor: ShardCursor) -> Result<(), ViewError> {
        let index = index_of(step.projection)?;
        let lane = match step.generation {
            Generation::Live => &self.shared.lanes[index][0],
            Generation::Next => &self.shared.lanes[index][1],
        };
        lane::offer(lane, shard.clone(), step, cursor).await
    }

    async fn advance(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        match generation {
            Generation::Live => self.shared.cursors.advance(index, shard, cursor),
            // A rebuild that is interrupted begins anew: there is no going on from its cursor.
            Generation::Next => Ok(()),
        }
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        let number = generations::begin_rebuild(&self.shared.pool, index).await?;
        self.shared.cursors.begun(index, number);
        Ok(())
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        let number = generations::switch(&self.shared.pool, index).await?;
        self.shared.cursors.live_is(index, number);
        cursors::refresh(&self.shared.pool, &self.shared.cursors).await
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        cursors::save(&self.shared.pool, &self.shared.cursors).await?;
        generations::status(&self.shared.pool).await
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        let index = projection.map(index_of).transpose()?;
        letters::list(&self.shared.pool, index, after, limit).await
    }

    async fn applied(&self, of: &[(&'static str, Shard)]) -> Result<u64, ViewError> {
        for (projection, _) in of {
            index_of(projection)?;
        }
        cursors::refresh(&self.shared.pool, &self.shared.cursors).await?;
        Ok(self.shared.cursors.lowest_of(of))
    }
}
