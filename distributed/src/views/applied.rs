//! How far the views of all stores are.
//!
//! However many wait for a position, one of them asks each store, not too often; the others listen. Nobody asks when
//! nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use nova_views::ViewError;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::sources::{Source, Sources, judge, told};
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
    source: Source,
    /// It did when it was last asked.
    answers: AtomicBool,
    /// Whose cursors count.
    of: Expected,
    /// At most so often, and a busy store less often; see [`pause`].
    every: Duration,
    /// What was found when the store was last asked.
    found: watch::Sender<u64>,
    /// When it answered last.
    answered: Mutex<Option<Instant>>,
    /// The task that holds it asks the store. The earliest time of the next query.
    turn: tokio::sync::Mutex<Option<Instant>>,
}

impl Applied {
    pub(super) fn new(stores: Vec<(Arc<dyn ShardStore>, Expected)>, options: &ViewsOptions) -> Self {
        let watched = |(store, of): (Arc<dyn ShardStore>, _)| {
            let every = match store.name() {
                "clickhouse" => options.applied_clickhouse_interval_ms,
                _ => options.applied_interval_ms,
            };
            let source = match store.name() {
                "clickhouse" => Source::ClickHouse,
                "redis" => Source::Redis,
                _ => Source::Postgres,
            };
            Watched {
                store,
                source,
                answers: AtomicBool::new(false),
                answered: Mutex::default(),
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

    /// Of the stores that answered when they were last asked; of all of them while none has.
    pub(super) fn known(&self) -> u64 {
        let found = |watched: &Watched| *watched.found.borrow();
        let answering = self.stores.iter().filter(|watched| watched.answers.load(Ordering::Relaxed));
        let lowest = answering.map(found).min();
        lowest.or_else(|| self.stores.iter().map(found).min()).unwrap_or(0)
    }

    /// How far each store was when it last answered, by the name that answers give it. What is shown of a feed or a
    /// timeline comes from PostgreSQL, whichever store gave its order. A store that does not answer now is left out: what
    /// is shown in its place says so. `""` at 0: PostgreSQL has not answered yet.
    pub(super) fn by_source(&self) -> Vec<(&'static str, u64)> {
        let answered = self.stores.iter().filter(|watched| match watched.source {
            Source::Postgres => watched.answered.lock().is_some(),
            Source::Fallback | Source::ClickHouse | Source::Redis => watched.answers.load(Ordering::Relaxed),
        });
        let found: Vec<_> = answered.map(|watched| (watched.source, *watched.found.borrow())).collect();
        let Some((_, shown)) = found.iter().find(|(source, _)| *source == Source::Postgres).copied() else {
            return vec![("", 0)];
        };
        found.into_iter().map(|(source, applied)| (source.name(), applied.min(shown))).collect()
    }

    /// An error only when no store answers.
    pub(super) async fn ask_all(&self, sources: &Sources) -> Result<u64, ViewError> {
        let answers = join_all(self.stores.iter().map(|watched| watched.ask(sources))).await;
        if answers.iter().any(Result::is_ok) {
            *self.refreshed.lock() = Some(Instant::now());
            return Ok(self.known());
        }
        answers.into_iter().find_map(Result::err).map_or(Ok(0), Err)
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
    pub(super) async fn refreshed(&self, sources: &Sources) {
        if let Err(error) = self.ask_all(sources).await {
            *self.refreshed.lock() = Some(Instant::now());
            tracing::debug!(%error, "cannot ask how far the views are");
        }
        self.refreshing.store(false, Ordering::Release);
    }

    /// How far one store is, asked now.
    pub(super) async fn reaches(&self, sources: &Sources, source: Source) -> Result<u64, ViewError> {
        let watched = self.watched(source)?;
        watched.ask(sources).await?;
        Ok(*watched.found.borrow())
    }

    fn watched(&self, source: Source) -> Result<&Watched, ViewError> {
        let unknown = || ViewError::Unavailable(format!("how far {} is is not known", source.name()));
        self.stores.iter().find(|watched| watched.source == source).ok_or_else(unknown)
    }

    /// How far one store is, as of a moment ago.
    pub(super) async fn reached(&self, sources: &Sources, source: Source) -> Result<u64, ViewError> {
        let watched = self.watched(source)?;
        if watched.answered.lock().is_none_or(|at| at.elapsed() >= KNOWN_FOR) {
            watched.ask(sources).await?;
        }
        Ok(*watched.found.borrow())
    }

    /// Waits for the stores that answer: what is asked of the others is answered by another source, which says so.
    pub(super) async fn wait(
        &self,
        sources: &Sources,
        position: u64,
        patience: Duration,
    ) -> Result<(), ViewError> {
        let all = join_all(self.stores.iter().map(|watched| watched.reach(sources, position)));
        match tokio::time::timeout(patience, all).await {
            Ok(answers) if answers.iter().any(Result::is_ok) => Ok(()),
            Ok(answers) => answers.into_iter().find_map(Result::err).map_or(Ok(()), Err),
            Err(_) => Err(ViewError::Behind { wanted: position, applied: self.known(), waited: patience }),
        }
    }
}

impl Watched {
    async fn ask(&self, sources: &Sources) -> Result<(), ViewError> {
        let patience = sources.patience(self.source);
        let asked = sources.guard(self.source).call_within(patience, judge, self.store.applied(&self.of));
        let found = asked.await.map_err(|error| told(self.source, error).error);
        self.answers.store(found.is_ok(), Ordering::Relaxed);
        self.found.send_replace(found?);
        *self.answered.lock() = Some(Instant::now());
        Ok(())
    }

    async fn reach(&self, sources: &Sources, position: u64) -> Result<(), ViewError> {
        let mut found = self.found.subscribe();
        tokio::select! {
            biased;
            // The sender is not dropped while this is borrowed.
            _ = found.wait_for(|found| *found >= position) => Ok(()),
            result = self.keep_asking(sources, position) => result,
        }
    }

    async fn keep_asking(&self, sources: &Sources, position: u64) -> Result<(), ViewError> {
        let mut next = self.turn.lock().await;
        while *self.found.borrow() < position {
            if let Some(at) = *next {
                tokio::time::sleep_until(at.into()).await;
            }
            let began = Instant::now();
            // The task may end while it waits for the answer.
            *next = Some(began + self.every);
            let answer = self.ask(sources).await;
            *next = Some(began + pause(self.every, began.elapsed()));
            match answer {
                Ok(()) => {}
                // Nobody answers from this store now, so nobody has to wait for it.
                Err(error) if sources.is_out(self.source) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// From one query to the next: a store that takes long to answer is busy, and is asked for at most a third of the time.
fn pause(every: Duration, took: Duration) -> Duration {
    every.max(took * 3)
}
