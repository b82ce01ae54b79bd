//! What the disk can do: one write and one sync, over and over, inside a file that is allocated and zeroed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// What an event of the measurement takes in the log, and a batch in addition.
const RECORD_BYTES: usize = 56 + 37 + 5 + super::PAYLOAD_BYTES + 6;
const FRAME_BYTES: usize = 32;
const FILE_BYTES: u64 = 128 << 20;

pub(crate) fn events_per_second(dir: &Path, events: usize, seconds: f64) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir_in(dir)?;
    let file = File::create(dir.path().join("limit"))?;
    let zeros = vec![0; 1 << 20];
    for at in (0..FILE_BYTES).step_by(zeros.len()) {
        file.write_all_at(&zeros, at)?;
    }
    file.sync_all()?;
    let bytes = vec![7; events * RECORD_BYTES + FRAME_BYTES];
    let (start, mut offset, mut syncs) = (Instant::now(), 0, 0u64);
    while start.elapsed() < Duration::from_secs_f64(seconds) {
        if offset + bytes.len() as u64 > FILE_BYTES {
            offset = 0;
        }
        file.write_all_at(&bytes, offset)?;
        file.sync_data()?;
        offset += bytes.len() as u64;
        syncs += 1;
    }
    Ok(syncs as f64 * events as f64 / start.elapsed().as_secs_f64())
}
