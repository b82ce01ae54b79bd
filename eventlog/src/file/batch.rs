//! Appends on their way into the log together: checked one after the other, encoded into one frame, answered at once.

use std::collections::HashMap;

use quick_cache::unsync::Cache;
use uuid::Uuid;

use crate::log::LogError;
use crate::record::{Append, Appended, Kind, event_id};
use crate::stream::StreamId;

use super::catalog::{Catalog, Head};
use super::format::{FrameBuilder, NewRecord, Seed};
use super::memory::{Entry, MemIndex, Previous};
use super::queue::{Reply, Request};

/// The heads of streams as the log is, without the batch: what the writer has looked up or written of late. `None`: the
/// stream has no events. Only the writer changes heads, so this is never out of date.
pub(crate) struct Heads(Cache<StreamId, Option<Head>>);

impl Heads {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self(Cache::new(entries_max.max(1)))
    }

    fn get(&mut self, stream: &StreamId, catalog: &Catalog) -> Result<Option<Head>, LogError> {
        if let Some(head) = self.0.get(stream) {
            return Ok(*head);
        }
        let head = catalog.head(stream)?;
        self.0.insert(stream.clone(), head);
        Ok(head)
    }
}

struct NewEntry {
    stream: StreamId,
    revision: u64,
    previous: Previous,
    kind: Kind,
    command_id: u128,
    ordinal: u16,
    frame_offset: usize,
}

/// What a write builds on.
#[derive(Debug, Clone, Copy)]
struct Base {
    revision: Option<u64>,
    previous: Previous,
}

impl Base {
    fn after(self, events: usize) -> Self {
        let revision = match (self.revision, events as u64) {
            (revision, 0) => revision,
            (None, events) => Some(events - 1),
            (Some(revision), events) => Some(revision + events),
        };
        Self { revision, ..self }
    }
}

pub(crate) struct Batch {
    pub(crate) frame: FrameBuilder,
    head: u64,
    recorded_at_ms: u64,
    /// Last revisions as this batch will leave them.
    heads: HashMap<StreamId, u64>,
    /// Commands of this batch.
    commands: HashMap<Uuid, Appended>,
    entries: Vec<NewEntry>,
    answers: Vec<(Reply, Result<Appended, LogError>)>,
}

impl Batch {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            frame: FrameBuilder::new(seed),
            head: 0,
            recorded_at_ms: 0,
            heads: HashMap::new(),
            commands: HashMap::new(),
            entries: Vec::new(),
            answers: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, head: u64, recorded_at_ms: u64) {
        self.frame.reset();
        self.head = head;
        self.recorded_at_ms = recorded_at_ms;
        self.heads.clear();
        self.commands.clear();
        self.entries.clear();
    }

    /// The position of the last event, those of the batch included.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    pub(crate) fn admit(&mut self, request: Request, heads: &mut Heads, catalog: &Catalog) {
        let result = match self.first_result(request.append.command_id, catalog) {
            Ok(Some(first)) => Ok(first),
            Ok(None) => match self.check(&request.append, heads, catalog) {
                Ok(bases) => Ok(self.encode(request.append, &bases)),
                Err(refusal) => Err(refusal),
            },
            Err(error) => Err(error),
        };
        self.answers.push((request.reply, result));
    }

    fn first_result(&self, command_id: Uuid, catalog: &Catalog) -> Result<Option<Appended>, LogError> {
        if let Some(first) = self.commands.get(&command_id) {
            return Ok(Some(Appended { duplicate: true, ..first.clone() }));
        }
        let Some((segment, part)) = catalog.command(command_id)? else { return Ok(None) };
        let events = segment.command_events(part)?;
        Ok(Some(Appended {
            first_position: events.first().map_or(0, |event| event.position),
            last_position: events.last().map_or(0, |event| event.position),
            events: events.into_iter().map(|event| (event.stream, event.revision)).collect(),
            duplicate: true,
        }))
    }

    /// What the stream of a write looks like to it, without the earlier writes of its own append.
    fn base(&self, stream: &StreamId, heads: &mut Heads, catalog: &Catalog) -> Result<Base, LogError> {
        let logged = heads.get(stream, catalog)?;
        Ok(Base {
            revision: self.heads.get(stream).copied().or(logged.map(|head| head.revision)),
            previous: logged.map_or(Previous::None, |head| Previous::Segment(head.segment)),
        })
    }

    /// Checks every write, the later ones on top of the earlier ones. Changes nothing. Returns what each builds on.
    fn check(&self, append: &Append, heads: &mut Heads, catalog: &Catalog) -> Result<Vec<Base>, LogError> {
        let mut bases = Vec::<Base>::with_capacity(append.writes.len());
        // Where each stream was written last; not worth it for the usual two or three writes.
        let mut seen = (append.writes.len() > 16).then(HashMap::new);
        for (at, write) in append.writes.iter().enumerate() {
            let earlier = match &mut seen {
                Some(seen) => seen.insert(&write.stream, at),
                None => append.writes[..at].iter().rposition(|earlier| earlier.stream == write.stream),
            };
            let base = match earlier {
                None => self.base(&write.stream, heads, catalog)?,
                Some(earlier) => bases[earlier].after(append.writes[earlier].events.len()),
            };
            if !write.expected.holds(base.revision) {
                return Err(LogError::Conflict {
                    stream: write.stream.clone(),
                    expected: write.expected,
                    actual: base.revision,
                });
            }
            bases.push(base);
        }
        Ok(bases)
    }

    fn encode(&mut self, append: Append, bases: &[Base]) -> Appended {
        let command_id = append.command_id;
        let first_position = self.head + 1;
        let mut events = Vec::with_capacity(append.event_count());
        for (write, base) in append.writes.into_iter().zip(bases) {
            if let Some(last) = base.after(write.events.len()).revision
                && !write.events.is_empty()
            {
                self.heads.insert(write.stream.clone(), last);
            }
            let first_revision = base.revision.map_or(0, |revision| revision + 1);
            for (revision, event) in (first_revision..).zip(write.events) {
                let ordinal = events.len() as u16;
                self.head += 1;
                let frame_offset = self.frame.push(&NewRecord {
                    position: self.head,
                    revision,
                    id: event_id(command_id, ordinal),
                    ordinal,
                    recorded_at_ms: self.recorded_at_ms,
                    stream: write.stream.as_str(),
                    kind: event.kind.as_str(),
                    meta: &event.meta,
                    data: &event.data,
                });
                self.entries.push(NewEntry {
                    stream: write.stream.clone(),
                    revision,
                    previous: base.previous,
                    kind: event.kind,
                    command_id: command_id.as_u128(),
                    ordinal,
                    frame_offset,
                });
                events.push((write.stream.clone(), revision));
            }
        }
        let nothing = events.is_empty();
        let appended = Appended {
            first_position: if nothing { self.head } else { first_position },
            last_position: self.head,
            events,
            duplicate: false,
        };
        if !nothing {
            self.commands.insert(command_id, appended.clone());
        }
        appended
    }

    /// The frame is durable at this offset.
    pub(crate) fn index(&mut self, index: &mut MemIndex, offset: u64, heads: &mut Heads) {
        for entry in &self.entries {
            // A segment is smaller than 4 GiB.
            let offset = (offset + entry.frame_offset as u64) as u32;
            index.push(&Entry {
                stream: &entry.stream,
                revision: entry.revision,
                previous: entry.previous,
                kind: &entry.kind,
                command_id: entry.command_id,
                ordinal: entry.ordinal,
                offset,
                recorded_at_ms: self.recorded_at_ms,
            });
        }
        index.data_end = offset + self.frame.written_len() as u64;
        let segment = index.first_position;
        for (stream, revision) in self.heads.drain() {
            heads.0.insert(stream, Some(Head { revision, segment }));
        }
    }

    /// Answers everyone; with an error those whose result rests on the batch.
    pub(crate) fn answer(&mut self, error: Option<&LogError>) {
        for (reply, result) in self.answers.drain(..) {
            // Nobody may be listening any more: that withdraws nothing.
            reply.send(error.map_or(result, |error| Err(error.clone()))).ok();
        }
    }
}
