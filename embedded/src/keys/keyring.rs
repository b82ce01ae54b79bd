//! The keyring of the embedded profile.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use aws_lc_rs::hmac;
use nova_eventlog::{LogError, LogReader};
use nova_events::keyring::{KeyError, Keyring};
use nova_events::seal::DataKey;
use nova_events::wrapping::{MasterKey, MasterKeyError};
use nova_events::{Class, UserId};
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;
use tokio::sync::oneshot;

use super::complete::{self, Missing};
use super::store::KeyStore;
use super::worker::{self, KeyCache, Request};
use crate::epochs::IdHash;

#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error("the master key is not the one that the keys were wrapped under")]
    OtherMasterKey,
    #[error("the file of the keys is damaged")]
    Damaged,
    #[error("the file of the keys has version {found}, this program knows {known}: upgrade it")]
    Version { found: u32, known: u32 },
    #[error("the file of the keys cannot be used: {0:?}")]
    Storage(Option<rusqlite::ErrorCode>),
    #[error("the folder of the keys cannot be used: {0}")]
    Io(io::ErrorKind),
    #[error("the cryptographic library refused the operation")]
    Refused,
    #[error(
        "subject {subject} has no key, but the event at position {position} of the log is sealed under it: the keys are \
         lost, or older than the log. Put back the keys that belong to this log (a backup copies the log first and the \
         keys after it), or give up what is sealed with keys.give_up_missing"
    )]
    Missing { subject: UserId, position: u64 },
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<Missing> for KeyringError {
    fn from(missing: Missing) -> Self {
        Self::Missing { subject: missing.subject, position: missing.position }
    }
}

impl From<&KeyringError> for KeyError {
    fn from(error: &KeyringError) -> Self {
        match error {
            KeyringError::Missing { subject, .. } => Self::Missing(*subject),
            KeyringError::OtherMasterKey | KeyringError::Damaged => Self::Corrupt(error.to_string()),
            KeyringError::MasterKey(_)
            | KeyringError::Version { .. }
            | KeyringError::Storage(_)
            | KeyringError::Io(_)
            | KeyringError::Log(_)
            | KeyringError::Refused => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<KeyringError> for KeyError {
    fn from(error: KeyringError) -> Self {
        Self::from(&error)
    }
}

/// Keys in a file on this machine, wrapped under a master key.
pub struct LocalKeyring {
    cache: Arc<KeyCache>,
    /// Taken when the keyring is dropped, which ends the thread.
    requests: Option<SyncSender<Request>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    names: hmac::Key,
}

impl std::fmt::Debug for LocalKeyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalKeyring")
    }
}

impl LocalKeyring {
    /// Opens the keys in `dir`, making the file when there is none. `cached_max` is the number of keys kept ready.
    pub fn open(dir: &Path, master: &MasterKey, cached_max: usize) -> Result<Self, KeyringError> {
        Self::start(KeyStore::open(dir, master.wrapping()?)?, None, cached_max)
    }

    /// The same for the keys of this log. Fails with [`KeyringError::Missing`] when they lack one that the log needs; with
    /// `give_up_missing` its subject gets a tombstone instead.
    pub fn open_of(
        log: LogReader,
        dir: &Path,
        master: &MasterKey,
        cached_max: usize,
        give_up_missing: bool,
    ) -> Result<Self, KeyringError> {
        let mut store = KeyStore::open(dir, master.wrapping()?)?;
        complete::check(&mut store, &log, give_up_missing)?;
        Self::start(store, Some(log), cached_max)
    }

    /// Fails when the log needs keys and there is no file of them. For before one is made.
    pub(crate) fn check_exists(log: &LogReader, dir: &Path) -> Result<(), KeyringError> {
        if !dir.join(super::store::FILE).exists()
            && let Some(missing) = complete::first_missing(log, 0, |_| Ok(false))?
        {
            return Err(missing.into());
        }
        Ok(())
    }

    fn start(mut store: KeyStore, log: Option<LogReader>, cached_max: usize) -> Result<Self, KeyringError> {
        let names = hmac::Key::new(hmac::HMAC_SHA256, &store.secret("names")?);
        let cached_max = cached_max.max(16);
        let cache = Arc::new(KeyCache::with(
            cached_max,
            cached_max as u64,
            UnitWeighter,
            IdHash::default(),
            DefaultLifecycle::default(),
        ));
        let (requests, thread) = worker::start(store, log, Arc::clone(&cache))?;
        Ok(Self { cache, requests: Some(requests), thread: Mutex::new(Some(thread)), names })
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, KeyError>>) -> Request,
    ) -> Result<T, KeyError> {
        let closed = || KeyError::Unavailable("the keyring is closed".to_owned());
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        let mut request = request(answer);
        // The queue is full only when thousands of subjects register within a millisecond.
        loop {
            match requests.try_send(request) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) => request = back,
                Err(TrySendError::Disconnected(_)) => return Err(closed()),
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        answered.await.map_err(|_| closed())?
    }
}

impl Drop for LocalKeyring {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.get_mut().take() {
            let _ = thread.join();
        }
    }
}

#[async_trait::async_trait]
impl Keyring for LocalKeyring {
    fn cached(&self, subject: UserId, class: Class) -> Option<Arc<DataKey>> {
        self.cache.get(&(subject, class))
    }

    async fn key_to_seal(&self, subject: UserId, class: Class) -> Result<Arc<DataKey>, KeyError> {
        self.ask(|answer| Request::Seal { subject, class, answer }).await
    }

    async fn key_to_open(&self, subject: UserId, class: Class) -> Result<Option<Arc<DataKey>>, KeyError> {
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
