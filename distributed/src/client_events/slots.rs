//! The queues in a data folder: `queue-0`, `queue-1` ... Each process has the first that nobody else has open.

use std::path::{Path, PathBuf};

use nova_eventlog::{LogError, Spool, SpoolOptions, WhenFull};

/// Processes that share a data folder.
const SLOTS: usize = 64;

fn options(bytes_max: u64) -> SpoolOptions {
    SpoolOptions { bytes_max, when_full: WhenFull::Refuse }
}

fn slot(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("queue-{number}"))
}

/// Opens the first queue that nobody has open. Blocks.
pub(super) fn open_own(dir: &Path, bytes_max: u64) -> Result<(Spool, usize), LogError> {
    for number in 0..SLOTS {
        match Spool::open(slot(dir, number), options(bytes_max)) {
            Ok(spool) => return Ok((spool, number)),
            Err(LogError::Locked { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(LogError::Unavailable(format!("{SLOTS} processes use {} already", dir.display())))
}

/// Opens a queue that a process has left behind with something in it. Blocks.
pub(super) fn open_abandoned(dir: &Path, own: usize, bytes_max: u64) -> Option<Spool> {
    let others = (0..SLOTS).filter(|number| *number != own).map(|number| slot(dir, number));
    for other in others.filter(|other| other.is_dir() && !Spool::is_open(other)) {
        match Spool::open(&other, options(bytes_max)) {
            Ok(spool) if spool.stats().entries > 0 => return Some(spool),
            Ok(_) | Err(LogError::Locked { .. }) => {}
            Err(error) => tracing::warn!(%error, "a queue of client events cannot be opened"),
        }
    }
    None
}
