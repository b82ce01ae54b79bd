//! The bytes of a segment file. Everything is little-endian and starts at a multiple of 8.
//!
//! ```text
//! segment   header (one page) | frame | frame | ... | zeros up to the file's length
//! frame     crc 4 | magic 4 | body bytes 4 | events 4 | first position 8 | record ... | header's crc again 4 | end magic 4
//! record    crc 4 | bytes 4 | position 8 | revision 8 | event id 16 | recorded at 8 | meta bytes 4 | ordinal 2 |
//!           stream bytes 1 | kind bytes 1 | stream | kind | meta | data | zeros up to a multiple of 8
//! ```
//!
//! * A frame is what one sync made durable: several appends, all of them or none.
//! * Every checksum is CRC-32C and starts from one of the log's id, so bytes of another log never pass, nor does an
//!   event whose data imitates a frame.
//! * A record's second word is its length (below 2^29), a frame's a magic number: reading from anywhere tells them apart.
//! * The end mark is not zero: a frame that was written only in part does not have it.

use uuid::Uuid;

pub(crate) const SEGMENT_HEADER_BYTES: u64 = 4096;
pub(crate) const FORMAT_VERSION: u32 = 1;
const SEGMENT_MAGIC: &[u8; 8] = b"NOVALOG\n";
pub(crate) const FRAME_MAGIC: u32 = 0xf7a3_e10b;
pub(crate) const END_MAGIC: u32 = 0xe4d5_0f7a;
pub(crate) const FRAME_HEADER_BYTES: usize = 24;
pub(crate) const FRAME_END_BYTES: usize = 8;
pub(crate) const RECORD_FIXED_BYTES: usize = 56;

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut le = [0; 4];
    le.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(le)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut le = [0; 8];
    le.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(le)
}

pub(crate) fn u128_at(bytes: &[u8], at: usize) -> u128 {
    let mut le = [0; 16];
    le.copy_from_slice(&bytes[at..at + 16]);
    u128::from_le_bytes(le)
}

pub(crate) fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

/// What the checksums of a log start from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u32);

impl Seed {
    pub(crate) fn of(log_id: u128) -> Self {
        Self(crc32c::crc32c(&log_id.to_le_bytes()))
    }

    pub(crate) fn crc(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, bytes)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log_id: u128,
    pub(crate) first_position: u64,
    pub(crate) created_at_ms: u64,
}

/// Why the first page of a file is not the header of a segment.
#[derive(Debug)]
pub(crate) enum BadHeader {
    NotASegment,
    Version(u32),
    Damaged,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut page = vec![0; SEGMENT_HEADER_BYTES as usize];
        page[..8].copy_from_slice(SEGMENT_MAGIC);
        page[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        page[16..32].copy_from_slice(&self.log_id.to_le_bytes());
        page[32..40].copy_from_slice(&self.first_position.to_le_bytes());
        page[40..48].copy_from_slice(&self.created_at_ms.to_le_bytes());
        let crc = crc32c::crc32c(&page[16..]);
        page[12..16].copy_from_slice(&crc.to_le_bytes());
        page
    }

    pub(crate) fn decode(page: &[u8]) -> Result<Self, BadHeader> {
        if page.len() < 12 || &page[..8] != SEGMENT_MAGIC {
            return Err(BadHeader::NotASegment);
        }
        let version = u32_at(page, 8);
        if version != FORMAT_VERSION {
            return Err(BadHeader::Version(version));
        }
        if page.len() as u64 != SEGMENT_HEADER_BYTES || crc32c::crc32c(&page[16..]) != u32_at(page, 12) {
            return Err(BadHeader::Damaged);
        }
        Ok(Self {
            log_id: u128_at(page, 16),
            first_position: u64_at(page, 32),
            created_at_ms: u64_at(page, 40),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) crc: u32,
    pub(crate) body_bytes: u32,
    pub(crate) events: u32,
    pub(crate) first_position: u64,
}

impl FrameHeader {
    pub(crate) fn decode(bytes: &[u8], seed: Seed) -> Option<Self> {
        let intact = bytes.len() >= FRAME_HEADER_BYTES
            && u32_at(bytes, 4) == FRAME_MAGIC
            && seed.crc(&bytes[4..FRAME_HEADER_BYTES]) == u32_at(bytes, 0);
        intact.then(|| Self {
            crc: u32_at(bytes, 0),
            body_bytes: u32_at(bytes, 8),
            events: u32_at(bytes, 12),
            first_position: u64_at(bytes, 16),
        })
    }

    /// From the first byte of the header to the last of the end mark.
    pub(crate) fn frame_bytes(&self) -> u64 {
        (FRAME_HEADER_BYTES + FRAME_END_BYTES) as u64 + u64::from(self.body_bytes)
    }

    pub(crate) fn end_mark(&self) -> [u8; FRAME_END_BYTES] {
        let mut mark = [0; FRAME_END_BYTES];
        mark[..4].copy_from_slice(&self.crc.to_le_bytes());
        mark[4..].copy_from_slice(&END_MAGIC.to_le_bytes());
        mark
    }
}

/// A frame in the making. [`FrameBuilder::finish`] gives the bytes to write.
#[derive(Debug)]
pub(crate) struct FrameBuilder {
    bytes: Vec<u8>,
    events: u32,
    seed: Seed,
}

pub(crate) struct NewRecord<'a> {
    pub(crate) position: u64,
    pub(crate) revision: u64,
    pub(crate) id: Uuid,
    pub(crate) ordinal: u16,
    pub(crate) recorded_at_ms: u64,
    pub(crate) stream: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) meta: &'a [u8],
    pub(crate) data: &'a [u8],
}

impl FrameBuilder {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { bytes: vec![0; FRAME_HEADER_BYTES], events: 0, seed }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// The bytes of the frame if it ended here.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + FRAME_END_BYTES
    }

    /// The bytes of the finished frame.
    pub(crate) fn written_len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the offset of the record in the frame.
    pub(crate) fn push(&mut self, record: &NewRecord<'_>) -> usize {
        let start = self.bytes.len();
        let length = RECORD_FIXED_BYTES
            + record.stream.len()
            + record.kind.len()
            + record.meta.len()
            + record.data.len();
        let mut fixed = [0; RECORD_FIXED_BYTES];
        fixed[4..8].copy_from_slice(&(length as u32).to_le_bytes());
        fixed[8..16].copy_from_slice(&record.position.to_le_bytes());
        fixed[16..24].copy_from_slice(&record.revision.to_le_bytes());
        fixed[24..40].copy_from_slice(&record.id.as_u128().to_le_bytes());
        fixed[40..48].copy_from_slice(&record.recorded_at_ms.to_le_bytes());
        fixed[48..52].copy_from_slice(&(record.meta.len() as u32).to_le_bytes());
        fixed[52..54].copy_from_slice(&record.ordinal.to_le_bytes());
        fixed[54] = record.stream.len() as u8;
        fixed[55] = record.kind.len() as u8;
        self.bytes.extend_from_slice(&fixed);
        self.bytes.extend_from_slice(record.stream.as_bytes());
        self.bytes.extend_from_slice(record.kind.as_bytes());
        self.bytes.extend_from_slice(record.meta);
        self.bytes.extend_from_slice(record.data);
        self.bytes.resize(start + padded(length), 0);
        let crc = self.seed.crc(&self.bytes[start + 4..]);
        self.bytes[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        self.events += 1;
        start
    }

    pub(crate) fn finish(&mut self, first_position: u64) -> &[u8] {
        let body_bytes = (self.bytes.len() - FRAME_HEADER_BYTES) as u32;
        self.bytes[4..8].copy_from_slice(&FRAME_MAGIC.to_le_bytes());
        self.bytes[8..12].copy_from_slice(&body_bytes.to_le_bytes());
        self.bytes[12..16].copy_from_slice(&self.events.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&first_position.to_le_bytes());
        let crc = self.seed.crc(&self.bytes[4..FRAME_HEADER_BYTES]);
        self.bytes[..4].copy_from_slice(&crc.to_le_bytes());
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        self.bytes.extend_from_slice(&END_MAGIC.to_le_bytes());
        &self.bytes
    }

    /// Empty again, with the memory kept unless it has grown out of proportion.
    pub(crate) fn reset(&mut self) {
        self.bytes.truncate(FRAME_HEADER_BYTES);
        self.bytes.shrink_to(8 << 20);
        self.events = 0;
    }
}

/// A record as it lies in a buffer. `parse` has checked it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawRecord<'a> {
    pub(crate) position: u64,
    pub(crate) revision: u64,
    pub(crate) id: u128,
    pub(crate) ordinal: u16,
    pub(crate) recorded_at_ms: u64,
    pub(crate) stream: &'a str,
    pub(crate) kind: &'a str,
    /// Where meta and data lie, counted from the start of the record.
    pub(crate) meta: (usize, usize),
    pub(crate) data: (usize, usize),
    /// With padding: the next thing follows here.
    pub(crate) bytes: usize,
}

pub(crate) enum Parsed<'a> {
    Record(RawRecord<'a>),
    /// The record needs this many bytes; the buffer holds fewer.
    Short(usize),
    Damaged,
}

pub(crate) fn parse_record(bytes: &[u8], seed: Seed) -> Parsed<'_> {
    if bytes.len() < RECORD_FIXED_BYTES {
        return Parsed::Short(RECORD_FIXED_BYTES);
    }
    let length = u32_at(bytes, 4) as usize;
    // The largest record is far below this; a length beyond it is damage, not a reason to read gigabytes.
    if !(RECORD_FIXED_BYTES..1 << 29).contains(&length) {
        return Parsed::Damaged;
    }
    let whole = padded(length);
    if bytes.len() < whole {
        return Parsed::Short(whole);
    }
    if seed.crc(&bytes[4..whole]) != u32_at(bytes, 0) {
        return Parsed::Damaged;
    }
    let meta_bytes = u32_at(bytes, 48) as usize;
    let stream_end = RECORD_FIXED_BYTES + usize::from(bytes[54]);
    let kind_end = stream_end + usize::from(bytes[55]);
    let meta_end = kind_end + meta_bytes;
    if meta_end > length {
        return Parsed::Damaged;
    }
    let (Ok(stream), Ok(kind)) = (
        std::str::from_utf8(&bytes[RECORD_FIXED_BYTES..stream_end]),
        std::str::from_utf8(&bytes[stream_end..kind_end]),
    ) else {
        return Parsed::Damaged;
    };
    Parsed::Record(RawRecord {
        position: u64_at(bytes, 8),
        revision: u64_at(bytes, 16),
        id: u128_at(bytes, 24),
        ordinal: u16::from_le_bytes([bytes[52], bytes[53]]),
        recorded_at_ms: u64_at(bytes, 40),
        stream,
        kind,
        meta: (kind_end, meta_end),
        data: (meta_end, length),
        bytes: whole,
    })
}
