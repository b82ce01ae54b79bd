//! What every part of an open log shares: its folder and id, its open files, its names of kinds.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::{Mutex, RwLock};
use quick_cache::sync::Cache;

use crate::record::Kind;

use super::disk::Disk;
use super::format::Seed;
use super::hash::Key;
use super::options::FileLogOptions;
use super::seal::SealQueue;

pub(crate) struct Context {
    pub(crate) dir: PathBuf,
    pub(crate) log_id: u128,
    pub(crate) seed: Seed,
    pub(crate) key: Key,
    pub(crate) options: FileLogOptions,
    pub(crate) disk: Disk,
    /// Set while a background thread writes index files.
    pub(crate) seals: Mutex<Option<SealQueue>>,
    /// The last attempt to write an index file failed.
    pub(crate) seal_fails: AtomicBool,
    /// Why the last batch could not be written; `None` while appends succeed.
    pub(crate) write_trouble: Mutex<Option<String>>,
    files: Cache<(u64, FileKind), Arc<File>>,
    kinds: RwLock<HashMap<Box<str>, Kind>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FileKind {
    Events,
    Index,
}

/// Kinds are few; a log that has more of them just shares fewer of their names.
const KINDS_INTERNED_MAX: usize = 4096;

impl Context {
    pub(crate) fn new(dir: &Path, log_id: u128, options: FileLogOptions, disk: Disk) -> Self {
        Self {
            dir: dir.to_owned(),
            log_id,
            seed: Seed::of(log_id),
            key: Key::of(log_id),
            files: Cache::new(options.open_files_max),
            options,
            disk,
            seals: Mutex::new(None),
            seal_fails: AtomicBool::new(false),
            write_trouble: Mutex::default(),
            kinds: RwLock::default(),
        }
    }

    pub(crate) fn path(&self, first_position: u64, kind: FileKind) -> PathBuf {
        self.dir.join(file_name(first_position, kind))
    }

    pub(crate) fn file(&self, first_position: u64, kind: FileKind) -> io::Result<Arc<File>> {
        self.files.get_or_insert_with(&(first_position, kind), || {
            File::open(self.path(first_position, kind)).map(Arc::new)
        })
    }

    pub(crate) fn forget_file(&self, first_position: u64, kind: FileKind) {
        self.files.remove(&(first_position, kind));
    }

    /// `None` when it is not a name of a kind.
    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        if let Some(kind) = self.kinds.read().get(name) {
            return Some(kind.clone());
        }
        let kind = Kind::new(name)?;
        let mut kinds = self.kinds.write();
        if kinds.len() < KINDS_INTERNED_MAX {
            kinds.insert(name.into(), kind.clone());
        }
        Some(kind)
    }
}

pub(crate) fn file_name(first_position: u64, kind: FileKind) -> String {
    match kind {
        FileKind::Events => format!("{first_position:020}.events"),
        FileKind::Index => format!("{first_position:020}.index"),
    }
}

/// How far the clock of the machine is set back, in a test.
#[cfg(test)]
pub(crate) static CLOCK_BACK_MS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

pub(crate) fn now_ms() -> u64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    #[cfg(test)]
    let now = now - CLOCK_BACK_MS.load(std::sync::atomic::Ordering::Relaxed);
    now
}
