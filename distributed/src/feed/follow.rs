//! Following one shard: from the offset that is known, if it is right, else from the log and then from Kafka.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use nova_eventlog::{Batch, EventFeed, Filter, LogError};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::gather::{Gathered, gather};
use super::history::History;
use super::pipe::{Item, Pipe};
use super::poller::{Command, Place};
use super::probe::Bounds;
use super::{Shared, unavailable};
use crate::shard::Offsets;
use crate::topics::Record;

/// A partition while this member holds it. Taken away and given again, it is another one.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) place: Place,
    pub(super) category: &'static str,
    pub(super) topic: String,
    pub(super) offsets: Arc<Offsets>,
    pub(super) revoked: CancellationToken,
    /// The latest follower; an earlier one has been cancelled.
    follower: Mutex<CancellationToken>,
}

impl Holding {
    pub(super) fn new(place: Place, category: &'static str, topic: String) -> Self {
        let revoked = CancellationToken::new();
        let follower = Mutex::new(revoked.child_token());
        Self { place, category, topic, offsets: Arc::default(), revoked, follower }
    }

    fn replace_follower(&self) -> CancellationToken {
        let latest = self.revoked.child_token();
        std::mem::replace(&mut *self.follower.lock(), latest.clone()).cancel();
        latest
    }
}

/// The feed of one shard.
pub(super) struct ShardFeed {
    pub(super) holding: Arc<Holding>,
    pub(super) group: Arc<Shared>,
}

impl EventFeed for ShardFeed {
    fn follow(
        &self,
        after: u64,
        filter: Filter,
        batch_events_max: usize,
    ) -> BoxStream<'static, Result<Batch, LogError>> {
        let follow = Follow {
            stop: self.holding.replace_follower(),
            holding: Arc::clone(&self.holding),
            group: Arc::clone(&self.group),
            filter,
            batch_events_max: batch_events_max.max(1),
            position: after,
            phase: Phase::Start,
            taken: VecDeque::new(),
        };
        stream::try_unfold(follow, |mut follow| {
            async move { follow.next().await.map(|batch| Some((batch, follow))) }.boxed()
        })
        .boxed()
    }
}

enum Phase {
    Start,
    History(History),
    Kafka(Tap),
}

struct Follow {
    holding: Arc<Holding>,
    group: Arc<Shared>,
    filter: Filter,
    batch_events_max: usize,
    /// Every event of the shard up to here has been handed out, or is parked and will come late.
    position: u64,
    stop: CancellationToken,
    phase: Phase,
    /// From the pipe, and not handed out yet.
    taken: VecDeque<Item>,
}

impl Follow {
    async fn next(&mut self) -> Result<Batch, LogError> {
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(self.ended()),
            batch = self.step() => batch,
        }
    }

    fn ended(&self) -> LogError {
        let why =
            if self.holding.revoked.is_cancelled() { "is not ours any more" } else { "has another follower" };
        unavailable(format!("{} {why}", self.holding.place.shard(self.holding.category)))
    }

    async fn step(&mut self) -> Result<Batch, LogError> {
        loop {
            match &mut self.phase {
                Phase::Start => self.phase = self.start().await?,
                Phase::History(history) => {
                    if let Some((events, position, head)) = history.next(self.batch_events_max).await? {
                        let head = self.group.saw_head(head);
                        self.position = position;
                        if history.is_done() {
                            // Before the batch: whoever saves its position saves the offset with it.
                            self.holding.offsets.note(position, history.offset);
                        }
                        return Ok(Batch { events, position, head: head.max(position), late: false });
                    }
                    if !history.is_done() {
                        continue;
                    }
                    let offset = history.offset;
                    self.holding.offsets.note(self.position, offset);
                    self.phase = Phase::Kafka(self.tap(offset));
                }
                Phase::Kafka(tap) => {
                    if self.taken.is_empty() {
                        self.taken = tap.pop(self.batch_events_max).await?;
                    }
                    if let Some(batch) = self.gather() {
                        return Ok(batch);
                    }
                }
            }
        }
    }

    /// The end of the partition is asked for before anything else: what stands before it is in the log already.
    async fn start(&mut self) -> Result<Phase, LogError> {
        let Holding { topic, place, offsets, category, .. } = &*self.holding;
        let bounds = self.group.probe.bounds(topic, place.partition).await?;
        if let Some(offset) = offsets.offset_of(self.position) {
            if let Some(tap) = self.checked(offset, bounds).await? {
                return Ok(Phase::Kafka(tap));
            }
            let (position, low, high) = (self.position, bounds.low, bounds.high);
            tracing::info!(
                topic,
                partition = place.partition,
                offset,
                position,
                low,
                high,
                "the partition cannot be read on from where it was left; reading what is missing from the log"
            );
        }
        offsets.forget();
        Ok(Phase::History(History::new(
            Arc::clone(&self.group.log),
            self.group.topics.clone(),
            category,
            place.partition,
            &self.filter,
            self.position,
            bounds.high,
        )))
    }

    /// The offset is right when the record before it is there, came in its turn, and is not ahead of the position.
    async fn checked(&self, offset: i64, bounds: Bounds) -> Result<Option<Tap>, LogError> {
        if offset <= bounds.low || offset > bounds.high {
            return Ok(None);
        }
        let tap = self.tap(offset - 1);
        let before = tap.pop(1).await?.pop_front();
        let right = before.is_some_and(|item| {
            let at_or_below = match &item.record {
                Some(Record::Event { event, late }) => !late && event.position <= self.position,
                Some(Record::Watermark { position }) => *position <= self.position,
                None => false,
            };
            item.offset == offset - 1 && at_or_below
        });
        Ok(right.then_some(tap))
    }

    fn tap(&self, offset: i64) -> Tap {
        let options = &self.group.options;
        let queued = Arc::clone(&self.group.queued_bytes);
        let pipe = Arc::new(Pipe::new(options.shard_events_max.max(2), options.shard_bytes_max, queued));
        let place = self.holding.place;
        let position = self.position;
        self.group.tell(Command::Follow { place, offset, position, pipe: Arc::clone(&pipe) });
        Tap { pipe, place, group: Arc::clone(&self.group) }
    }

    /// The next batch of what has been taken; `None` when all of it was there before.
    fn gather(&mut self) -> Option<Batch> {
        let gathered = gather(&mut self.taken, &self.filter, self.position)?;
        self.position = gathered.position;
        if let Some(offset) = gathered.offset {
            self.holding.offsets.note(self.position, offset);
        }
        let Gathered { events, position, late, .. } = gathered;
        let head = self.group.head.load(Ordering::Relaxed).max(position);
        Some(Batch { events, position, head, late })
    }
}

/// The follower's end of a pipe.
struct Tap {
    pipe: Arc<Pipe>,
    place: Place,
    group: Arc<Shared>,
}

impl Tap {
    async fn pop(&self, max: usize) -> Result<VecDeque<Item>, LogError> {
        let (items, resume) = self.pipe.pop(max).await?;
        if resume {
            self.group.tell(Command::Resume { place: self.place, pipe: Arc::clone(&self.pipe) });
        }
        Ok(items.into())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.pipe.leave();
    }
}
