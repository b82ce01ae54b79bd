//! Reading a segment from its first frame to its last, to index it, to recover it and to verify it.
//!
//! * A frame counts when its header, its end mark and every record in it are intact and follow what came before.
//! * Only the last frame of the last segment can be torn: the next is written after it was synced. So a frame that does
//!   not count is an error if anything valid follows it.
//! * A crash leaves sectors that were not written as they were: zero. A last frame that is damaged but has every sector
//!   and its end mark was written whole and may have been acknowledged: that is an error too, not a torn tail.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::log::LogError;
use crate::stream::StreamId;

use super::context::Context;
use super::disk::{corrupt, read_at, unavailable};
use super::format::{
    END_MAGIC, FRAME_END_BYTES, FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader, Parsed, RawRecord,
    SEGMENT_HEADER_BYTES, parse_record, u32_at,
};
use super::memory::{Entry, MemIndex, Previous};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Another segment follows: everything in this one was durable.
    Sealed,
    /// The last segment: its last frame may be torn.
    Tail,
}

pub(crate) struct Scanned {
    pub(crate) index: MemIndex,
    /// Where the last frame begins.
    pub(crate) last_frame: Option<u64>,
    /// What a crash left behind the last frame ends here.
    pub(crate) torn_until: Option<u64>,
}

const WINDOW_BYTES: usize = 1 << 20;
const SECTOR_BYTES: u64 = 512;

struct Window<'a> {
    file: &'a File,
    buffer: Vec<u8>,
    start: u64,
}

impl Window<'_> {
    /// The bytes from `offset` on, `bytes` of them unless the file ends.
    fn get(&mut self, offset: u64, bytes: usize) -> io::Result<&[u8]> {
        let held = self.start..self.start + self.buffer.len() as u64;
        if offset < held.start || offset + bytes as u64 > held.end {
            self.buffer.clear();
            self.buffer.shrink_to(4 * WINDOW_BYTES);
            self.buffer.reserve_exact(bytes.max(WINDOW_BYTES));
            self.start = offset;
            read_at(self.file, &mut self.buffer, offset)?;
        }
        let from = ((offset - self.start) as usize).min(self.buffer.len());
        let to = (from + bytes).min(self.buffer.len());
        Ok(&self.buffer[from..to])
    }
}

struct Scan<'a> {
    context: &'a Context,
    path: &'a Path,
    window: Window<'a>,
    file_bytes: u64,
    mode: Mode,
}

pub(crate) fn scan(
    context: &Context,
    path: &Path,
    file: &File,
    first_position: u64,
    mode: Mode,
) -> Result<Scanned, LogError> {
    let file_bytes = file.metadata().map_err(|error| unavailable("read", path, &error))?.len();
    let window = Window { file, buffer: Vec::new(), start: 0 };
    Scan { context, path, window, file_bytes, mode }.run(first_position)
}

impl Scan<'_> {
    fn get(&mut self, offset: u64, bytes: usize) -> Result<&[u8], LogError> {
        self.window.get(offset, bytes).map_err(|error| unavailable("read", self.path, &error))
    }

    fn run(mut self, first_position: u64) -> Result<Scanned, LogError> {
        let mut index = MemIndex::new(first_position, SEGMENT_HEADER_BYTES, self.context.key);
        let mut last_frame = None;
        let mut order = Order { position: first_position, ..Order::default() };
        let problem = loop {
            let offset = index.data_end;
            let seed = self.context.seed;
            let header = self.get(offset, FRAME_HEADER_BYTES)?;
            let Some(frame) = FrameHeader::decode(header, seed) else {
                break Problem { offset, frame: None, what: "no frame begins here" };
            };
            if frame.first_position != order.position {
                let problem = format!(
                    "a frame begins at position {} instead of {}",
                    frame.first_position, order.position
                );
                return Err(corrupt(self.path, offset, problem));
            }
            let path = self.path;
            let context = self.context;
            let bytes = self.get(offset, frame.frame_bytes() as usize)?;
            let records = match records(bytes, &frame, seed) {
                Ok(records) => records,
                Err(what) => break Problem { offset, frame: Some(frame), what },
            };
            for (at, record) in &records {
                order
                    .admit(context, &mut index, record, offset + *at as u64)
                    .map_err(|problem| corrupt(path, offset + *at as u64, problem))?;
            }
            index.data_end = offset + frame.frame_bytes();
            last_frame = Some(offset);
        };
        let torn_until = self.judge(&problem, order.position)?;
        Ok(Scanned { index, last_frame, torn_until })
    }

    /// What to make of a place where no intact frame begins: the end, a torn tail or damage.
    fn judge(&mut self, problem: &Problem, position: u64) -> Result<Option<u64>, LogError> {
        let offset = problem.offset;
        let mut last_written = None;
        let mut at = offset;
        while at < self.file_bytes {
            let seed = self.context.seed;
            // Windows overlap by a header, so that none is missed between two of them.
            let bytes = self.get(at, WINDOW_BYTES)?.to_vec();
            if let Some(last) = last_nonzero(&bytes) {
                last_written = Some(at + last as u64);
                for place in (0..bytes.len().saturating_sub(FRAME_HEADER_BYTES - 1)).step_by(8) {
                    if u32_at(&bytes, place + 4) != FRAME_MAGIC {
                        continue;
                    }
                    let place_offset = at + place as u64;
                    let later =
                        FrameHeader::decode(&bytes[place..], seed).is_some_and(|later| {
                            match &problem.frame {
                                Some(frame) => {
                                    place_offset >= offset + frame.frame_bytes()
                                        && later.first_position == position + u64::from(frame.events)
                                }
                                None => later.first_position > position,
                            }
                        });
                    if later {
                        let found =
                            format!("{}, but a later frame follows at byte {place_offset}", problem.what);
                        return Err(corrupt(self.path, offset, found));
                    }
                }
            }
            at += (bytes.len().saturating_sub(FRAME_HEADER_BYTES).max(8) as u64) & !7;
            if bytes.len() < WINDOW_BYTES {
                break;
            }
        }
        let Some(last_written) = last_written else { return Ok(None) };
        if self.mode == Mode::Sealed {
            return Err(corrupt(self.path, offset, problem.what));
        }
        if self.is_incomplete(problem, last_written)? || self.context.options.cut_damaged_tail {
            return Ok(Some(last_written + 1));
        }
        let what = format!(
            "{}; the last batch was written whole and has changed since, so it is not cut off: restore the file, or give \
             up that batch by opening with cut_damaged_tail",
            problem.what
        );
        Err(corrupt(self.path, offset, what))
    }

    /// Whether some of the frame was never written.
    fn is_incomplete(&mut self, problem: &Problem, last_written: u64) -> Result<bool, LogError> {
        let offset = problem.offset;
        let end = match &problem.frame {
            Some(frame) => offset + frame.frame_bytes(),
            None => (last_written + 1).next_multiple_of(8),
        };
        if end > self.file_bytes || end - offset < (FRAME_HEADER_BYTES + FRAME_END_BYTES) as u64 {
            return Ok(true);
        }
        let end_mark = self.get(end - FRAME_END_BYTES as u64, FRAME_END_BYTES)?;
        let end_magic = u32_at(end_mark, 4);
        if end_magic == 0 || (problem.frame.is_none() && end_magic != END_MAGIC) {
            return Ok(true);
        }
        let mut at = offset;
        while at < end {
            let sector_end = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
            if self.get(at, (sector_end - at) as usize)?.iter().all(|&byte| byte == 0) {
                return Ok(true);
            }
            at = sector_end;
        }
        Ok(false)
    }
}

/// Most of what is looked at is zero: whole pages at a time.
fn last_nonzero(bytes: &[u8]) -> Option<usize> {
    static ZEROS: [u8; 4096] = [0; 4096];
    let (at, page) =
        bytes.chunks(ZEROS.len()).enumerate().rfind(|(_, page)| **page != ZEROS[..page.len()])?;
    page.iter().rposition(|&byte| byte != 0).map(|last| at * ZEROS.len() + last)
}

struct Problem {
    offset: u64,
    /// The frame's header, when that is intact.
    frame: Option<FrameHeader>,
    what: &'static str,
}

/// The records of a frame with their places in it, or what is wrong with it.
fn records<'a>(
    bytes: &'a [u8],
    frame: &FrameHeader,
    seed: super::format::Seed,
) -> Result<Vec<(usize, RawRecord<'a>)>, &'static str> {
    if bytes.len() as u64 != frame.frame_bytes() {
        return Err("the file ends within a frame");
    }
    let (body, end_mark) = bytes.split_at(bytes.len() - FRAME_END_BYTES);
    if end_mark != frame.end_mark() {
        return Err("a frame has no end mark");
    }
    let mut records = Vec::with_capacity((frame.events as usize).min(body.len() / 8));
    let mut at = FRAME_HEADER_BYTES;
    while at < body.len() {
        let Parsed::Record(record) = parse_record(&body[at..], seed) else {
            return Err("a record is damaged");
        };
        records.push((at, record));
        at += record.bytes;
    }
    if records.len() != frame.events as usize || records.is_empty() {
        return Err("a frame has the wrong number of records");
    }
    Ok(records)
}

/// What the next record has to follow.
#[derive(Default)]
struct Order {
    position: u64,
    recorded_at_ms: u64,
    command_id: u128,
    ordinal: Option<u16>,
}

impl Order {
    fn admit(
        &mut self,
        context: &Context,
        index: &mut MemIndex,
        record: &RawRecord<'_>,
        offset: u64,
    ) -> Result<(), String> {
        let command_id = record.id ^ u128::from(record.ordinal);
        if record.position != self.position {
            return Err(format!("position {} stands where {} belongs", record.position, self.position));
        }
        if record.recorded_at_ms < self.recorded_at_ms {
            return Err(format!("position {} was recorded before its predecessor", record.position));
        }
        let follows = match self.ordinal {
            Some(last) if record.ordinal > 0 => {
                command_id == self.command_id && Some(record.ordinal) == last.checked_add(1)
            }
            _ => record.ordinal == 0,
        };
        if !follows {
            return Err(format!("position {} is torn from its command", record.position));
        }
        let stream = StreamId::new(record.stream).map_err(|error| error.to_string())?;
        let kind = context.kind(record.kind).ok_or("a record's kind is not a name")?;
        if let Some(part) = index.stream_part(&stream)
            && record.revision != part.last_revision() + 1
        {
            return Err(format!(
                "{stream} goes from revision {} to {}",
                part.last_revision(),
                record.revision
            ));
        }
        index.push(&Entry {
            stream: &stream,
            revision: record.revision,
            previous: Previous::Unknown,
            kind: &kind,
            command_id,
            ordinal: record.ordinal,
            offset: u32::try_from(offset).map_err(|_| "the segment is too large")?,
            recorded_at_ms: record.recorded_at_ms,
        });
        self.position += 1;
        self.recorded_at_ms = record.recorded_at_ms;
        self.command_id = command_id;
        self.ordinal = Some(record.ordinal);
        Ok(())
    }
}
