//! Following one shard: from the offset that is known, if it is right, else from the log and then from Kafka.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

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
use crate::relay::Validity;
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
            session: None,
            has_looked: false,
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
    /// The session of the relay whose records come.
    session: Option<i64>,
    has_looked: bool,
}

/// After a record whose session is not known, before Kafka is read again.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(1);

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
                        // Before the batch: whoever saves its position saves the offset and the event with it.
                        if history.is_done() {
                            self.holding.offsets.note(position, history.offset);
                        }
                        match history.mark() {
                            Some(mark) => self.holding.offsets.saw(mark),
                            None => self.note_mark().await?,
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
                        let taken = tap.pop(self.batch_events_max).await?;
                        let Some(taken) = self.of_this_history(taken).await? else {
                            // Others may follow, each of which would begin all of this again.
                            tokio::time::sleep(UNKNOWN_PAUSE).await;
                            self.phase = Phase::Start;
                            self.holding.offsets.forget();
                            continue;
                        };
                        self.taken = taken;
                    }
                    let handed_out = self.gather();
                    if let Phase::Kafka(tap) = &self.phase {
                        tap.pipe.reach(self.position);
                    }
                    if let Some(batch) = handed_out {
                        return Ok(batch);
                    }
                }
            }
        }
    }

    /// The end of the partition is asked for before anything else: what stands before it is in the log already.
    async fn start(&mut self) -> Result<Phase, LogError> {
        let Holding { topic, place, offsets, category, .. } = &*self.holding;
        // The log may have lost the last event handed out before an error.
        let mark = offsets.mark_of(self.position);
        if let Some(mark) = mark {
            self.group.still_has(mark).await?;
        }
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
            Arc::clone(&self.group),
            category,
            place.partition,
            &self.filter,
            (self.position, mark),
            bounds.high,
        )))
    }

    /// The offset is right when the record before it is there, came in its turn, and is not ahead of the position. What stands
    /// behind it can be read when the last record is of the log's history: earlier ones that are not are known by their session.
    async fn checked(&self, offset: i64, bounds: Bounds) -> Result<Option<Tap>, LogError> {
        if offset <= bounds.low || offset > bounds.high {
            return Ok(None);
        }
        self.group.sessions.look().await.map_err(unavailable)?;
        if bounds.high > offset {
            let last = self.tap(bounds.high - 1).pop(1).await?.pop_front();
            if !self.is_of_the_log(last.as_ref(), bounds.high - 1).await? {
                return Ok(None);
            }
        }
        let tap = self.tap(offset - 1);
        let before = tap.pop(1).await?.pop_front();
        let moves_to = before.as_ref().and_then(|item| item.record.as_ref()?.moves_to());
        let at_or_below = moves_to.is_some_and(|to| to <= self.position);
        let right = at_or_below && self.is_of_the_log(before.as_ref(), offset - 1).await?;
        Ok(right.then_some(tap))
    }

    /// Whether this is the record at `offset`, and the log has its event.
    async fn is_of_the_log(&self, item: Option<&Item>, offset: i64) -> Result<bool, LogError> {
        let Some(item) = item.filter(|item| item.offset == offset) else { return Ok(false) };
        let Some(record) = &item.record else { return Ok(false) };
        if self.group.sessions.validity(item.session, record.position()) == Validity::Unknown {
            return Ok(false);
        }
        let (mark, head) = self.group.log.mark_at(record.position()).await?;
        Ok(record.position() <= head && record.mark().is_none_or(|known| mark == Some(known)))
    }

    /// For the cursors that are saved at this position, where reading did not come by it.
    async fn note_mark(&self) -> Result<(), LogError> {
        if let (Some(mark), _) = self.group.log.mark_at(self.position).await? {
            self.holding.offsets.saw(mark);
        }
        Ok(())
    }

    /// Without what a later session publishes again. `None`: there is something of a history that the log does not have, and
    /// the log is to be read.
    async fn of_this_history(&mut self, taken: VecDeque<Item>) -> Result<Option<VecDeque<Item>>, LogError> {
        self.meet_sessions(&taken).await?;
        let sessions = &self.group.sessions;
        let mut counting = VecDeque::with_capacity(taken.len());
        let mut highest = 0;
        for item in taken {
            let position = item.record.as_ref().map_or(0, Record::position);
            match sessions.validity(item.session, position) {
                Validity::Counts => {
                    highest = highest.max(position);
                    counting.push_back(item);
                }
                Validity::Superseded => {}
                Validity::Unknown => {
                    self.group.saw_head(highest);
                    let Holding { topic, place, .. } = &*self.holding;
                    let (partition, offset) = (place.partition, item.offset);
                    tracing::warn!(
                        topic,
                        partition,
                        offset,
                        position,
                        session = item.session,
                        "a record is of no session of the relay that PostgreSQL knows; going on from the log"
                    );
                    return Ok(None);
                }
            }
        }
        self.group.saw_head(highest);
        Ok(Some(counting))
    }

    /// A session that begins may do so because the log lost what the one before published. So what has been handed out is
    /// looked for in the log, before anything of it is.
    async fn meet_sessions(&mut self, taken: &VecDeque<Item>) -> Result<(), LogError> {
        let sessions = &self.group.sessions;
        let latest = taken.iter().rev().find_map(|item| item.session);
        let mut named = taken.iter().filter_map(|item| item.session);
        if self.has_looked && named.all(|session| self.session == Some(session)) {
            return Ok(());
        }
        sessions.look().await.map_err(unavailable)?;
        self.has_looked = true;
        if let Some(mark) = self.holding.offsets.mark_of(self.position) {
            self.group.still_has(mark).await?;
        }
        self.session = latest.filter(|latest| sessions.knows(*latest)).or(self.session);
        Ok(())
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
        if let Some(mark) = gathered.mark {
            self.holding.offsets.saw(mark);
        }
        let Gathered { events, position, late, .. } = gathered;
        let head = self.group.saw_head(position);
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
