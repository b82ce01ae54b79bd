//! The keyring of the distributed profile.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use nova_events::keyring::{KeyError, Keyring};
use nova_events::seal::DataKey;
use nova_events::wrapping::{MasterKey, MasterKeyError};
use nova_events::{Class, UserId};
use sqlx::postgres::PgPool;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::store::KeyStore;
use super::worker::{self, KeyCache, Request, Worker};
use crate::postgres::sql_problem;

#[derive(Debug, thiserror::Error)]
pub enum PostgresKeyringError {
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(
        "the master key is not the one that the keys in PostgreSQL were wrapped under: give every process the same"
    )]
    OtherMasterKey,
    #[error("a row of the keys in PostgreSQL is damaged")]
    Damaged,
    #[error("the keys in PostgreSQL cannot be used: {}", sql_problem(.0))]
    Storage(#[from] sqlx::Error),
    #[error("the cryptographic library refused the operation")]
    Refused,
    #[error(
        "subject {subject} has no key in nova.subject_keys, but their events are in the log since position {position}: \
         put back that table from the backup that the log came from, or a later one"
    )]
    Missing { subject: UserId, position: u64 },
}

impl From<PostgresKeyringError> for KeyError {
    fn from(error: PostgresKeyringError) -> Self {
        match error {
            PostgresKeyringError::Missing { subject, .. } => Self::Missing(subject),
            PostgresKeyringError::OtherMasterKey | PostgresKeyringError::Damaged => {
                Self::Corrupt(error.to_string())
            }
            PostgresKeyringError::MasterKey(_)
            | PostgresKeyringError::Storage(_)
            | PostgresKeyringError::Refused => Self::Unavailable(error.to_string()),
        }
    }
}

/// Settings of a [`PostgresKeyring`].
#[derive(Debug, Clone)]
pub struct PostgresKeyringOptions {
    /// Subjects whose keys are kept ready; each about 3 KB.
    pub subjects_cached_max: usize,
    /// Keys are read again after so long: the longest for which this process may go on using keys that another one has
    /// destroyed, should its connection hang. Usually it hears of it within a millisecond.
    pub cached_ms_max: u64,
    /// How long a request is tried again when the server does not take it.
    pub retry_ms_max: u64,
}

impl Default for PostgresKeyringOptions {
    fn default() -> Self {
        Self { subjects_cached_max: 32_768, cached_ms_max: 30_000, retry_ms_max: 5_000 }
    }
}

/// Requests that may wait; further ones wait for a place.
const WAITING_MAX: usize = 4_096;

/// Keys in PostgreSQL, wrapped under a master key that every process has.
pub struct PostgresKeyring {
    cache: Arc<KeyCache>,
    requests: mpsc::Sender<Request>,
    names: hmac::Key,
    listening: JoinHandle<()>,
}

impl std::fmt::Debug for PostgresKeyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresKeyring")
    }
}

impl PostgresKeyring {
    /// The schema must be there. Must be called within a runtime, which the keyring then uses. The first process of all
    /// decides on the master key; later ones with another one are refused.
    pub async fn open(
        pool: PgPool,
        master: &MasterKey,
        options: &PostgresKeyringOptions,
    ) -> Result<Arc<Self>, PostgresKeyringError> {
        let store = KeyStore::new(pool.clone(), master.wrapping()?);
        store.check_complete().await?;
        let names = hmac::Key::new(hmac::HMAC_SHA256, &store.secret("names").await?);
        let age_max = Duration::from_millis(options.cached_ms_max);
        let cache = Arc::new(KeyCache::new(options.subjects_cached_max, age_max));
        let patience = Duration::from_millis(options.retry_ms_max);
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        // Ends when the last sender is dropped.
        tokio::spawn(Worker { store, cache: Arc::clone(&cache), patience }.run(waiting));
        let listening = tokio::spawn(worker::listen(Arc::clone(&cache), pool.connect_options()));
        Ok(Arc::new(Self { cache, requests, names, listening }))
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, KeyError>>) -> Request,
    ) -> Result<T, KeyError> {
        let closed = || KeyError::Unavailable("the keyring is closed".to_owned());
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

impl Drop for PostgresKeyring {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

#[async_trait::async_trait]
impl Keyring for PostgresKeyring {
    fn cached(&self, subject: UserId, class: Class) -> Option<Arc<DataKey>> {
        self.cache.get(subject, class)
    }

    async fn key_to_seal(&self, subject: UserId, class: Class) -> Result<Arc<DataKey>, KeyError> {
        if let Some(key) = self.cached(subject, class) {
            return Ok(key);
        }
        self.ask(|answer| Request::Seal { subject, class, answer }).await
    }

    async fn key_to_open(&self, subject: UserId, class: Class) -> Result<Option<Arc<DataKey>>, KeyError> {
        if let Some(key) = self.cached(subject, class) {
            return Ok(Some(key));
        }
        self.ask(|answer| Request::Open { subject, class, answer }).await
    }

    async fn destroy(&self, subject: UserId) -> Result<(), KeyError> {
        self.ask(|answer| Request::Destroy { subject, answer }).await
    }

    fn name_hash(&self, name: &str) -> String {
        let tag = hmac::sign(&self.names, name.as_bytes());
        tag.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
