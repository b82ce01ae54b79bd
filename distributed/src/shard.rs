//! How the stores of the views share the work: by shards, each of which is followed by one process at a time.
//!
//! * A shard is the part of the log that one Kafka partition carries (`post.3`), or all of it (`log`, where nothing is
//!   shared out).
//! * A store keeps a cursor for each projection, generation and shard, saved with the effect. The projections know
//!   positions only; the Kafka offset and the event that belong to a position are kept beside it, by [`Offsets`].
//! * A cursor names the history that it is of by the mark of the event at its position. Where the log has another event there,
//!   or none, it was restored, or lost what it had acknowledged: the store is filled again ([`ShardWriter::cursor`]).
//! * Two processes may hold a shard for a moment while it changes hands. What the slower one still writes is older than
//!   what the store holds, or the same, and cursors never go back: it changes nothing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use nova_eventlog::{EventLog, EventMark, LogError};
use nova_views::writer::OTHER_HISTORY;
use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError, ViewWriter};
use parking_lot::Mutex;

/// The name of a shard. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(Arc<str>);

impl Shard {
    /// The whole log.
    pub fn whole() -> Self {
        Self("log".into())
    }

    /// One partition of a category's topic.
    pub fn of_partition(category: &str, partition: i32) -> Self {
        Self(format!("{category}.{partition}").into())
    }

    /// One that a store has by its name.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a projection is in a shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardCursor {
    /// Every event of the shard up to this position has been projected.
    pub position: u64,
    /// Where the partition goes on: everything before this offset is at or below `position`. `None`: not known; what is
    /// missing is read from the log.
    pub offset: Option<i64>,
    /// Of the event at `position`, which may be of another shard. `None`: not known.
    pub mark: Option<EventMark>,
}

impl ShardCursor {
    /// Of a position alone.
    pub fn at(position: u64) -> Self {
        Self { position, ..Self::default() }
    }
}

/// A store of views as this profile sees it: like [`ViewWriter`], with a cursor for each shard.
#[async_trait::async_trait]
pub trait ShardStore: fmt::Debug + Send + Sync + 'static {
    /// `postgres`, `clickhouse` or `redis`.
    fn name(&self) -> &'static str;

    /// The projections that it holds. Any other is [`ViewError::UnknownProjection`].
    fn projections(&self) -> &'static [&'static str];

    /// Zero when nothing has been projected. Later steps of this process belong to the generation that is live now:
    /// should another become live, they are refused with [`ViewError::Switched`].
    async fn cursor(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
    ) -> Result<ShardCursor, ViewError>;

    /// Steps of one projection, generation and shard come one at a time and in order; those of different ones come at
    /// once. `cursor.position` is that of the step. The cursor does not go back.
    async fn apply(&self, shard: &Shard, step: Arc<Apply>, cursor: ShardCursor) -> Result<(), ViewError>;

    /// Nothing to change up to there: cheap, may be forgotten in a crash.
    async fn advance(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
        cursor: ShardCursor,
    ) -> Result<(), ViewError>;

    /// See [`ViewWriter::check`]. A store that is not known to lose anything by itself need not look.
    async fn check(
        &self,
        _projection: &str,
        _generation: Generation,
        _shard: &Shard,
    ) -> Result<(), ViewError> {
        Ok(())
    }

    /// Gives up the live generation that the shard writes to: the log, whose head is at `head`, is of another history. An empty
    /// one takes its place; `false`: another one had already. A store that is restored together with the log has no need to.
    async fn start_over(&self, projection: &str, shard: &Shard, head: u64) -> Result<bool, ViewError> {
        let place =
            format!("{projection} in {shard} is of another history than the log, whose head is at {head}");
        Err(ViewError::Corrupt(format!("{place}; a rebuild fills it again")))
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError>;

    /// The next generation, filled from the log up to its cursor in the whole log (`R`), becomes the live one. A shard
    /// whose live cursor is at most at `R` keeps it; any other goes on from `R` with no offset.
    async fn switch(&self, projection: &str) -> Result<(), ViewError>;

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError>;

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError>;

    /// The lowest position of the live cursors of these; a cursor that is not there counts as 0.
    async fn applied(&self, of: &[(&'static str, Shard)]) -> Result<u64, ViewError>;
}

/// Which offset and which mark belong to which position, in one shard. Shared by the feed, which learns of them, and the
/// writer, which saves them. Holds the latest few thousand of each.
#[derive(Debug, Default)]
pub struct Offsets {
    known: Mutex<VecDeque<(u64, i64)>>,
    marks: Mutex<VecDeque<(u64, EventMark)>>,
}

impl Offsets {
    const KNOWN_MAX: usize = 4_096;

    /// Everything before `offset` is at or below `position`. Keeps the first offset of a position: what comes between it
    /// and the next position (a late event) is then read again after a crash, not lost.
    pub fn note(&self, position: u64, offset: i64) {
        let mut known = self.known.lock();
        if let Err(at) = place_of(&known, position) {
            insert(&mut known, at, (position, offset));
        }
    }

    /// The log has this event, and a batch ends there. What is said last counts.
    pub fn saw(&self, mark: EventMark) {
        let mut marks = self.marks.lock();
        match place_of(&marks, mark.position) {
            Ok(at) => marks[at].1 = mark,
            Err(at) => insert(&mut marks, at, (mark.position, mark)),
        }
    }

    /// From where on to read to miss nothing behind `position`; `None` when that is not known.
    pub fn offset_of(&self, position: u64) -> Option<i64> {
        let known = self.known.lock();
        let behind = known.partition_point(|(other, _)| *other <= position);
        behind.checked_sub(1).and_then(|at| known.get(at)).map(|(_, offset)| *offset)
    }

    /// The mark of the event at `position`; `None` when it is not known.
    pub fn mark_of(&self, position: u64) -> Option<EventMark> {
        let marks = self.marks.lock();
        place_of(&marks, position).ok().map(|at| marks[at].1)
    }

    /// Forgets every offset: the partition is not what it was. The log is.
    pub fn forget(&self) {
        self.known.lock().clear();
    }
}

/// Where a position stands, or would stand.
fn place_of<T>(known: &VecDeque<(u64, T)>, position: u64) -> Result<usize, usize> {
    known.binary_search_by_key(&position, |(other, _)| *other)
}

fn insert<T>(known: &mut VecDeque<(u64, T)>, at: usize, one: (u64, T)) {
    known.insert(at, one);
    if known.len() > Offsets::KNOWN_MAX {
        // The end that is farther from the new one: a follower may begin again at a lower position.
        if at < known.len() / 2 {
            known.pop_back()
        } else {
            known.pop_front()
        };
    }
}

/// A store, seen through one shard: what the projections of that shard write to.
#[derive(Clone)]
pub struct ShardWriter {
    store: Arc<dyn ShardStore>,
    shard: Shard,
    offsets: Arc<Offsets>,
    /// The log that the store is to be of.
    log: Option<Arc<dyn EventLog>>,
}

impl fmt::Debug for ShardWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ShardWriter");
        shown.field("store", &self.store.name()).field("shard", &self.shard).finish_non_exhaustive()
    }
}

impl ShardWriter {
    pub fn new(store: Arc<dyn ShardStore>, shard: Shard, offsets: Arc<Offsets>) -> Self {
        Self { store, shard, offsets, log: None }
    }

    /// Has the store filled again when its cursor is not of this log.
    #[must_use]
    pub fn checked_against(self, log: Arc<dyn EventLog>) -> Self {
        Self { log: Some(log), ..self }
    }

    /// For whoever reads the whole log.
    pub fn whole(store: Arc<dyn ShardStore>) -> Self {
        Self::new(store, Shard::whole(), Arc::default())
    }

    fn at(&self, position: u64) -> ShardCursor {
        ShardCursor {
            position,
            offset: self.offsets.offset_of(position),
            mark: self.offsets.mark_of(position),
        }
    }

    /// The cursor, after the store has started over if it is not of the log.
    async fn own_cursor(&self, projection: &str, generation: Generation) -> Result<ShardCursor, ViewError> {
        let cursor = self.store.cursor(projection, generation, &self.shard).await?;
        let (Some(log), Generation::Live) = (&self.log, generation) else { return Ok(cursor) };
        let Some(head) = head_of_other_history(&**log, cursor).await? else { return Ok(cursor) };
        if self.store.start_over(projection, &self.shard, head).await? {
            let store = self.store.name();
            metrics::counter!(OTHER_HISTORY, "view" => format!("{store}/{projection}")).increment(1);
            tracing::error!(
                store,
                projection,
                shard = self.shard.as_str(),
                position = cursor.position,
                head,
                "a view is of another history than the log, filling it again: was the log restored, or did it fail over with \
                 losses?"
            );
        }
        self.store.cursor(projection, generation, &self.shard).await
    }
}

/// The head of the log, when the log does not have the cursor's event at the cursor's position.
async fn head_of_other_history(log: &dyn EventLog, cursor: ShardCursor) -> Result<Option<u64>, ViewError> {
    if cursor.position == 0 {
        return Ok(None);
    }
    let unavailable = |error: LogError| ViewError::Unavailable(format!("the log: {error}"));
    let (mark, head) = log.mark_at(cursor.position).await.map_err(unavailable)?;
    let is_own = mark.is_some_and(|mark| cursor.mark.is_none_or(|known| known == mark));
    Ok((!is_own).then_some(head))
}

#[async_trait::async_trait]
impl ViewWriter for ShardWriter {
    async fn cursor(&self, projection: &str, generation: Generation) -> Result<u64, ViewError> {
        let cursor = self.own_cursor(projection, generation).await?;
        if let Some(offset) = cursor.offset {
            self.offsets.note(cursor.position, offset);
        }
        if let Some(mark) = cursor.mark {
            self.offsets.saw(mark);
        }
        Ok(cursor.position)
    }

    async fn apply(&self, step: Arc<Apply>) -> Result<(), ViewError> {
        let cursor = self.at(step.cursor);
        self.store.apply(&self.shard, step, cursor).await
    }

    async fn advance(&self, projection: &str, generation: Generation, cursor: u64) -> Result<(), ViewError> {
        self.store.advance(projection, generation, &self.shard, self.at(cursor)).await
    }

    async fn check(&self, projection: &str, generation: Generation) -> Result<(), ViewError> {
        self.store.check(projection, generation, &self.shard).await
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        self.store.begin_rebuild(projection).await
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        self.store.switch(projection).await
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        self.store.status().await
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        self.store.dead_letters(projection, after, limit).await
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_offset_is_that_of_the_nearest_position_below() {
        let offsets = Offsets::default();
        assert_eq!(offsets.offset_of(5), None);
        offsets.note(10, 3);
        offsets.note(20, 7);
        assert_eq!(
            [9, 10, 19, 20, 99].map(|position| offsets.offset_of(position)),
            [None, Some(3), Some(3), Some(7), Some(7)]
        );
    }

    #[test]
    fn a_position_keeps_its_first_offset() {
        let offsets = Offsets::default();
        offsets.note(10, 3);
        offsets.note(10, 4);
        assert_eq!(offsets.offset_of(10), Some(3));
    }

    #[test]
    fn a_position_has_the_mark_that_was_seen_last() {
        let offsets = Offsets::default();
        let mark = |position, recorded_at_ms| EventMark { position, event_id: Uuid::nil(), recorded_at_ms };
        offsets.saw(mark(10, 1));
        offsets.saw(mark(10, 2));
        assert_eq!([9, 10, 11].map(|at| offsets.mark_of(at)), [None, Some(mark(10, 2)), None]);
    }

    #[test]
    fn a_start_at_a_lower_position_has_room_for_marks() {
        let offsets = Offsets::default();
        let mark = |position| EventMark { position, event_id: Uuid::nil(), recorded_at_ms: 0 };
        (10_000..20_000).for_each(|position| offsets.saw(mark(position)));
        offsets.saw(mark(7));
        assert_eq!(offsets.mark_of(7), Some(mark(7)));
    }

    #[test]
    fn what_is_known_is_bounded() {
        let offsets = Offsets::default();
        for position in 0..10_000 {
            offsets.note(position, position as i64);
        }
        assert_eq!(offsets.offset_of(10), None, "forgotten, not guessed");
        assert_eq!(offsets.offset_of(9_999), Some(9_999));
    }
}
