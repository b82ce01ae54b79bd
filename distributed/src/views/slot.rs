//! A store that may come later: a process that can do without it starts all the same, and opens it as soon as it is there.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::shard::{Shard, ShardCursor, ShardStore};

/// How often a store that did not open is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A store, or the place for one. Cheap to clone; clones share it.
#[derive(Debug)]
pub struct Slot<T> {
    store: Arc<OnceLock<T>>,
    name: &'static str,
    projections: &'static [&'static str],
    /// Ends the attempts to open it.
    _opening: Option<Arc<DropGuard>>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            name: self.name,
            projections: self.projections,
            _opening: self._opening.clone(),
        }
    }
}

impl<T: ShardStore> From<T> for Slot<T> {
    fn from(store: T) -> Self {
        let (name, projections) = (store.name(), store.projections());
        Self { store: Arc::new(OnceLock::from(store)), name, projections, _opening: None }
    }
}

impl<T: ShardStore> Slot<T> {
    /// Opens the store in the background, as often as it takes. `open` says in a line why it does not.
    pub fn later(
        name: &'static str,
        projections: &'static [&'static str],
        open: impl Fn() -> BoxFuture<'static, Result<T, String>> + Send + 'static,
    ) -> Self {
        let store = Arc::new(OnceLock::new());
        let stop = CancellationToken::new();
        tokio::spawn({
            let (store, stop) = (Arc::clone(&store), stop.clone());
            async move {
                let _ = stop.run_until_cancelled(keep_opening(name, &store, open)).await;
            }
        });
        Self { store, name, projections, _opening: Some(Arc::new(stop.drop_guard())) }
    }

    pub fn get(&self) -> Result<&T, ViewError> {
        self.store.get().ok_or_else(|| ViewError::Unavailable(format!("{} is not open yet", self.name)))
    }
}

async fn keep_opening<T>(
    name: &'static str,
    store: &OnceLock<T>,
    open: impl Fn() -> BoxFuture<'static, Result<T, String>>,
) {
    let mut told = String::new();
    loop {
        match open().await {
            Ok(opened) => {
                tracing::info!(dependency = name, "opened");
                let _ = store.set(opened);
                return;
            }
            Err(problem) if problem == told => {}
            Err(problem) => {
                tracing::warn!(
                    dependency = name,
                    problem,
                    "not open; answers come from elsewhere, and say so"
                );
                told = problem;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[async_trait::async_trait]
impl<T: ShardStore> ShardStore for Slot<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn projections(&self) -> &'static [&'static str] {
        self.projections
    }

    async fn cursor(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
    ) -> Result<ShardCursor, ViewError> {
        self.get()?.cursor(projection, generation, shard).await
    }

    async fn apply(&self, shard: &Shard, step: Arc<Apply>, cursor: ShardCursor) -> Result<(), ViewError> {
        self.get()?.apply(shard, step, cursor).await
    }

    async fn advance(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        self.get()?.advance(projection, generation, shard, cursor).await
    }

    async fn check(&self, projection: &str, generation: Generation, shard: &Shard) -> Result<(), ViewError> {
        self.get()?.check(projection, generation, shard).await
    }

    async fn start_over(&self, projection: &str, shard: &Shard, head: u64) -> Result<bool, ViewError> {
        self.get()?.start_over(projection, shard, head).await
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        self.get()?.begin_rebuild(projection).await
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        self.get()?.switch(projection).await
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        self.get()?.status().await
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        self.get()?.dead_letters(projection, after, limit).await
    }

    async fn applied(&self, of: &[(&'static str, Shard)]) -> Result<u64, ViewError> {
        self.get()?.applied(of).await
    }
}
