//! The cached states of streams.
//!
//! A slot holds a stream's state and the revision it was folded to. It may run ahead of what is durable, never beside
//! it: a slot is moved forward only under its lock, in the order in which the appends are queued, and forgotten when
//! one of them does not succeed. A slot that is out of date costs a conflict and another attempt, nothing else.
//!
//! A state that runs ahead is a guess: should its append fail, another event can take the same revision, and the log,
//! which compares revisions, would not notice that a decision rests on the one that never was. So a guess must still
//! stand in its slot when the append that rests on it is queued; behind the guess in the queue, revisions tell. Where
//! others write to the log too, no order of the queue protects a guess, and slots do not run ahead.
//!
//! What was loaded may be out of date when it gets here: an append that was queued before, through a slot forgotten
//! since, may land after the log was read. So nothing is said on the strength of a loaded slot alone before the log
//! has confirmed it once.

use std::sync::Arc;

use futures::future::BoxFuture;
use nova_domain::world::Seen;
use nova_domain::{State, World};
use nova_eventlog::{Appended, Direction, EventLog, LogError, StreamId};
use nova_events::{Codec, CodecError, Event};
use parking_lot::{Mutex, MutexGuard};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::execute::CommandError;

pub(crate) struct StatesOptions {
    pub(crate) bytes_max: u64,
    /// States move forward as soon as their append is queued. Only for a sole writer.
    pub(crate) run_ahead: bool,
}

/// A stream's state, as a decision sees it.
pub(crate) struct Loaded {
    pub(crate) revision: Option<u64>,
    pub(crate) state: Arc<State>,
    /// It runs ahead of what is known to be durable.
    pub(crate) is_guess: bool,
}

pub(crate) struct States {
    log: Arc<dyn EventLog>,
    codec: Codec,
    slots: Cache<StreamId, Arc<Slot>, SlotWeighter>,
    run_ahead: bool,
}

struct Slot {
    now: Mutex<Now>,
    size_bytes: u64,
}

#[derive(Clone)]
struct Now {
    revision: Option<u64>,
    state: Arc<State>,
    /// How far it is known to be durable.
    durable: Option<u64>,
    /// The log has confirmed this slot since it was loaded: every later append goes through it.
    settled: bool,
}

impl Slot {
    fn loaded(&self) -> Loaded {
        let now = self.now.lock();
        Loaded {
            revision: now.revision,
            state: now.state.clone(),
            is_guess: now.revision.is_some() && now.durable < now.revision,
        }
    }
}

#[derive(Clone)]
struct SlotWeighter;

impl Weighter<StreamId, Arc<Slot>> for SlotWeighter {
    fn weight(&self, stream: &StreamId, slot: &Arc<Slot>) -> u64 {
        slot.size_bytes + stream.as_str().len() as u64 + 128
    }
}

/// Whether a command took its turn on the streams it writes.
pub(crate) enum Turn {
    Taken(BoxFuture<'static, Result<Appended, LogError>>),
    /// Another command came in between on this stream.
    Stale(StreamId),
}

/// Streams are read in pages: the first one small, because most streams are, and a log answers small reads in place.
const FIRST_PAGE_EVENTS: usize = 32;
const PAGE_EVENTS: usize = 512;

impl States {
    pub(crate) fn new(log: Arc<dyn EventLog>, codec: Codec, options: &StatesOptions) -> Self {
        let expected_items = usize::try_from(options.bytes_max / 256).unwrap_or(usize::MAX).max(1024);
        let slots = Cache::with_weighter(expected_items, options.bytes_max, SlotWeighter);
        Self { log, codec, slots, run_ahead: options.run_ahead }
    }

    /// The state of a stream and the revision it is of.
    pub(crate) async fn get(&self, stream: &StreamId) -> Result<Loaded, CommandError> {
        if let Some(slot) = self.slots.get(stream) {
            return Ok(slot.loaded());
        }
        let (revision, state) = self.load(stream).await?;
        let size_bytes = state.size_bytes() as u64;
        let state = Arc::new(state);
        let now = Now { revision, state, durable: revision, settled: false };
        // Someone else may have loaded it meanwhile, and moved it forward: theirs stays.
        let ours = Arc::new(Slot { now: Mutex::new(now), size_bytes });
        let slot = match self.slots.get_or_insert_with(stream, || Ok::<_, std::convert::Infallible>(ours)) {
            Ok(slot) => slot,
            Err(never) => match never {},
        };
        Ok(slot.loaded())
    }

    /// From the log, past the cache.
    pub(crate) async fn load(&self, stream: &StreamId) -> Result<(Option<u64>, State), CommandError> {
        let Some(mut state) = State::empty(stream) else {
            tracing::error!(category = stream.category(), "no state for this category of streams");
            return Err(CommandError::Failed);
        };
        let (mut revision, mut page_events) = (None, FIRST_PAGE_EVENTS);
        loop {
            let from = revision.map_or(0, |revision| revision + 1);
            let page = self.log.read_stream(stream, from, Direction::Forwards, page_events).await?;
            let is_last = page.len() < page_events;
            page_events = PAGE_EVENTS;
            for recorded in page {
                let envelope = self.codec.decode(&recorded).await.map_err(|error: CodecError| {
                    tracing::error!(position = recorded.position, error = %error, "an event cannot be decoded");
                    CommandError::Failed
                })?;
                state.evolve(&envelope.event, envelope.occurred_at_ms());
                revision = Some(recorded.revision);
            }
            if is_last {
                return Ok((revision, state));
            }
        }
    }

    /// Whether the stream is durably at this revision, as far as is known here.
    pub(crate) fn is_durable(&self, stream: &StreamId, revision: Option<u64>) -> bool {
        self.slots.get(stream).is_some_and(|slot| {
            let now = slot.now.lock();
            now.settled && now.durable == revision && now.revision == revision
        })
    }

    /// Takes a command's turn: if the streams it writes, and the guesses it rests on, are still as it saw them, queues
    /// its append and moves the written states forward, all under their locks. The locks are taken in the order of the
    /// stream names.
    pub(crate) fn advance(
        &self,
        world: &World,
        guesses: &[StreamId],
        events: &[(StreamId, Event)],
        at_ms: i64,
        append: impl FnOnce() -> BoxFuture<'static, Result<Appended, LogError>>,
    ) -> Turn {
        let written = events.iter().map(|(stream, _)| stream);
        let mut watched: Vec<&Seen> =
            written.chain(guesses).filter_map(|stream| world.seen_stream(stream)).collect();
        watched.sort_unstable_by_key(|seen| &seen.stream);
        watched.dedup_by_key(|seen| &seen.stream);
        let slots: Vec<(&Seen, Option<Arc<Slot>>)> =
            watched.into_iter().map(|seen| (seen, self.slots.get(&seen.stream))).collect();
        let mut locked: Vec<(&StreamId, MutexGuard<'_, Now>)> = Vec::with_capacity(slots.len());
        for (seen, slot) in &slots {
            let is_guess = guesses.contains(&seen.stream);
            let Some(slot) = slot else {
                if is_guess {
                    return Turn::Stale(seen.stream.clone());
                }
                // A durable state that fell out of the cache: the log's own check decides.
                continue;
            };
            let now = slot.now.lock();
            let forgotten = self.slots.get(&seen.stream).is_none_or(|current| !Arc::ptr_eq(&current, slot));
            let same = Arc::ptr_eq(&now.state, &seen.state) || (!is_guess && now.revision == seen.revision);
            if forgotten || !same {
                return Turn::Stale(seen.stream.clone());
            }
            locked.push((&seen.stream, now));
        }
        let appended = append();
        if self.run_ahead {
            for (stream, now) in &mut locked {
                let mut news = events.iter().filter(|(other, _)| other == *stream).peekable();
                if news.peek().is_none() {
                    continue;
                }
                let mut state = State::clone(&now.state);
                for (_, event) in news {
                    state.evolve(event, at_ms);
                    now.revision = Some(now.revision.map_or(0, |revision| revision + 1));
                }
                now.state = Arc::new(state);
            }
        }
        Turn::Taken(appended)
    }

    pub(crate) fn made_durable(&self, appended: &Appended) {
        if !self.run_ahead {
            // They were left behind.
            return self.forget(appended.events.iter().map(|(stream, _)| stream));
        }
        for (stream, revision) in &appended.events {
            if let Some(slot) = self.slots.get(stream) {
                let mut now = slot.now.lock();
                now.durable = now.durable.max(Some(*revision));
            }
        }
    }

    /// The log has confirmed all that was looked at. This also settles what a command left behind whose caller went
    /// away before its append was answered.
    pub(crate) fn confirmed(&self, world: &World) {
        for seen in world.seen() {
            if let Some(slot) = self.slots.get(&seen.stream) {
                let mut now = slot.now.lock();
                now.durable = now.durable.max(seen.revision);
                // The same state, so it was looked at in this very slot.
                now.settled |= Arc::ptr_eq(&now.state, &seen.state);
            }
        }
    }

    pub(crate) fn forget<'a>(&self, streams: impl IntoIterator<Item = &'a StreamId>) {
        for stream in streams {
            if let Some(slot) = self.slots.get(stream) {
                // Under its lock, so that no append is being queued through it meanwhile.
                let _now = slot.now.lock();
                self.slots.remove(stream);
            }
        }
    }
}
