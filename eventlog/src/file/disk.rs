//! The few ways in which the log changes the disk, in one place: so that tests can make each of them fail.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::FallocateFlags;

use crate::log::LogError;

#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<super::faults::Faults>,
}

impl Disk {
    pub(crate) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some((written, error)) = self.faults.on_write(bytes.len()) {
            file.write_all_at(&bytes[..written], offset)?;
            return Err(error);
        }
        file.write_all_at(bytes, offset)
    }

    /// The data, and what is needed to read it back, is on the disk.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.on_sync() {
            return Err(error);
        }
        file.sync_data()
    }

    /// Reserves space: the file has `bytes` bytes that read as zero, and writing them does not run out of space. A file
    /// system that cannot reserve only gets the length.
    pub(crate) fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.on_allocate() {
            return Err(error);
        }
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(bytes),
            Err(error) => Err(error.into()),
        }
    }

    /// Called before an index file is written.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "only tests make it fail"))]
    pub(crate) fn check_index(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.on_index() {
            return Err(error);
        }
        Ok(())
    }

    pub(crate) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

/// Fills `into` up to its capacity from `offset` on; less only at the end of the file.
pub(crate) fn read_at(file: &File, into: &mut Vec<u8>, offset: u64) -> io::Result<()> {
    while into.len() < into.capacity() {
        let at = offset + into.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(into), at) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

pub(crate) fn unavailable(action: &str, path: &Path, error: &io::Error) -> LogError {
    LogError::Unavailable(format!("cannot {action} {}: {error}", path.display()))
}

pub(crate) fn corrupt(path: &Path, offset: u64, problem: impl Into<String>) -> LogError {
    LogError::Corrupt { place: format!("{} at byte {offset}", path.display()), problem: problem.into() }
}
