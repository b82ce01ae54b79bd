//! The index of a segment in memory: of the one that is written, and of one that is being sealed. It holds exactly the
//! segment's durable events. "Offset" is always the place of a record in the segment file.

use std::collections::HashMap;

use crate::record::{Filter, Kind};
use crate::stream::StreamId;

use super::hash::Key;

/// In which older segment a stream's previous event lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Previous {
    /// In none: the stream begins here.
    None,
    /// In the segment that begins with this position.
    Segment(u64),
    /// To be looked up.
    Unknown,
}

/// A stream's events in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPart {
    pub(crate) first_revision: u64,
    pub(crate) count: u32,
    pub(crate) previous: Previous,
    /// Where the segment's index keeps their offsets.
    pub(crate) start: u32,
}

impl StreamPart {
    /// The `start` of a part that was found in memory.
    pub(crate) const IN_MEMORY: u32 = u32::MAX;

    pub(crate) fn last_revision(&self) -> u64 {
        self.first_revision + u64::from(self.count) - 1
    }
}

/// A command's events, which follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommandPart {
    pub(crate) offset: u32,
    pub(crate) count: u32,
}

#[derive(Debug)]
pub(crate) struct MemStream {
    pub(crate) first_revision: u64,
    pub(crate) previous: Previous,
    /// Apart from the others: most streams have one event per segment, and an empty `Vec` allocates nothing.
    pub(crate) first_offset: u32,
    pub(crate) more_offsets: Vec<u32>,
}

impl MemStream {
    fn count(&self) -> u32 {
        1 + self.more_offsets.len() as u32
    }

    pub(crate) fn part(&self) -> StreamPart {
        StreamPart {
            first_revision: self.first_revision,
            count: self.count(),
            previous: self.previous,
            start: StreamPart::IN_MEMORY,
        }
    }

    pub(crate) fn offsets(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.first_offset).chain(self.more_offsets.iter().copied())
    }
}

#[derive(Debug)]
struct MemCommand {
    part: CommandPart,
    /// The command before this one with the same prefix, `u32::MAX` for none. Only ids made by hand share a prefix.
    older: u32,
    low: u16,
}

/// A new event, as far as the index is concerned.
pub(crate) struct Entry<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) revision: u64,
    pub(crate) previous: Previous,
    pub(crate) kind: &'a Kind,
    pub(crate) command_id: u128,
    pub(crate) ordinal: u16,
    pub(crate) offset: u32,
    pub(crate) recorded_at_ms: u64,
}

#[derive(Debug)]
pub(crate) struct MemIndex {
    pub(crate) first_position: u64,
    /// Of each event.
    pub(crate) offsets: Vec<u32>,
    /// Behind the last frame.
    pub(crate) data_end: u64,
    pub(crate) streams: HashMap<StreamId, MemStream, Key>,
    newest_command: HashMap<u128, u32, Key>,
    commands: Vec<MemCommand>,
    /// By category, then kind. Few of either, and the order makes index files reproducible.
    pub(crate) pairs: Vec<Pair>,
    /// Streams whose first event is here.
    pub(crate) streams_started: u64,
    pub(crate) first_recorded_at_ms: u64,
    pub(crate) last_recorded_at_ms: u64,
}

/// The events of one kind in one category.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) category: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) offsets: Vec<u32>,
}

/// The part of a command id that its events' ids share.
pub(crate) fn prefix(id: u128) -> u128 {
    id >> 16
}

impl MemIndex {
    pub(crate) fn new(first_position: u64, data_end: u64, key: Key) -> Self {
        Self {
            first_position,
            offsets: Vec::new(),
            data_end,
            streams: HashMap::with_hasher(key),
            newest_command: HashMap::with_hasher(key),
            commands: Vec::new(),
            pairs: Vec::new(),
            streams_started: 0,
            first_recorded_at_ms: 0,
            last_recorded_at_ms: 0,
        }
    }

    pub(crate) fn push(&mut self, entry: &Entry<'_>) {
        if self.offsets.is_empty() {
            self.first_recorded_at_ms = entry.recorded_at_ms;
        }
        self.last_recorded_at_ms = entry.recorded_at_ms;
        self.offsets.push(entry.offset);
        self.streams_started += u64::from(entry.revision == 0);
        match self.streams.get_mut(entry.stream) {
            Some(stream) => stream.more_offsets.push(entry.offset),
            None => {
                let stream = MemStream {
                    first_revision: entry.revision,
                    previous: if entry.revision == 0 { Previous::None } else { entry.previous },
                    first_offset: entry.offset,
                    more_offsets: Vec::new(),
                };
                self.streams.insert(entry.stream.clone(), stream);
            }
        }
        if entry.ordinal == 0 {
            let older = self
                .newest_command
                .insert(prefix(entry.command_id), self.commands.len() as u32)
                .unwrap_or(u32::MAX);
            let part = CommandPart { offset: entry.offset, count: 1 };
            self.commands.push(MemCommand { part, older, low: entry.command_id as u16 });
        } else if let Some(command) = self.commands.last_mut() {
            command.part.count += 1;
        }
        self.pair(entry.stream.category(), entry.kind).offsets.push(entry.offset);
    }

    fn pair(&mut self, category: &str, kind: &Kind) -> &mut Pair {
        let at = self.pairs.binary_search_by(|pair| (&*pair.category, &pair.kind).cmp(&(category, kind)));
        let at = at.unwrap_or_else(|at| {
            let pair = Pair { category: category.into(), kind: kind.clone(), offsets: Vec::new() };
            self.pairs.insert(at, pair);
            at
        });
        &mut self.pairs[at]
    }

    pub(crate) fn stream_part(&self, stream: &StreamId) -> Option<StreamPart> {
        self.streams.get(stream).map(MemStream::part)
    }

    pub(crate) fn stream_offsets(&self, stream: &StreamId, skip: u32, take: u32) -> Vec<u32> {
        let Some(stream) = self.streams.get(stream) else { return Vec::new() };
        let rest = &stream.more_offsets;
        let mut offsets = Vec::with_capacity(take.min(stream.count()) as usize);
        if skip == 0 && take > 0 {
            offsets.push(stream.first_offset);
        }
        let from = (skip.max(1) - 1) as usize;
        let to = (u64::from(skip) + u64::from(take)).saturating_sub(1).min(rest.len() as u64) as usize;
        offsets.extend_from_slice(rest.get(from..to).unwrap_or_default());
        offsets
    }

    pub(crate) fn command(&self, id: u128) -> Option<CommandPart> {
        self.commands_like(id).find(|command| command.low == id as u16).map(|command| command.part)
    }

    /// The command one of whose events has this id, and the event's ordinal.
    pub(crate) fn command_of_event(&self, id: u128) -> Option<(CommandPart, u16)> {
        let holds = |command: &&MemCommand| u32::from(command.low ^ id as u16) < command.part.count;
        let command = self.commands_like(id).filter(holds).min_by_key(|command| command.low ^ id as u16)?;
        Some((command.part, command.low ^ id as u16))
    }

    fn commands_like(&self, id: u128) -> impl Iterator<Item = &MemCommand> {
        let newest = self.newest_command.get(&prefix(id)).copied();
        std::iter::successors(newest.and_then(|at| self.commands.get(at as usize)), |command| {
            self.commands.get(command.older as usize)
        })
    }

    /// Every command by the prefix of its id.
    pub(crate) fn command_parts(&self) -> impl Iterator<Item = (u128, CommandPart)> {
        self.newest_command.iter().flat_map(move |(prefix, newest)| {
            std::iter::successors(self.commands.get(*newest as usize), |command| {
                self.commands.get(command.older as usize)
            })
            .map(move |command| (*prefix, command.part))
        })
    }

    /// Where the events begin that the filter admits, from offset `from` on, up to `limit`, in order.
    pub(crate) fn matching(&self, filter: &Filter, from: u32, limit: usize) -> Vec<u32> {
        let mut offsets = Vec::new();
        for pair in &self.pairs {
            if filter.admits(&pair.category, pair.kind.as_str()) {
                let start = pair.offsets.partition_point(|&offset| offset < from);
                offsets.extend(pair.offsets[start..].iter().take(limit));
            }
        }
        offsets.sort_unstable();
        offsets.truncate(limit);
        offsets
    }
}
