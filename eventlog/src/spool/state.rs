//! What a spool holds, in memory: its chapters, and how far it has been read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::file::{FileLog, LogStats, SEGMENT_HEADER_BYTES};
use crate::log::EventLog as _;

use super::{Place, SpoolStats};

pub(super) struct State {
    /// Oldest first. Only the last one may be written.
    pub(super) chapters: VecDeque<Chapter>,
    /// The highest number that a chapter ever had; none is used twice.
    pub(super) newest: u64,
    /// Behind everything that was removed.
    pub(super) removed: Place,
    pub(super) removed_recorded_at_ms: u64,
    /// Of entries that are being written.
    pub(super) pending_bytes: u64,
    pub(super) dropped_entries: u64,
    /// The disk failed then: the chapter takes nothing more.
    pub(super) failed: Option<Instant>,
    pub(super) closed: bool,
}

pub(super) struct Chapter {
    pub(super) number: u64,
    pub(super) log: Arc<FileLog>,
    /// When it is not written any more.
    pub(super) closed: Option<Closed>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Closed {
    pub(super) bytes: u64,
    pub(super) first_recorded_at_ms: Option<u64>,
}

/// Without the headers of files, which are there before any entry is.
fn entry_bytes(stats: &LogStats) -> u64 {
    stats.bytes.saturating_sub(stats.segments * SEGMENT_HEADER_BYTES)
}

impl Chapter {
    pub(super) fn closed(number: u64, log: FileLog) -> Self {
        let stats = log.stats();
        let closed = Closed { bytes: entry_bytes(&stats), first_recorded_at_ms: stats.first_recorded_at_ms };
        Self { number, log: Arc::new(log), closed: Some(closed) }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.closed.map_or_else(|| entry_bytes(&self.log.stats()), |closed| closed.bytes)
    }

    pub(super) fn first_recorded_at_ms(&self) -> Option<u64> {
        self.closed
            .map_or_else(|| self.log.stats().first_recorded_at_ms, |closed| closed.first_recorded_at_ms)
    }

    pub(super) fn last(&self) -> Place {
        Place { chapter: self.number, position: self.log.head() }
    }
}

impl State {
    pub(super) fn bytes(&self) -> u64 {
        self.pending_bytes + self.chapters.iter().map(Chapter::bytes).sum::<u64>()
    }

    pub(super) fn stats(&self) -> SpoolStats {
        let heads: u64 = self.chapters.iter().map(|chapter| chapter.log.head()).sum();
        let first = self.chapters.front();
        let read =
            first.filter(|first| first.number == self.removed.chapter).map_or(0, |_| self.removed.position);
        let entries = heads.saturating_sub(read);
        let oldest = first.filter(|_| entries > 0).and_then(Chapter::first_recorded_at_ms);
        SpoolStats {
            entries,
            bytes: self.bytes() - self.pending_bytes,
            oldest_recorded_at_ms: oldest.map(|oldest| oldest.max(self.removed_recorded_at_ms)),
            dropped_entries: self.dropped_entries,
        }
    }

    /// The chapter to read behind this place, and from where.
    pub(super) fn chapter_after(&self, after: Place) -> Option<(u64, Arc<FileLog>, u64)> {
        let behind = self.chapters.iter().find(|chapter| chapter.last() > after && chapter.log.head() > 0)?;
        let position = if behind.number == after.chapter { after.position } else { 0 };
        Some((behind.number, Arc::clone(&behind.log), position))
    }

    pub(super) fn holds(&self, number: u64, log: &Arc<FileLog>) -> bool {
        self.chapters.iter().any(|chapter| chapter.number == number && Arc::ptr_eq(&chapter.log, log))
    }
}
