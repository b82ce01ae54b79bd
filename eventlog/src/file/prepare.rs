//! New segment files: reserved and filled with zeros ahead of time.
//!
//! Writing inside a file whose blocks exist and have been written changes no metadata, so a sync has nothing to journal:
//! about three times as many syncs per second. Zeroing runs beside the writer and keeps step with it, a little at a
//! time, because the writer's syncs wait for whatever else the disk does. A segment that is needed earlier is taken as
//! far as it is, which costs speed and nothing else.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

use crate::log::LogError;
use crate::private;

use super::context::{Context, FileKind, now_ms};
use super::disk::{Disk, unavailable};
use super::format::{SEGMENT_HEADER_BYTES, SegmentHeader};

/// The next segment before it has its name. Left behind by a crash it is deleted.
pub(crate) const SPARE_NAME: &str = "spare.tmp";
const FIRST_SEGMENT_BYTES: u64 = 4 << 20;
/// About a millisecond of a disk's time.
const ZEROED_AT_ONCE_BYTES: u64 = 256 << 10;

/// The size of the segment after one of `current` bytes.
pub(crate) fn next_segment_bytes(current: Option<u64>, full: u64) -> u64 {
    current.map_or(FIRST_SEGMENT_BYTES, |current| current.saturating_mul(4)).min(full)
}

/// A segment file being prepared by a thread of its own.
pub(crate) struct Spare {
    pace: Arc<Pace>,
    thread: JoinHandle<io::Result<File>>,
    bytes: u64,
}

/// How far the preparation may go.
struct Pace {
    stop: AtomicBool,
    wanted_bytes: AtomicU64,
}

impl Spare {
    pub(crate) fn start(context: &Context, bytes: u64) -> io::Result<Self> {
        let pace = Pace { stop: AtomicBool::new(false), wanted_bytes: AtomicU64::new(ZEROED_AT_ONCE_BYTES) };
        let pace = Arc::new(pace);
        let (path, disk, told) = (context.dir.join(SPARE_NAME), context.disk.clone(), pace.clone());
        let thread = Builder::new()
            .name("eventlog-spare".into())
            .spawn(move || prepare(&disk, &path, bytes, &told))?;
        Ok(Self { pace, thread, bytes })
    }

    /// Says how full the segment is that is written: between a quarter and three quarters of it the spare is zeroed.
    pub(crate) fn keep_step(&self, written_bytes: u64, segment_bytes: u64) {
        let behind_a_quarter = u128::from(written_bytes * 4).saturating_sub(u128::from(segment_bytes));
        let wanted = u128::from(self.bytes) * behind_a_quarter / (u128::from(segment_bytes) * 2).max(1);
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX).max(ZEROED_AT_ONCE_BYTES);
        let before = self.pace.wanted_bytes.fetch_max(wanted, Ordering::Relaxed);
        if before / ZEROED_AT_ONCE_BYTES < wanted / ZEROED_AT_ONCE_BYTES {
            self.thread.thread().unpark();
        }
    }

    /// Ends the preparation where it is.
    fn take(self) -> io::Result<(File, u64)> {
        self.pace.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let file = self.thread.join().map_err(|_| io::Error::other("preparing a segment failed"))??;
        Ok((file, self.bytes))
    }

    pub(crate) fn discard(self, context: &Context) {
        self.take().ok();
        fs::remove_file(context.dir.join(SPARE_NAME)).ok();
    }
}

fn prepare(disk: &Disk, path: &PathBuf, bytes: u64, pace: &Pace) -> io::Result<File> {
    let prepared = || {
        let file = private::options().read(true).write(true).create(true).truncate(true).open(path)?;
        disk.allocate(&file, bytes)?;
        disk.sync(&file)?;
        let zeros = vec![0; ZEROED_AT_ONCE_BYTES as usize];
        let mut at = 0;
        while at < bytes && !pace.stop.load(Ordering::Relaxed) {
            if at >= pace.wanted_bytes.load(Ordering::Relaxed) {
                std::thread::park();
                continue;
            }
            let step = (bytes - at).min(ZEROED_AT_ONCE_BYTES);
            disk.write_at(&file, &zeros[..step as usize], at)?;
            disk.sync(&file)?;
            at += step;
        }
        Ok(file)
    };
    prepared().inspect_err(|_| {
        fs::remove_file(path).ok();
    })
}

/// Makes the segment that begins with `first_position`, from the spare if there is one that is large enough.
pub(crate) fn create_segment(
    context: &Context,
    spare: Option<Spare>,
    first_position: u64,
    bytes: u64,
) -> Result<(File, u64), LogError> {
    let spare_path = context.dir.join(SPARE_NAME);
    let path = context.path(first_position, FileKind::Events);
    let create = || {
        let prepared = match spare.map(Spare::take) {
            Some(Ok((file, spare_bytes))) if spare_bytes >= bytes => Some((file, spare_bytes)),
            // What went wrong in the background goes wrong here again, or it has passed.
            Some(_) | None => None,
        };
        let (file, bytes) = match prepared {
            Some(prepared) => prepared,
            None => {
                let stop = AtomicBool::new(bytes > FIRST_SEGMENT_BYTES);
                let pace = Pace { stop, wanted_bytes: AtomicU64::new(u64::MAX) };
                (prepare(&context.disk, &spare_path, bytes, &pace)?, bytes)
            }
        };
        let header = SegmentHeader { log_id: context.log_id, first_position, created_at_ms: now_ms() };
        context.disk.write_at(&file, &header.encode(), 0)?;
        context.disk.sync(&file)?;
        fs::rename(&spare_path, &path)?;
        context.disk.sync_dir(&context.dir)?;
        Ok((file, bytes))
    };
    create().map_err(|error| {
        fs::remove_file(&spare_path).ok();
        unavailable("make the segment", &path, &error)
    })
}

/// Whether a segment of this size can hold a frame.
pub(crate) fn fits(segment_bytes: u64, data_end: u64, frame_bytes: usize) -> bool {
    data_end + frame_bytes as u64 <= segment_bytes
}

/// The size a new segment needs to hold a frame.
pub(crate) fn at_least(segment_bytes: u64, frame_bytes: usize) -> u64 {
    segment_bytes.max((SEGMENT_HEADER_BYTES + frame_bytes as u64).next_multiple_of(4096))
}
