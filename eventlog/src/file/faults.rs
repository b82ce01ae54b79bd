//! Makes the disk fail on command.

use std::io;

use parking_lot::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A write stores only this many bytes and then fails.
    Write {
        written: usize,
        errno: i32,
    },
    Sync {
        errno: i32,
    },
    Allocate {
        errno: i32,
    },
    Index {
        errno: i32,
    },
}

pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EIO: i32 = 5;

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Option<Fault>>);

impl Faults {
    /// From now on, until it is cleared.
    pub(crate) fn set(&self, fault: Option<Fault>) {
        *self.0.lock() = fault;
    }

    pub(crate) fn on_write(&self, bytes: usize) -> Option<(usize, io::Error)> {
        match *self.0.lock() {
            Some(Fault::Write { written, errno }) => {
                Some((written.min(bytes), io::Error::from_raw_os_error(errno)))
            }
            _ => None,
        }
    }

    pub(crate) fn on_sync(&self) -> Option<io::Error> {
        match *self.0.lock() {
            Some(Fault::Sync { errno }) => Some(io::Error::from_raw_os_error(errno)),
            _ => None,
        }
    }

    pub(crate) fn on_allocate(&self) -> Option<io::Error> {
        match *self.0.lock() {
            Some(Fault::Allocate { errno }) => Some(io::Error::from_raw_os_error(errno)),
            _ => None,
        }
    }

    pub(crate) fn on_index(&self) -> Option<io::Error> {
        match *self.0.lock() {
            Some(Fault::Index { errno }) => Some(io::Error::from_raw_os_error(errno)),
            _ => None,
        }
    }
}
