//! One segment: its file and its index, wherever that is. Every answer is checked against the records themselves.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use uuid::Uuid;

use crate::log::LogError;
use crate::record::{Filter, Recorded};
use crate::stream::StreamId;

use super::context::{Context, FileKind};
use super::disk::{corrupt, read_at, unavailable};
use super::format::{
    END_MAGIC, FRAME_END_BYTES, FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader, Parsed, RawRecord,
    parse_record, u32_at,
};
use super::memory::{CommandPart, MemIndex, StreamPart, prefix};
use super::scan::{Mode, scan};
use super::sidecar::Sidecar;

pub(crate) struct Segment {
    pub(crate) context: Arc<Context>,
    pub(crate) first_position: u64,
    index: RwLock<Index>,
}

enum Index {
    Memory(Box<MemIndex>),
    Sealed(Arc<Sidecar>),
}

/// What is cheap to tell of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) events: u64,
    pub(crate) data_end: u64,
    pub(crate) first_recorded_at_ms: u64,
    pub(crate) last_recorded_at_ms: u64,
    pub(crate) streams_started: u64,
}

/// A small event is read in one go; a page in pieces of this size.
const PEEK_BYTES: usize = 1024;
const PIECE_BYTES: usize = 256 << 10;
/// Events that lie closer together than this are read together.
const GAP_BYTES_MAX: u64 = 4096;

impl Segment {
    pub(crate) fn in_memory(context: Arc<Context>, index: MemIndex) -> Self {
        let first_position = index.first_position;
        Self { context, first_position, index: RwLock::new(Index::Memory(Box::new(index))) }
    }

    pub(crate) fn sealed(context: Arc<Context>, sidecar: Sidecar) -> Self {
        let first_position = sidecar.summary.first_position;
        Self { context, first_position, index: RwLock::new(Index::Sealed(Arc::new(sidecar))) }
    }

    /// Reads the index. A damaged one is built again from the events.
    fn index<T>(
        &self,
        memory: impl Fn(&MemIndex) -> T,
        sealed: impl Fn(&Sidecar) -> io::Result<T>,
    ) -> Result<T, LogError> {
        let sidecar = match &*self.index.read() {
            Index::Memory(index) => return Ok(memory(index)),
            Index::Sealed(sidecar) => sidecar.clone(),
        };
        match sealed(&sidecar) {
            Ok(answer) => Ok(answer),
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
                let path = self.context.path(self.first_position, FileKind::Index);
                tracing::warn!(index = %path.display(), %error, "an index file is damaged and is built again");
                let index = self.rebuild()?;
                let answer = memory(&index);
                *self.index.write() = Index::Memory(Box::new(index));
                self.context.forget_file(self.first_position, FileKind::Index);
                if let Some(seals) = &*self.context.seals.lock() {
                    seals.seal(self.first_position);
                }
                Ok(answer)
            }
            Err(error) => {
                let path = self.context.path(self.first_position, FileKind::Index);
                Err(unavailable("read", &path, &error))
            }
        }
    }

    /// The index as the events say it should be.
    pub(crate) fn rebuild(&self) -> Result<MemIndex, LogError> {
        let path = self.context.path(self.first_position, FileKind::Events);
        let file = self.file()?;
        let scanned = scan(&self.context, &path, &file, self.first_position, Mode::Sealed)?;
        Ok(scanned.index)
    }

    pub(crate) fn with_memory<T>(&self, read: impl FnOnce(&MemIndex) -> T) -> Option<T> {
        match &*self.index.read() {
            Index::Memory(index) => Some(read(index)),
            Index::Sealed(_) => None,
        }
    }

    /// For the writer: the segment's newest events are durable.
    pub(crate) fn extend(&self, extend: impl FnOnce(&mut MemIndex)) {
        if let Index::Memory(index) = &mut *self.index.write() {
            extend(index);
        }
    }

    pub(crate) fn seal(&self, sidecar: Sidecar) {
        *self.index.write() = Index::Sealed(Arc::new(sidecar));
    }

    pub(crate) fn load_filters(&self) -> Result<(), LogError> {
        self.index(|_| (), Sidecar::load_filters)
    }

    pub(crate) fn extent(&self) -> Extent {
        match &*self.index.read() {
            Index::Memory(index) => Extent {
                events: index.offsets.len() as u64,
                data_end: index.data_end,
                first_recorded_at_ms: index.first_recorded_at_ms,
                last_recorded_at_ms: index.last_recorded_at_ms,
                streams_started: index.streams_started,
            },
            Index::Sealed(sidecar) => Extent {
                events: sidecar.summary.events,
                data_end: sidecar.summary.data_end,
                first_recorded_at_ms: sidecar.summary.first_recorded_at_ms,
                last_recorded_at_ms: sidecar.summary.last_recorded_at_ms,
                streams_started: sidecar.summary.streams_started,
            },
        }
    }

    pub(crate) fn last_position(&self) -> u64 {
        self.first_position + self.extent().events - u64::from(self.extent().events > 0)
    }

    pub(crate) fn file(&self) -> Result<Arc<std::fs::File>, LogError> {
        self.context.file(self.first_position, FileKind::Events).map_err(|error| {
            unavailable("open", &self.context.path(self.first_position, FileKind::Events), &error)
        })
    }

    fn corrupt(&self, offset: u64, problem: impl Into<String>) -> LogError {
        corrupt(&self.context.path(self.first_position, FileKind::Events), offset, problem)
    }

    /// The stream's events in this segment, `None` when there are none.
    pub(crate) fn stream(&self, stream: &StreamId, hash: u64) -> Result<Option<StreamPart>, LogError> {
        let candidates = self.index(
            |index| index.stream_part(stream).map(|part| (part, None)).into_iter().collect::<Vec<_>>(),
            |sidecar| {
                let parts = sidecar.stream_parts(hash)?.into_iter();
                parts.map(|part| Ok((part, sidecar.stream_offsets(&part, 0, 1)?.first().copied()))).collect()
            },
        )?;
        for (part, first_offset) in candidates {
            // Another stream may have the same hash: the first event tells.
            let Some(offset) = first_offset else { return Ok(Some(part)) };
            let is_it = self.peek(u64::from(offset), |record| record.stream == stream.as_str())?;
            if is_it {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    pub(crate) fn stream_offsets(
        &self,
        stream: &StreamId,
        part: &StreamPart,
        skip: u32,
        take: u32,
    ) -> Result<Vec<u32>, LogError> {
        let mut part = *part;
        // Between the two look-ups the segment may have been sealed.
        if part.start == StreamPart::IN_MEMORY && self.with_memory(|_| ()).is_none() {
            let hash = self.context.key.bytes(stream.as_str().as_bytes());
            part = self.stream(stream, hash)?.unwrap_or(part);
        }
        if part.start == StreamPart::IN_MEMORY {
            if let Some(offsets) = self.with_memory(|index| index.stream_offsets(stream, skip, take)) {
                return Ok(offsets);
            }
            return self.stream_offsets(stream, &part, skip, take);
        }
        self.index(
            |index| index.stream_offsets(stream, skip, take),
            |sidecar| sidecar.stream_offsets(&part, skip, take),
        )
    }

    pub(crate) fn command(&self, id: Uuid, hash: u64) -> Result<Option<CommandPart>, LogError> {
        let id = id.as_u128();
        let (known, candidates) = self.index(
            |index| (index.command(id), Vec::new()),
            |sidecar| Ok((None, sidecar.command_parts(hash)?)),
        )?;
        for part in candidates {
            if self.peek(u64::from(part.offset), |record| record.id == id && record.ordinal == 0)? {
                return Ok(Some(part));
            }
        }
        Ok(known)
    }

    /// The event with this id.
    pub(crate) fn event(&self, id: Uuid, hash: u64) -> Result<Option<Recorded>, LogError> {
        let id = id.as_u128();
        let (known, candidates) = self.index(
            |index| (index.command_of_event(id), Vec::new()),
            |sidecar| Ok((None, sidecar.command_parts(hash)?)),
        )?;
        let mut found = known;
        for part in candidates {
            let first = self.peek(u64::from(part.offset), |record| record.id)?;
            let ordinal = (first ^ id) as u16;
            if prefix(first) == prefix(id)
                && u32::from(ordinal) < part.count
                && found.is_none_or(|(_, better)| ordinal < better)
            {
                found = Some((part, ordinal));
            }
        }
        let Some((part, ordinal)) = found else { return Ok(None) };
        let position = self.peek(u64::from(part.offset), |record| record.position)? + u64::from(ordinal);
        let mut events = Vec::new();
        self.read_run(position, 1, usize::MAX, &mut events)?;
        Ok(events.pop())
    }

    /// A command's events.
    pub(crate) fn command_events(&self, part: CommandPart) -> Result<Vec<Recorded>, LogError> {
        let position = self.peek(u64::from(part.offset), |record| record.position)?;
        let mut events = Vec::new();
        self.read_run(position, part.count as usize, usize::MAX, &mut events)?;
        Ok(events)
    }

    pub(crate) fn offset(&self, position: u64) -> Result<u64, LogError> {
        let event = position - self.first_position;
        let end = self.extent();
        if event >= end.events {
            return Ok(end.data_end);
        }
        self.index(
            |index| index.offsets.get(event as usize).copied().unwrap_or_default(),
            |sidecar| sidecar.offset(event),
        )
        .map(u64::from)
    }

    pub(crate) fn matching(&self, filter: &Filter, from: u64, limit: usize) -> Result<Vec<u32>, LogError> {
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        self.index(
            |index| index.matching(filter, from, limit),
            |sidecar| sidecar.matching(filter, from, limit),
        )
    }

    fn read(&self, offset: u64, bytes: usize) -> Result<Vec<u8>, LogError> {
        let mut buffer = Vec::with_capacity(bytes);
        let path = || self.context.path(self.first_position, FileKind::Events);
        read_at(&*self.file()?, &mut buffer, offset).map_err(|error| unavailable("read", &path(), &error))?;
        Ok(buffer)
    }

    /// Looks at one record.
    fn peek<T>(&self, offset: u64, look: impl FnOnce(&RawRecord<'_>) -> T) -> Result<T, LogError> {
        let mut buffer = self.read(offset, PEEK_BYTES)?;
        if let Parsed::Short(needed) = parse_record(&buffer, self.context.seed) {
            buffer = self.read(offset, needed)?;
        }
        match parse_record(&buffer, self.context.seed) {
            Parsed::Record(record) => Ok(look(&record)),
            Parsed::Short(_) | Parsed::Damaged => Err(self.corrupt(offset, "a record is damaged")),
        }
    }

    /// Reads up to `count` events from `position` on, as many as the segment has, until they hold `bytes_max`.
    pub(crate) fn read_run(
        &self,
        position: u64,
        count: usize,
        bytes_max: usize,
        into: &mut Vec<Recorded>,
    ) -> Result<(), LogError> {
        let extent = self.extent();
        let count = (count as u64).min((self.first_position + extent.events).saturating_sub(position));
        if count == 0 {
            return Ok(());
        }
        let (mut offset, end) = (self.offset(position)?, self.offset(position + count)?);
        let start = offset;
        let mut decoder = Decoder { segment: self, last: None };
        let (mut next, last) = (position, position + count - 1);
        let mut piece_bytes = PIECE_BYTES;
        while next <= last && offset - start < bytes_max as u64 {
            let wanted = piece_bytes.min(end.saturating_sub(offset) as usize);
            let piece = Bytes::from(self.read(offset, wanted)?);
            let (used, needed) = decoder.run(&piece, offset, &mut next, last, into)?;
            // A length that leads out of the segment is damage; reading on would go on for ever.
            let leads_out = needed as u64 > end.saturating_sub(offset + used as u64) && next <= last;
            if leads_out || (used == 0 && (needed <= wanted || piece.len() < wanted)) {
                return Err(self.corrupt(offset, "the segment ends within a record"));
            }
            piece_bytes = PIECE_BYTES.max(needed);
            offset += used as u64;
        }
        Ok(())
    }

    /// Reads the events at these offsets, which ascend, until they hold `bytes_max`.
    pub(crate) fn read_offsets(
        &self,
        offsets: &[u32],
        bytes_max: usize,
        into: &mut Vec<Recorded>,
    ) -> Result<(), LogError> {
        let mut decoder = Decoder { segment: self, last: None };
        let (mut rest, mut bytes) = (offsets, 0);
        while let Some(&first) = rest.first() {
            if bytes >= bytes_max {
                break;
            }
            let near = |pair: &[u32]| {
                u64::from(pair[1] - pair[0]) <= GAP_BYTES_MAX && (pair[1] - first) as usize <= PIECE_BYTES
            };
            let together = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
            let (group, after) = rest.split_at(together);
            let span = (group[together - 1] - first) as usize;
            let piece = Bytes::from(self.read(u64::from(first), span + PEEK_BYTES)?);
            for &offset in group {
                let at = (offset - first) as usize;
                let slice = piece.slice(at.min(piece.len())..);
                let event = match parse_record(&slice, self.context.seed) {
                    Parsed::Record(record) => decoder.decode(&slice, &record, u64::from(offset))?,
                    Parsed::Short(needed) => {
                        let whole = Bytes::from(self.read(u64::from(offset), needed)?);
                        match parse_record(&whole, self.context.seed) {
                            Parsed::Record(record) => decoder.decode(&whole, &record, u64::from(offset))?,
                            Parsed::Short(_) | Parsed::Damaged => {
                                return Err(self.corrupt(u64::from(offset), "a record is damaged"));
                            }
                        }
                    }
                    Parsed::Damaged => return Err(self.corrupt(u64::from(offset), "a record is damaged")),
                };
                bytes += event.data.len() + event.meta.len() + event.stream.as_str().len();
                into.push(event);
            }
            rest = after;
        }
        Ok(())
    }
}

/// Turns records into events. Neighbours often share their stream and kind.
struct Decoder<'a> {
    segment: &'a Segment,
    last: Option<(StreamId, crate::record::Kind)>,
}

impl Decoder<'_> {
    fn decode(&mut self, buffer: &Bytes, record: &RawRecord<'_>, offset: u64) -> Result<Recorded, LogError> {
        let slice =
            |(from, to): (usize, usize)| if from == to { Bytes::new() } else { buffer.slice(from..to) };
        let not_a_name = || self.segment.corrupt(offset, "a record's stream or kind is not a name");
        let stream = match &self.last {
            Some((stream, _)) if stream.as_str() == record.stream => stream.clone(),
            _ => StreamId::new(record.stream).map_err(|_| not_a_name())?,
        };
        let kind = match &self.last {
            Some((_, kind)) if kind.as_str() == record.kind => kind.clone(),
            _ => self.segment.context.kind(record.kind).ok_or_else(not_a_name)?,
        };
        let event = Recorded {
            position: record.position,
            stream: stream.clone(),
            revision: record.revision,
            id: Uuid::from_u128(record.id),
            ordinal: record.ordinal,
            kind: kind.clone(),
            recorded_at_ms: record.recorded_at_ms,
            data: slice(record.data),
            meta: slice(record.meta),
        };
        self.last = Some((stream, kind));
        Ok(event)
    }

    /// Decodes what lies in a piece of the segment from position `next` to `last`. Returns the bytes that are done, and
    /// how many the next step needs.
    fn run(
        &mut self,
        piece: &Bytes,
        offset: u64,
        next: &mut u64,
        last: u64,
        into: &mut Vec<Recorded>,
    ) -> Result<(usize, usize), LogError> {
        let seed = self.segment.context.seed;
        let mut at = 0;
        while *next <= last {
            if piece.len() - at < FRAME_END_BYTES {
                return Ok((at, FRAME_HEADER_BYTES));
            }
            let here = offset + at as u64;
            match u32_at(piece, at + 4) {
                END_MAGIC => at += FRAME_END_BYTES,
                FRAME_MAGIC => {
                    if piece.len() - at < FRAME_HEADER_BYTES {
                        return Ok((at, FRAME_HEADER_BYTES));
                    }
                    FrameHeader::decode(&piece[at..], seed)
                        .ok_or_else(|| self.segment.corrupt(here, "a frame's header is damaged"))?;
                    at += FRAME_HEADER_BYTES;
                }
                _ => match parse_record(&piece[at..], seed) {
                    Parsed::Short(needed) => return Ok((at, needed)),
                    Parsed::Damaged => return Err(self.segment.corrupt(here, "a record is damaged")),
                    Parsed::Record(record) if record.position != *next => {
                        let problem = format!("position {} stands where {next} belongs", record.position);
                        return Err(self.segment.corrupt(here, problem));
                    }
                    Parsed::Record(record) => {
                        into.push(self.decode(&piece.slice(at..at + record.bytes), &record, here)?);
                        at += record.bytes;
                        *next += 1;
                    }
                },
            }
        }
        Ok((at, FRAME_HEADER_BYTES))
    }
}
