//! How far the views of all stores are.
//!
//! However many wait for a position, one of them asks each store, not too often; the others listen. Nobody asks when
//! nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use nova_views::ViewError;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Expected, ViewsOptions};
use crate::shard::ShardStore;

/// What is known is asked for anew, in the background, when someone wants to know and it is older than this.
const KNOWN_FOR: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Applied {
    stores: Vec<Watched>,
    refreshed: Mutex<Option<Instant>>,
    refreshing: AtomicBool,
}

#[derive(Debug)]
struct Watched {
    store: Arc<dyn ShardStore>,
    /// Whose cursors count.
    of: Expected,
    every: Duration,
    /// What was found when the store was last asked.
    found: watch::Sender<u64>,
    /// Whoever holds it asks the store; when that was done last.
    turn: tokio::sync::Mutex<Option<Instant>>,
}

impl Applied {
    pub(super) fn new(stores: Vec<(Arc<dyn ShardStore>, Expected)>, options: &ViewsOptions) -> Self {
        let watched = |(store, of): (Arc<dyn ShardStore>, _)| {
            let every = match store.name() {
                "clickhouse" => options.applied_clickhouse_interval_ms,
                _ => options.applied_interval_ms,
            };
            Watched {
                store,
                of,
                every: Duration::from_millis(every),
                found: watch::Sender::new(0),
                turn: tokio::sync::Mutex::default(),
            }
        };
        Self {
            stores: stores.into_iter().map(watched).collect(),
            refreshed: Mutex::default(),
            refreshing: AtomicBool::default(),
        }
    }

    pub(super) fn known(&self) -> u64 {
        self.stores.iter().map(|watched| *watched.found.borrow()).min().unwrap_or(0)
    }

    pub(super) async fn ask_all(&self) -> Result<u64, ViewError> {
        for answer in join_all(self.stores.iter().map(Watched::ask)).await {
            answer?;
        }
        *self.refreshed.lock() = Some(Instant::now());
        Ok(self.known())
    }

    /// Has the stores asked in the background, by `ask`, when what is known is old.
    pub(super) fn refresh(&self, ask: impl Future<Output = ()> + Send + 'static) {
        let fresh = self.refreshed.lock().is_some_and(|at| at.elapsed() < KNOWN_FOR);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !fresh && !self.refreshing.swap(true, Ordering::AcqRel) {
            runtime.spawn(ask);
        }
    }

    /// What [`Self::refresh`] is to do.
    pub(super) async fn refreshed(&self) {
        if let Err(error) = self.ask_all().await {
            *self.refreshed.lock() = Some(Instant::now());
            tracing::debug!(%error, "cannot ask how far the views are");
        }
        self.refreshing.store(false, Ordering::Release);
    }

    pub(super) async fn wait(&self, position: u64, patience: Duration) -> Result<(), ViewError> {
        let all = try_join_all(self.stores.iter().map(|watched| watched.reach(position)));
        match tokio::time::timeout(patience, all).await {
            Ok(result) => result.map(|_| ()),
            Err(_) => Err(ViewError::Behind { wanted: position, applied: self.known(), waited: patience }),
        }
    }
}

impl Watched {
    async fn ask(&self) -> Result<(), ViewError> {
        let found = self.store.applied(&self.of).await?;
        self.found.send_replace(found);
        Ok(())
    }

    async fn reach(&self, position: u64) -> Result<(), ViewError> {
        let mut found = self.found.subscribe();
        tokio::select! {
            biased;
            // The sender is not dropped while this is borrowed.
            _ = found.wait_for(|found| *found >= position) => Ok(()),
            result = self.keep_asking(position) => result,
        }
    }

    async fn keep_asking(&self, position: u64) -> Result<(), ViewError> {
        let mut asked = self.turn.lock().await;
        while *self.found.borrow() < position {
            if let Some(at) = *asked {
                tokio::time::sleep(self.every.saturating_sub(at.elapsed())).await;
            }
            *asked = Some(Instant::now());
            self.ask().await?;
        }
        Ok(())
    }
}
