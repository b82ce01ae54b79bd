//! How far the log has been acknowledged, in a small file beside the segments. It tells a torn tail, which had never been
//! acknowledged, from acknowledged events that are gone.
//!
//! * The mark is written after the sync of a batch and before its answers, so it is never ahead of the disk. Only the
//!   page cache takes it then: no batch costs a second sync. A kill of the process loses nothing of it.
//! * It is synced when the log has been idle for a moment, about once a second under load, and at the close. A crash of
//!   the machine can set it back by that much, which only makes the log notice less.
//! * Two slots in sectors of their own are written in turn: one that is torn leaves the other.
//! * A log without the file, of an earlier version, opens as it is and gets one.
//!
//! ```text
//! slot   magic 8 | position 8 | crc 4, which starts from the log's id
//! ```

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::private;

use super::context::Context;
use super::format::{Seed, u32_at, u64_at};

pub(crate) const ACKNOWLEDGED_NAME: &str = "acknowledged";
const MAGIC: &[u8; 8] = b"NOVAACK\n";
const SLOT_BYTES: usize = 20;
/// A torn write spoils one sector of a disk at the most.
const SLOT_DISTANCE: usize = 512;
const SLOTS: usize = 2;
/// Written once as a whole, so that writing a slot changes no metadata.
const FILE_BYTES: usize = 4096;
const IDLE: Duration = Duration::from_millis(50);
const UNSYNCED_MAX: Duration = Duration::from_secs(1);

fn encode(position: u64, seed: Seed) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..8].copy_from_slice(MAGIC);
    slot[8..16].copy_from_slice(&position.to_le_bytes());
    let crc = seed.crc(&slot[..16]);
    slot[16..].copy_from_slice(&crc.to_le_bytes());
    slot
}

fn decode(slot: &[u8], seed: Seed) -> Option<u64> {
    let ours = slot.len() == SLOT_BYTES && &slot[..8] == MAGIC && seed.crc(&slot[..16]) == u32_at(slot, 16);
    ours.then(|| u64_at(slot, 8))
}

/// The file as it was read. Reading it comes before reading the segments: beside a writer they only grow meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Bytes(Option<Vec<u8>>);

impl Bytes {
    pub(crate) fn read(dir: &Path) -> io::Result<Self> {
        match fs::read(dir.join(ACKNOWLEDGED_NAME)) {
            Ok(bytes) => Ok(Self(Some(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    /// The last position known to be acknowledged; 0 when none is.
    pub(crate) fn position(&self, seed: Seed) -> u64 {
        let bytes = self.0.as_deref().unwrap_or_default();
        let slots = (0..SLOTS).filter_map(|slot| bytes.get(slot * SLOT_DISTANCE..)?.get(..SLOT_BYTES));
        slots.filter_map(|slot| decode(slot, seed)).max().unwrap_or(0)
    }
}

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    /// `None`: it could not be written. The log goes on without, since appends are durable all the same.
    file: Option<File>,
    slot: usize,
    /// Since when there is something to sync.
    unsynced: Option<Instant>,
}

impl Acknowledged {
    /// Replaces the file by one that says that everything up to this position is acknowledged, and nothing more.
    pub(crate) fn begin(context: &Context, position: u64) -> Self {
        let mut bytes = vec![0; FILE_BYTES];
        bytes[..SLOT_BYTES].copy_from_slice(&encode(position, context.seed));
        let (path, new) =
            (context.dir.join(ACKNOWLEDGED_NAME), context.dir.join(format!("{ACKNOWLEDGED_NAME}.tmp")));
        let write = || {
            let file = private::options().write(true).create(true).truncate(true).open(&new)?;
            context.disk.write_at(&file, &bytes, 0)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            context.disk.sync_dir(&context.dir)?;
            Ok(file)
        };
        let file = write().inspect_err(report).ok();
        Self { file, slot: 0, unsynced: None }
    }

    /// Notes that everything up to this position is durable and will be answered.
    pub(crate) fn note(&mut self, context: &Context, position: u64) {
        let Some(file) = &self.file else { return };
        self.slot = (self.slot + 1) % SLOTS;
        let slot = encode(position, context.seed);
        match context.disk.write_at(file, &slot, (self.slot * SLOT_DISTANCE) as u64) {
            Ok(()) => {
                self.unsynced.get_or_insert_with(Instant::now);
            }
            Err(error) => self.give_up(&error),
        }
    }

    /// How long the writer may wait for appends before it calls [`Self::sync`].
    pub(crate) fn idle_max(&self) -> Option<Duration> {
        self.unsynced.map(|_| IDLE)
    }

    /// Syncs under load, now and then.
    pub(crate) fn sync_if_due(&mut self, context: &Context) {
        if self.unsynced.is_some_and(|since| since.elapsed() >= UNSYNCED_MAX) {
            self.sync(context);
        }
    }

    pub(crate) fn sync(&mut self, context: &Context) {
        if self.unsynced.take().is_some()
            && let Some(file) = &self.file
            && let Err(error) = context.disk.sync(file)
        {
            self.give_up(&error);
        }
    }

    /// What the file says stays true. It only falls behind.
    fn give_up(&mut self, error: &io::Error) {
        self.file = None;
        self.unsynced = None;
        report(error);
    }
}

fn report(error: &io::Error) {
    tracing::warn!(
        %error,
        "cannot record how far the log is acknowledged: until it is opened again, a loss at its end goes unnoticed"
    );
}
