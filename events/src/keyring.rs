//! The port to the keys that seal personal data.

use std::sync::Arc;

use crate::seal::DataKey;
use crate::{Class, UserId};

#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The subject's keys have been destroyed. They are never made anew.
    #[error("the keys of subject {0} have been destroyed")]
    Destroyed(UserId),
    /// There is no key and no tombstone: the key has been lost, not destroyed. What it seals opens again when the keys of
    /// the installation are put back.
    #[error(
        "the key of subject {0} is missing, and was not destroyed: put back the keys that belong to this log"
    )]
    Missing(UserId),
    #[error("the keyring is unavailable: {0}")]
    Unavailable(String),
    #[error("the keyring is corrupt: {0}")]
    Corrupt(String),
}

/// One random key for each (subject, class).
///
/// * A key that was returned is durable: what is sealed under it can be opened after a crash.
/// * Once `destroy` has returned, no call returns a key of that subject again, in any process.
#[async_trait::async_trait]
pub trait Keyring: Send + Sync + 'static {
    /// The key, if it is at hand without waiting. `None` says nothing about whether there is one.
    fn cached(&self, subject: UserId, class: Class) -> Option<Arc<DataKey>>;

    /// The key, made if there was none. [`KeyError::Missing`] when the subject had one that is lost.
    async fn key_to_seal(&self, subject: UserId, class: Class) -> Result<Arc<DataKey>, KeyError>;

    /// The key, `None` when it has been destroyed. One that never was, or is lost, is [`KeyError::Missing`].
    async fn key_to_open(&self, subject: UserId, class: Class) -> Result<Option<Arc<DataKey>>, KeyError>;

    /// Destroys every key of the subject, for good.
    async fn destroy(&self, subject: UserId) -> Result<(), KeyError>;

    /// The keyed hash of a name that must be unique but not readable (a handle), as 32 hexadecimal digits. The same
    /// for the life of the installation.
    fn name_hash(&self, name: &str) -> String;
}
