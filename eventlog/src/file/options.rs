//! What can be set, each limit with its unit.

/// Settings of a [`FileLog`](super::FileLog). The defaults suit a server; only tests need others.
#[derive(Debug, Clone)]
pub struct FileLogOptions {
    /// Size of a full-grown segment file. A new log starts with segments of 4 MiB that grow fourfold up to this, so that
    /// a small log stays small. Between 4 KiB and 2 GiB. The index of the segment that is written lives in memory:
    /// at worst (every event its own command in its own new stream) about half the segment's size.
    pub segment_bytes: u64,
    /// Largest event: name, kind, data and meta together.
    pub event_bytes_max: usize,
    /// Most events of one append; never more than 65,536.
    pub append_events_max: usize,
    /// Largest append.
    pub append_bytes_max: usize,
    /// Appends are committed together until a batch holds this many events ...
    pub batch_events_max: usize,
    /// ... or this many bytes. One append always fits.
    pub batch_bytes_max: usize,
    /// Appends that may wait for the writer ...
    pub queue_appends_max: usize,
    /// ... and the bytes they may hold; the next one is refused as overloaded.
    pub queue_bytes_max: usize,
    /// Stream heads the writer remembers, so that checking a busy stream touches no index. About 150 bytes each.
    pub heads_cached_max: usize,
    /// File descriptors kept open for reading.
    pub open_files_max: usize,
    /// Largest page or batch of events a read returns (and one event more).
    pub page_bytes_max: usize,
    /// When the last batch is damaged in a way that no crash explains, the log refuses to open, because that batch may
    /// have been acknowledged. With this set it is cut off instead, as after a crash.
    pub cut_damaged_tail: bool,
}

impl Default for FileLogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 128 << 20,
            event_bytes_max: 1 << 20,
            append_events_max: 65_536,
            append_bytes_max: 16 << 20,
            batch_events_max: 8_192,
            batch_bytes_max: 4 << 20,
            queue_appends_max: 16_384,
            queue_bytes_max: 64 << 20,
            heads_cached_max: 100_000,
            open_files_max: 256,
            page_bytes_max: 8 << 20,
            cut_damaged_tail: false,
        }
    }
}

impl FileLogOptions {
    /// Within what the format can hold.
    pub(crate) fn clamped(mut self) -> Self {
        self.segment_bytes = self.segment_bytes.clamp(4 << 10, 2 << 30);
        self.append_events_max = self.append_events_max.clamp(1, 65_536);
        self.append_bytes_max = self.append_bytes_max.clamp(1, 256 << 20);
        self.event_bytes_max = self.event_bytes_max.clamp(1, self.append_bytes_max);
        self.batch_bytes_max = self.batch_bytes_max.clamp(1, 256 << 20);
        self.open_files_max = self.open_files_max.max(8);
        self
    }
}
