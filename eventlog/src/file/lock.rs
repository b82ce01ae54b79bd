//! One writer per folder: an advisory lock on a file that tells the owner's process id. The lock goes with the process.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::log::LogError;
use crate::private;

use super::disk::unavailable;

pub(crate) const LOCK_NAME: &str = "LOCK";

/// How long a lock that is held is tried again: whoever looks whether it is held has it for a moment too.
const PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(5);

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    pub(crate) fn acquire(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(LOCK_NAME);
        let open = private::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|error| unavailable("open", &path, &error))?;
        let began = Instant::now();
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(unavailable("lock", &path, &error.into()));
            }
            if began.elapsed() > PATIENCE {
                let owner = fs::read_to_string(&path).ok().and_then(|pid| pid.trim().parse().ok());
                return Err(LogError::Locked { place: dir.display().to_string(), owner });
            }
            std::thread::sleep(PAUSE);
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

impl Drop for Lock {
    /// Closing the file is not enough: a process that is being started has a copy of it until it runs its own
    /// program.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.0, FlockOperation::Unlock) {
            tracing::warn!(%error, "the lock of a log cannot be given free before its file is closed");
        }
    }
}
