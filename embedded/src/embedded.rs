//! A data folder, opened: `log/`, `keys/` and `views/`.

use std::sync::Arc;

use nova_eventlog::{FileLog, LogError};
use nova_events::Codec;
use nova_events::wrapping::MasterKeyError;
use nova_views::ViewError;

use crate::keys::{KeyringError, LocalKeyring, load_master_key};
use crate::options::EmbeddedOptions;
use crate::views::Views;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Keys(#[from] KeyringError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Views(#[from] ViewError),
}

/// The stores of the embedded profile. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// Both the log and the feed that follows it.
    pub log: Arc<FileLog>,
    pub keyring: Arc<LocalKeyring>,
    pub views: Views,
}

impl Embedded {
    /// Opens the folder, making what is not there. The log comes first: it refuses a folder that another process uses.
    /// Reads files: call it from a thread that may wait.
    pub fn open(options: EmbeddedOptions) -> Result<Self, OpenError> {
        let log = FileLog::open(options.log_dir(), options.log.clone())?;
        let keys_dir = options.keys_dir();
        LocalKeyring::check_exists(&log.reader(), &keys_dir)?;
        let master = match &options.master_key {
            Some(master) => master.clone(),
            None => load_master_key(&keys_dir)?,
        };
        let keyring = LocalKeyring::open_of(
            log.reader(),
            &keys_dir,
            &master,
            options.keys_cached_max,
            options.give_up_missing_keys,
        )?;
        let views = Views::open_of(&options.views_dir(), options.views, log.reader())?;
        Ok(Self { log: Arc::new(log), keyring: Arc::new(keyring), views })
    }

    /// A codec with this keyring.
    pub fn codec(&self) -> Codec {
        Codec::new(Arc::clone(&self.keyring) as _)
    }
}
