//! What waits for keys is answered together: one look-up for all, then one commit for all new subjects. Destructions come
//! in their turn. Only this task puts keys into the cache, and only when nothing was destroyed while it read them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nova_events::keyring::KeyError;
use nova_events::seal::DataKey;
use nova_events::{Class, UserId};
use quick_cache::sync::Cache;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::keyring::PostgresKeyringError;
use super::store::{CHANNEL, Held, KeyStore};
use crate::postgres::{is_transient, sql_problem};

type Answer<T> = oneshot::Sender<Result<T, KeyError>>;
/// In the order of [`Class::ALL`].
type Keys = [Arc<DataKey>; Class::ALL.len()];

type Found = HashMap<UserId, Result<Option<Keys>, KeyError>>;

/// Answered together at most.
const TOGETHER_MAX: usize = 1_024;
const RETRY_PAUSE: Duration = Duration::from_millis(30);
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

pub(super) enum Request {
    Open { subject: UserId, class: Class, answer: Answer<Option<Arc<DataKey>>> },
    Seal { subject: UserId, class: Class, answer: Answer<Arc<DataKey>> },
    Destroy { subject: UserId, answer: Answer<()> },
}

/// Keys at hand.
pub(super) struct KeyCache {
    keys: Cache<UserId, (Instant, Keys)>,
    age_max: Duration,
    /// Raised after each destruction that this process does or hears of.
    destructions: AtomicU64,
    /// Whether it would hear of one.
    hears: AtomicBool,
}

impl KeyCache {
    pub(super) fn new(subjects_max: usize, age_max: Duration) -> Self {
        Self {
            keys: Cache::new(subjects_max.max(16)),
            age_max,
            destructions: AtomicU64::new(0),
            hears: AtomicBool::new(false),
        }
    }

    pub(super) fn get(&self, subject: UserId, class: Class) -> Option<Arc<DataKey>> {
        if !self.hears.load(Ordering::Acquire) {
            return None;
        }
        let (read_at, keys) = self.keys.get(&subject)?;
        if read_at.elapsed() > self.age_max {
            return None;
        }
        Some(Arc::clone(of_class(&keys, class)))
    }

    /// `before` is what [`moment`](Self::moment) was before the keys were read.
    fn put(&self, subject: UserId, keys: Keys, before: (u64, Instant)) {
        if !self.hears.load(Ordering::Acquire) {
            return;
        }
        self.keys.insert(subject, (before.1, keys));
        // Behind the insertion: whoever destroys raises the number before it removes.
        if self.destructions.load(Ordering::SeqCst) != before.0 {
            self.keys.remove(&subject);
        }
    }

    fn moment(&self) -> (u64, Instant) {
        (self.destructions.load(Ordering::SeqCst), Instant::now())
    }

    fn forget(&self, subject: UserId) {
        self.destructions.fetch_add(1, Ordering::SeqCst);
        self.keys.remove(&subject);
    }

    fn hears(&self, yes: bool) {
        self.hears.store(yes, Ordering::Release);
        self.destructions.fetch_add(1, Ordering::SeqCst);
        self.keys.clear();
    }
}

fn of_class(keys: &Keys, class: Class) -> &Arc<DataKey> {
    match class {
        Class::Identity => &keys[0],
        Class::Content => &keys[1],
        Class::Messages => &keys[2],
    }
}

pub(super) struct Worker {
    pub(super) store: KeyStore,
    pub(super) cache: Arc<KeyCache>,
    pub(super) patience: Duration,
}

impl Worker {
    /// Until nobody can ask any more.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Request>) {
        let mut requests = Vec::new();
        while waiting.recv_many(&mut requests, TOGETHER_MAX).await > 0 {
            let mut together = Vec::new();
            for request in std::mem::take(&mut requests) {
                match request {
                    Request::Destroy { subject, answer } => {
                        // After those that were asked for before it.
                        self.serve(std::mem::take(&mut together)).await;
                        let _ = answer.send(self.destroy(subject).await);
                    }
                    request @ (Request::Open { .. } | Request::Seal { .. }) => together.push(request),
                }
            }
            self.serve(together).await;
        }
    }

    async fn serve(&self, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        let (mut to_open, mut to_seal) = (Vec::new(), Vec::new());
        for request in &requests {
            match request {
                Request::Open { subject, .. } => to_open.push(*subject),
                Request::Seal { subject, .. } => to_seal.push(*subject),
                Request::Destroy { .. } => {}
            }
        }
        let found = self.find_patiently(&to_open, &to_seal).await;
        let pick = |subject: UserId, class: Class| match &found {
            Err(error) => Err(error.clone()),
            Ok(found) => match found.get(&subject) {
                None => Err(KeyError::Missing(subject)),
                Some(Ok(None)) => Ok(None),
                Some(Ok(Some(keys))) => Ok(Some(Arc::clone(of_class(keys, class)))),
                Some(Err(error)) => Err(error.clone()),
            },
        };
        for request in requests {
            match request {
                Request::Open { subject, class, answer } => {
                    let _ = answer.send(pick(subject, class));
                }
                Request::Seal { subject, class, answer } => {
                    let key = pick(subject, class);
                    let _ = answer.send(key.and_then(|key| key.ok_or(KeyError::Destroyed(subject))));
                }
                Request::Destroy { .. } => {}
            }
        }
    }

    async fn find_patiently(&self, to_open: &[UserId], to_seal: &[UserId]) -> Result<Found, KeyError> {
        let since = Instant::now();
        loop {
            let found = self.find(to_open, to_seal).await;
            if !self.passes(&found, since) {
                return Ok(found?);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// The keys of the subjects, `None` for those whose keys have been destroyed. Keys to seal are made.
    async fn find(&self, to_open: &[UserId], to_seal: &[UserId]) -> Result<Found, PostgresKeyringError> {
        let mut subjects = [to_open, to_seal].concat();
        subjects.sort_unstable();
        subjects.dedup();
        let mut found = self.load(&subjects).await?;
        let mut missing: Vec<UserId> =
            to_seal.iter().copied().filter(|subject| !found.contains_key(subject)).collect();
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            // Users whom the log has had keys: they are lost, and are not made again.
            let users = self.store.users_among(&missing).await?;
            let to_make: Vec<UserId> =
                missing.iter().copied().filter(|subject| !users.contains(subject)).collect();
            self.store.make(&to_make).await?;
            // Those that another process has made meanwhile are theirs.
            found.extend(self.load(&missing).await?);
        }
        Ok(found)
    }

    async fn load(&self, subjects: &[UserId]) -> Result<Found, PostgresKeyringError> {
        let before = self.cache.moment();
        let mut found = HashMap::with_capacity(subjects.len());
        for (subject, held) in self.store.load(subjects).await? {
            let keys = held.and_then(|held| match held {
                Held::Destroyed => Ok(None),
                Held::Keys(bytes) => ready(&bytes).map(Some),
            });
            if let Ok(Some(keys)) = &keys {
                self.cache.put(subject, keys.clone(), before);
            }
            found.insert(subject, keys.map_err(KeyError::from));
        }
        Ok(found)
    }

    async fn destroy(&self, subject: UserId) -> Result<(), KeyError> {
        let since = Instant::now();
        let destroyed = loop {
            let destroyed = self.store.destroy(subject).await;
            if !self.passes(&destroyed, since) {
                break destroyed;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        };
        self.cache.forget(subject);
        Ok(destroyed?)
    }

    /// Whether to try again: a lost connection is one thing, a server that is away another.
    fn passes<T>(&self, done: &Result<T, PostgresKeyringError>, since: Instant) -> bool {
        matches!(done, Err(PostgresKeyringError::Storage(error)) if is_transient(error))
            && since.elapsed() + RETRY_PAUSE < self.patience
    }
}

fn ready(bytes: &[u8]) -> Result<Keys, PostgresKeyringError> {
    let (keys, _) = bytes.as_chunks::<32>();
    let key = |at: usize| {
        let key = keys.get(at).and_then(|bytes| DataKey::new(bytes).ok());
        key.map(Arc::new).ok_or(PostgresKeyringError::Refused)
    };
    Ok([key(0)?, key(1)?, key(2)?])
}

/// Forgets what other processes destroy. Ends when it is aborted.
pub(super) async fn listen(cache: Arc<KeyCache>, connecting: Arc<PgConnectOptions>) {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(connecting.as_ref().clone());
    loop {
        if let Err(error) = hear(&cache, &pool).await {
            tracing::debug!(
                problem = sql_problem(&error),
                "keys are not kept: destructions are not heard of"
            );
        }
        cache.hears(false);
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

/// Until the connection is lost.
async fn hear(cache: &KeyCache, pool: &sqlx::PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    cache.hears(true);
    while let Some(told) = listener.try_recv().await? {
        match told.payload().parse::<Uuid>() {
            Ok(subject) => cache.forget(UserId(subject)),
            // Not one of ours; whatever it meant, nothing stays that could be wrong.
            Err(_) => cache.hears(true),
        }
    }
    Ok(())
}
