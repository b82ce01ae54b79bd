//! One writer per folder: an advisory lock on a file that tells the owner's process id. The lock goes with the process.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::log::LogError;

use super::disk::unavailable;

pub(crate) const LOCK_NAME: &str = "LOCK";

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "an open file is what holds the lock")] File);

impl Lock {
    pub(crate) fn acquire(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(LOCK_NAME);
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|error| unavailable("open", &path, &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let owner = fs::read_to_string(&path).ok().and_then(|pid| pid.trim().parse().ok());
                return Err(LogError::Locked { place: dir.display().to_string(), owner });
            }
            Err(error) => return Err(unavailable("lock", &path, &error.into())),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| unavailable("write", &path, &error))?;
        Ok(Self(file))
    }

    /// Whether some process writes to the log at this moment.
    pub(crate) fn is_held(dir: &Path) -> bool {
        File::open(dir.join(LOCK_NAME)).is_ok_and(|file| {
            flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
        })
    }
}
