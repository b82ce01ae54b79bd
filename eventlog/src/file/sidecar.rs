//! The index file of a sealed segment. It is derived from the segment: it can be lost or damaged and is then built
//! again. The same segment gives the same bytes.
//!
//! ```text
//! header | offset of each event | streams: directory, entries, offsets | commands: directory, entries |
//! filter of the streams | filter of the commands | pairs of category and kind | their offsets
//! ```
//! Entries are sorted by hash; the directory says where those with the same leading bits begin, about 32 of them. A
//! look-up costs one small read of the directory and one of the entries; nothing but the filters stays in memory.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::log::LogError;
use crate::record::Filter as EventFilter;
use crate::stream::StreamId;

use super::blocks::{BlockWriter, file_bytes, read_blocks};
use super::context::{Context, FileKind};
use super::filter::{BLOCK_BYTES, Filter};
use super::format::{u32_at, u64_at, u128_at};
use super::memory::{CommandPart, MemIndex, Previous, StreamPart};

const MAGIC: &[u8; 8] = b"NOVAIDX\n";
const VERSION: u32 = 1;
const HEADER_BYTES: u64 = 104;
const STREAM_ENTRY_BYTES: u64 = 32;
const COMMAND_ENTRY_BYTES: u64 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) first_position: u64,
    pub(crate) events: u64,
    pub(crate) data_end: u64,
    pub(crate) first_recorded_at_ms: u64,
    pub(crate) last_recorded_at_ms: u64,
    pub(crate) streams_started: u64,
    streams: u64,
    commands: u64,
    pairs_bytes: u64,
}

impl Summary {
    fn encode(&self, log_id: u128) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES as usize);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&u64::from(VERSION).to_le_bytes());
        bytes.extend_from_slice(&log_id.to_le_bytes());
        let numbers = [
            self.first_position,
            self.events,
            self.data_end,
            self.first_recorded_at_ms,
            self.last_recorded_at_ms,
            self.streams_started,
            self.streams,
            self.commands,
            self.pairs_bytes,
        ];
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        bytes
    }

    fn decode(bytes: &[u8], log_id: u128) -> Option<Self> {
        let ours =
            &bytes[..8] == MAGIC && u64_at(bytes, 8) == u64::from(VERSION) && u128_at(bytes, 16) == log_id;
        let number = |at: usize| u64_at(bytes, 32 + 8 * at);
        ours.then(|| Self {
            first_position: number(0),
            events: number(1),
            data_end: number(2),
            first_recorded_at_ms: number(3),
            last_recorded_at_ms: number(4),
            streams_started: number(5),
            streams: number(6),
            commands: number(7),
            pairs_bytes: number(8),
        })
    }
}

/// Where each part begins, in carried bytes.
#[derive(Debug, Clone, Copy)]
struct Layout {
    stream_directory: u64,
    streams: u64,
    stream_offsets: u64,
    command_directory: u64,
    commands: u64,
    stream_filter: u64,
    command_filter: u64,
    pairs: u64,
    pair_offsets: u64,
    end: u64,
}

impl Layout {
    fn of(summary: &Summary) -> Self {
        let filter_bytes = |keys: u64| (Filter::blocks_for(keys as usize) * BLOCK_BYTES) as u64;
        let directory_bytes = |entries: u64| ((1u64 << directory_bits(entries)) + 1) * 4;
        let stream_directory = HEADER_BYTES + summary.events * 4;
        let streams = stream_directory + directory_bytes(summary.streams);
        let stream_offsets = streams + summary.streams * STREAM_ENTRY_BYTES;
        let command_directory = stream_offsets + summary.events * 4;
        let commands = command_directory + directory_bytes(summary.commands);
        let stream_filter = commands + summary.commands * COMMAND_ENTRY_BYTES;
        let command_filter = stream_filter + filter_bytes(summary.streams);
        let pairs = command_filter + filter_bytes(summary.commands);
        let pair_offsets = pairs + summary.pairs_bytes;
        Self {
            stream_directory,
            streams,
            stream_offsets,
            command_directory,
            commands,
            stream_filter,
            command_filter,
            pairs,
            pair_offsets,
            end: pair_offsets + summary.events * 4,
        }
    }
}

fn directory_bits(entries: u64) -> u32 {
    (entries / 32).max(1).ilog2()
}

fn bucket(hash: u64, bits: u32) -> u64 {
    hash.checked_shr(64 - bits).unwrap_or(0)
}

/// For hashes in ascending order: where each bucket begins, and the end of the last.
fn directory(hashes: impl Iterator<Item = u64>, entries: u64) -> Vec<u8> {
    let bits = directory_bits(entries);
    let mut starts = vec![0u32; (1 << bits) + 1];
    for hash in hashes {
        starts[bucket(hash, bits) as usize + 1] += 1;
    }
    let mut sum = 0;
    let mut bytes = Vec::with_capacity(starts.len() * 4);
    for count in starts {
        sum += count;
        bytes.extend_from_slice(&sum.to_le_bytes());
    }
    bytes
}

/// Writes the index file of a segment. `resolve` finds the segment of a stream's previous event.
pub(crate) fn write<W: Write>(
    context: &Context,
    index: &MemIndex,
    out: W,
    resolve: impl Fn(&StreamId) -> Result<Previous, LogError>,
) -> Result<W, WriteError> {
    let mut streams: Vec<_> = index
        .streams
        .iter()
        .map(|(name, stream)| (context.key.bytes(name.as_str().as_bytes()), name, stream))
        .collect();
    streams.sort_unstable_by_key(|&(hash, name, _)| (hash, name));
    let mut commands: Vec<_> = index
        .command_parts()
        .map(|(prefix, part)| (context.key.id(prefix), part.offset, part.count))
        .collect();
    commands.sort_unstable();
    let mut pairs = Vec::new();
    for pair in &index.pairs {
        pairs.push(pair.category.len() as u8);
        pairs.push(pair.kind.as_str().len() as u8);
        pairs.extend_from_slice(&(pair.offsets.len() as u32).to_le_bytes());
        pairs.extend_from_slice(pair.category.as_bytes());
        pairs.extend_from_slice(pair.kind.as_str().as_bytes());
    }
    let summary = Summary {
        first_position: index.first_position,
        events: index.offsets.len() as u64,
        data_end: index.data_end,
        first_recorded_at_ms: index.first_recorded_at_ms,
        last_recorded_at_ms: index.last_recorded_at_ms,
        streams_started: index.streams_started,
        streams: streams.len() as u64,
        commands: commands.len() as u64,
        pairs_bytes: pairs.len() as u64,
    };

    let mut out = BlockWriter::new(out, context.seed);
    out.write(&summary.encode(context.log_id))?;
    write_offsets(&mut out, index.offsets.iter().copied())?;
    out.write(&directory(streams.iter().map(|entry| entry.0), summary.streams))?;
    let mut start = 0u32;
    for (hash, name, stream) in &streams {
        let part = stream.part();
        let previous = match if part.previous == Previous::Unknown { resolve(name)? } else { part.previous } {
            Previous::Segment(first_position) => first_position,
            Previous::None | Previous::Unknown => 0,
        };
        out.write(&hash.to_le_bytes())?;
        out.write(&previous.to_le_bytes())?;
        out.write(&part.first_revision.to_le_bytes())?;
        out.write(&part.count.to_le_bytes())?;
        out.write(&start.to_le_bytes())?;
        start += part.count;
    }
    for (_, _, stream) in &streams {
        write_offsets(&mut out, stream.offsets())?;
    }
    out.write(&directory(commands.iter().map(|entry| entry.0), summary.commands))?;
    for (hash, offset, count) in &commands {
        out.write(&hash.to_le_bytes())?;
        out.write(&offset.to_le_bytes())?;
        out.write(&count.to_le_bytes())?;
    }
    let mut filter = Filter::for_keys(streams.len());
    streams.iter().for_each(|entry| filter.add(entry.0));
    out.write(filter.as_bytes())?;
    let mut filter = Filter::for_keys(commands.len());
    commands.iter().for_each(|entry| filter.add(entry.0));
    out.write(filter.as_bytes())?;
    out.write(&pairs)?;
    for pair in &index.pairs {
        write_offsets(&mut out, pair.offsets.iter().copied())?;
    }
    Ok(out.finish()?)
}

fn write_offsets<W: Write>(out: &mut BlockWriter<W>, offsets: impl Iterator<Item = u32>) -> io::Result<()> {
    offsets.into_iter().try_for_each(|offset| out.write(&offset.to_le_bytes()))
}

#[derive(Debug)]
pub(crate) enum WriteError {
    Io(io::Error),
    Log(LogError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LogError> for WriteError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

struct PairRange {
    category: String,
    kind: String,
    /// Among the pairs' offsets.
    range: Range<u64>,
}

pub(crate) struct Sidecar {
    context: Arc<Context>,
    pub(crate) summary: Summary,
    layout: Layout,
    stream_filter: OnceLock<Filter>,
    command_filter: OnceLock<Filter>,
    pairs: OnceLock<Vec<PairRange>>,
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

impl Sidecar {
    /// Reads the first block only. `InvalidData` or `NotFound`: to be built again.
    pub(crate) fn open(context: &Arc<Context>, first_position: u64) -> io::Result<Self> {
        let file = context.file(first_position, FileKind::Index)?;
        let header = read_blocks(&file, context.seed, 0, HEADER_BYTES as usize)?;
        let summary = Summary::decode(&header, context.log_id)
            .filter(|summary| summary.first_position == first_position && summary.events > 0)
            .ok_or_else(|| damaged("not the index of this segment"))?;
        let layout = Layout::of(&summary);
        if file.metadata()?.len() != file_bytes(layout.end) {
            return Err(damaged("the index has the wrong length"));
        }
        Ok(Self {
            context: context.clone(),
            summary,
            layout,
            stream_filter: OnceLock::new(),
            command_filter: OnceLock::new(),
            pairs: OnceLock::new(),
        })
    }

    fn file(&self) -> io::Result<Arc<File>> {
        self.context.file(self.summary.first_position, FileKind::Index)
    }

    fn read(&self, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
        read_blocks(&*self.file()?, self.context.seed, at, bytes)
    }

    fn u32s(&self, section: u64, range: Range<u64>) -> io::Result<Vec<u32>> {
        let bytes = self.read(section + range.start * 4, (range.end - range.start) as usize * 4)?;
        Ok(bytes.chunks_exact(4).map(|le| u32_at(le, 0)).collect())
    }

    /// Brings the filters into memory: from then on a look-up of what is not here reads nothing.
    pub(crate) fn load_filters(&self) -> io::Result<()> {
        if self.stream_filter.get().is_none() {
            let bytes = (self.layout.command_filter - self.layout.stream_filter) as usize;
            let filter = Filter::from_bytes(self.read(self.layout.stream_filter, bytes)?);
            self.stream_filter.get_or_init(|| filter);
        }
        if self.command_filter.get().is_none() {
            let bytes = (self.layout.pairs - self.layout.command_filter) as usize;
            let filter = Filter::from_bytes(self.read(self.layout.command_filter, bytes)?);
            self.command_filter.get_or_init(|| filter);
        }
        Ok(())
    }

    fn may_hold(&self, loaded: &OnceLock<Filter>, section: Range<u64>, hash: u64) -> io::Result<bool> {
        if let Some(filter) = loaded.get() {
            return Ok(filter.may_hold(hash));
        }
        let blocks = (section.end - section.start) as usize / BLOCK_BYTES;
        let at = section.start + (Filter::block_of(hash, blocks) * BLOCK_BYTES) as u64;
        Ok(Filter::block_may_hold(&self.read(at, BLOCK_BYTES)?, hash))
    }

    pub(crate) fn offset(&self, event: u64) -> io::Result<u32> {
        let offsets = self.u32s(HEADER_BYTES, event..event + 1)?;
        offsets.first().copied().ok_or_else(|| damaged("an offset is missing"))
    }

    /// The entries of one bucket whose hash is this one.
    fn entries(
        &self,
        directory: u64,
        section: u64,
        count: u64,
        entry_bytes: u64,
        hash: u64,
    ) -> io::Result<Vec<Vec<u8>>> {
        let at = bucket(hash, directory_bits(count));
        let bounds = self.u32s(directory, at..at + 2)?;
        let (start, end) = (u64::from(bounds[0]), u64::from(bounds[1]));
        if start > end || end > count {
            return Err(damaged("the directory of the index is out of order"));
        }
        let bytes = self.read(section + start * entry_bytes, ((end - start) * entry_bytes) as usize)?;
        let entries = bytes.chunks_exact(entry_bytes as usize);
        Ok(entries.filter(|entry| u64_at(entry, 0) == hash).map(<[u8]>::to_vec).collect())
    }

    /// The streams with this hash: hardly ever more than one.
    pub(crate) fn stream_parts(&self, hash: u64) -> io::Result<Vec<StreamPart>> {
        let layout = &self.layout;
        if !self.may_hold(&self.stream_filter, layout.stream_filter..layout.command_filter, hash)? {
            return Ok(Vec::new());
        }
        let entries = self.entries(
            layout.stream_directory,
            layout.streams,
            self.summary.streams,
            STREAM_ENTRY_BYTES,
            hash,
        )?;
        let part = |entry: &Vec<u8>| StreamPart {
            previous: match u64_at(entry, 8) {
                0 => Previous::None,
                first_position => Previous::Segment(first_position),
            },
            first_revision: u64_at(entry, 16),
            count: u32_at(entry, 24),
            start: u32_at(entry, 28),
        };
        Ok(entries.iter().map(part).collect())
    }

    pub(crate) fn stream_offsets(&self, part: &StreamPart, skip: u32, take: u32) -> io::Result<Vec<u32>> {
        let end = u64::from(part.start) + u64::from(part.count);
        let from = (u64::from(part.start) + u64::from(skip)).min(end);
        let to = (from + u64::from(take)).min(end);
        self.u32s(self.layout.stream_offsets, from..to)
    }

    /// The commands whose id's prefix has this hash.
    pub(crate) fn command_parts(&self, hash: u64) -> io::Result<Vec<CommandPart>> {
        let layout = &self.layout;
        if !self.may_hold(&self.command_filter, layout.command_filter..layout.pairs, hash)? {
            return Ok(Vec::new());
        }
        let entries = self.entries(
            layout.command_directory,
            layout.commands,
            self.summary.commands,
            COMMAND_ENTRY_BYTES,
            hash,
        )?;
        let part = |entry: &Vec<u8>| CommandPart { offset: u32_at(entry, 8), count: u32_at(entry, 12) };
        Ok(entries.iter().map(part).collect())
    }

    fn pairs(&self) -> io::Result<&[PairRange]> {
        if let Some(pairs) = self.pairs.get() {
            return Ok(pairs);
        }
        let bytes = self.read(self.layout.pairs, self.summary.pairs_bytes as usize)?;
        let (mut pairs, mut rest, mut start) = (Vec::new(), &bytes[..], 0u64);
        while let Some((fixed, names)) = rest.split_at_checked(6) {
            let category_bytes = usize::from(fixed[0]);
            let (names, after) = names
                .split_at_checked(category_bytes + usize::from(fixed[1]))
                .ok_or_else(|| damaged("the list of kinds is cut"))?;
            let (category, kind) = names.split_at(category_bytes);
            let end = start + u64::from(u32_at(fixed, 2));
            pairs.push(PairRange {
                category: String::from_utf8_lossy(category).into_owned(),
                kind: String::from_utf8_lossy(kind).into_owned(),
                range: start..end,
            });
            (rest, start) = (after, end);
        }
        if start != self.summary.events {
            return Err(damaged("the list of kinds does not add up"));
        }
        Ok(self.pairs.get_or_init(|| pairs))
    }

    pub(crate) fn matching(&self, filter: &EventFilter, from: u32, limit: usize) -> io::Result<Vec<u32>> {
        let mut offsets = Vec::new();
        for pair in self.pairs()?.iter().filter(|pair| filter.admits(&pair.category, &pair.kind)) {
            let (mut start, mut end) = (pair.range.start, pair.range.end);
            // The first offset that is not below `from`; a page is rarely in the middle of a segment.
            while start < end && from > 0 {
                let middle = start + (end - start) / 2;
                match self.u32s(self.layout.pair_offsets, middle..middle + 1)?.first() {
                    Some(&offset) if offset < from => start = middle + 1,
                    _ => end = middle,
                }
            }
            let end = start.saturating_add(limit as u64).min(pair.range.end);
            offsets.extend(self.u32s(self.layout.pair_offsets, start..end)?);
        }
        offsets.sort_unstable();
        offsets.truncate(limit);
        Ok(offsets)
    }
}
