//! How far all views are.
//!
//! * What is known is what writers of this process have said, and what the store was last asked.
//! * However many wait, one of them asks the store, at most once in [`ASKED_EVERY`]; the others listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nova_views::ViewError;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::shard::{Shard, ShardStore};
use crate::views::postgres::cursors::Cursors;

const ASKED_EVERY: Duration = Duration::from_millis(5);
/// What is known is asked for anew, in the background, when someone wants to know and it is older than this.
const KNOWN_FOR: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Applied {
    cursors: Arc<Cursors>,
    /// Whose cursors count.
    of: Vec<(&'static str, Shard)>,
    /// What was found when the store was last asked.
    found: watch::Sender<u64>,
    /// Whoever holds it asks the store; when that was done last.
    turn: tokio::sync::Mutex<Option<Instant>>,
    refreshed: Mutex<Option<Instant>>,
    refreshing: AtomicBool,
}

impl Applied {
    pub(super) fn new(cursors: Arc<Cursors>, of: Vec<(&'static str, Shard)>) -> Self {
        Self {
            cursors,
            of,
            found: watch::Sender::new(0),
            turn: tokio::sync::Mutex::default(),
            refreshed: Mutex::default(),
            refreshing: AtomicBool::default(),
        }
    }

    pub(super) fn known(&self) -> u64 {
        self.cursors.lowest_of(&self.of)
    }

    async fn ask(&self, store: &impl ShardStore) -> Result<(), ViewError> {
        let result = store.applied(&self.of).await;
        *self.refreshed.lock() = Some(Instant::now());
        self.found.send_replace(result?);
        Ok(())
    }

    /// Has the store asked in the background, by `ask`, when what is known is old.
    pub(super) fn refresh(&self, ask: impl Future<Output = ()> + Send + 'static) {
        let fresh = self.refreshed.lock().is_some_and(|at| at.elapsed() < KNOWN_FOR);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !fresh && !self.refreshing.swap(true, Ordering::AcqRel) {
            runtime.spawn(ask);
        }
    }

    /// What [`Self::refresh`] is to do.
    pub(super) async fn refreshed(&self, store: &impl ShardStore) {
        if let Err(error) = self.ask(store).await {
            tracing::debug!(%error, "cannot ask how far the views are");
        }
        self.refreshing.store(false, Ordering::Release);
    }

    pub(super) async fn wait(
        &self,
        store: &impl ShardStore,
        position: u64,
        patience: Duration,
    ) -> Result<(), ViewError> {
        if self.known() >= position {
            return Ok(());
        }
        match tokio::time::timeout(patience, self.reach(store, position)).await {
            Ok(result) => result,
            Err(_) => Err(ViewError::Behind { wanted: position, applied: self.known(), waited: patience }),
        }
    }

    async fn reach(&self, store: &impl ShardStore, position: u64) -> Result<(), ViewError> {
        tokio::select! {
            () = self.listen(position) => Ok(()),
            result = self.keep_asking(store, position) => result,
        }
    }

    async fn listen(&self, position: u64) {
        let (mut found, mut told) = (self.found.subscribe(), self.cursors.watch());
        while self.known() < position {
            // Neither sender is dropped while this is borrowed.
            tokio::select! {
                _ = found.changed() => {}
                _ = told.changed() => {}
            }
        }
    }

    async fn keep_asking(&self, store: &impl ShardStore, position: u64) -> Result<(), ViewError> {
        let mut asked = self.turn.lock().await;
        while self.known() < position {
            if let Some(at) = *asked {
                tokio::time::sleep(ASKED_EVERY.saturating_sub(at.elapsed())).await;
            }
            *asked = Some(Instant::now());
            self.ask(store).await?;
        }
        Ok(())
    }
}
