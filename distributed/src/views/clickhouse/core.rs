//! What a process knows of the store: which generation each of its shards writes to, how far it has come, and what is live.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nova_views::ViewError;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::error::Failure;
use super::flush::gone;
use super::generations::{self, Found, Generations, Live, LiveState};
use super::schema::Template;
use super::server::Server;
use crate::shard::{Shard, ShardCursor};

/// A cursor's place: projection, number of the generation, shard.
pub(super) type Place = (&'static str, u64, Shard);

/// How long readers go by what was live: longer than [`super::completeness`] takes to look again. A switch drops the old
/// tables, so whoever goes by them for longer gets an error, and asks.
const LIVE_KNOWN: Duration = Duration::from_secs(3);

/// How far the live generations were when that was last asked, and which they were: others that are live since then may be empty.
#[derive(Debug, Default)]
struct Applied {
    of: Option<Live>,
    position: u64,
    /// How many shards were asked for at most: whoever asks for fewer asks for a part.
    shards: usize,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) server: Server,
    /// The generation that a shard writes to, since it asked for its cursor.
    writes_to: Mutex<HashMap<(&'static str, Shard), u64>>,
    /// Rebuilds that this process began.
    begun: Mutex<HashMap<&'static str, u64>>,
    /// Acknowledged, or advanced to with nothing to change.
    positions: Mutex<HashMap<Place, ShardCursor>>,
    /// Of those, the ones that are not written yet.
    advances: Mutex<HashMap<Place, ShardCursor>>,
    pub(super) advanced: Notify,
    /// The cursors could not be written because their table is gone.
    lost: AtomicBool,
    known: Mutex<Option<(Instant, Generations)>>,
    applied: Mutex<Applied>,
    /// Rows of a live generation are missing, or are being filled in.
    pub(super) incomplete: AtomicBool,
    /// One repair at a time. The last look, and when it began.
    repairing: tokio::sync::Mutex<Option<(Instant, Result<Found, Failure>)>>,
}

impl Core {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            writes_to: Mutex::default(),
            begun: Mutex::default(),
            positions: Mutex::default(),
            advances: Mutex::default(),
            advanced: Notify::new(),
            lost: AtomicBool::new(false),
            known: Mutex::default(),
            applied: Mutex::default(),
            incomplete: AtomicBool::new(false),
            repairing: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the live generations and their cursors, after the projection has been repaired if it lacked tables.
    ///
    /// Many shards start at once, and each needs what is there after it asked. Shards that wait for the lock share the next
    /// look, and its failure.
    async fn ensure(&self, template: &Template) -> Result<LiveState, Failure> {
        let asked = Instant::now();
        let mut looked = self.repairing.lock().await;
        let (began, found) = match looked.take().filter(|(began, _)| *began >= asked) {
            Some(shared) => shared,
            None => (Instant::now(), Found::look(&self.server).await),
        };
        let found = match found {
            Ok(found) => Ok(found.repaired(&self.server, template).await?),
            failure => failure,
        };
        let live = found.as_ref().map(|found| found.live.clone()).map_err(Clone::clone);
        *looked = Some((began, found));
        let live = live?;
        self.lost.store(false, Ordering::Release);
        self.saw(&live.generations);
        Ok(live)
    }

    /// Puts an empty generation in the place of one that lacks rows, or is of another history than a log with this head.
    /// `false`: another one is live already.
    pub(super) async fn replace(
        &self,
        template: &'static Template,
        unsound: u64,
        head: u64,
    ) -> Result<bool, Failure> {
        self.incomplete.store(true, Ordering::Release);
        let mut looked = self.repairing.lock().await;
        *looked = None;
        let replaced = generations::replace(&self.server, template, unsound, head).await?;
        self.saw(&Generations::load(&self.server).await?);
        Ok(replaced)
    }

    /// Whether the shard still writes to what is live, as far as this process knows.
    pub(super) fn is_current(&self, projection: &'static str, shard: &Shard) -> bool {
        let writes_to = self.writes_to.lock().get(&(projection, shard.clone())).copied();
        let live = self.known.lock().as_ref().and_then(|(_, known)| known.of(projection).map(|row| row.live));
        writes_to.is_none() || live.is_none() || writes_to == live
    }

    /// From now on the shard writes to the live generation. Returns its number, and how far the shard is in it.
    pub(super) async fn start(
        &self,
        template: &'static Template,
        shard: &Shard,
    ) -> Result<(u64, ShardCursor), Failure> {
        let state = self.ensure(template).await?;
        let live = state.generations.live_of(template.projection)?.live;
        self.writes_to.lock().insert((template.projection, shard.clone()), live);
        Ok((live, state.cursor_of(template.projection, shard)))
    }

    pub(super) async fn writes_to(&self, template: &'static Template, shard: &Shard) -> Result<u64, Failure> {
        let known = self.writes_to.lock().get(&(template.projection, shard.clone())).copied();
        match known {
            Some(generation) => Ok(generation),
            None => Ok(self.start(template, shard).await?.0),
        }
    }

    pub(super) fn began(&self, projection: &'static str, generation: Option<u64>) {
        let mut begun = self.begun.lock();
        match generation {
            Some(generation) => begun.insert(projection, generation),
            None => begun.remove(projection),
        };
    }

    pub(super) fn begun(&self, projection: &str) -> Option<u64> {
        self.begun.lock().get(projection).copied()
    }

    /// The generation that a rebuild fills: the one that this process began, or whoever did.
    pub(super) async fn next(&self, projection: &str) -> Result<u64, ViewError> {
        if let Some(generation) = self.begun(projection) {
            return Ok(generation);
        }
        let generations = Generations::load(&self.server).await?;
        match generations.of(projection).map_or(0, |row| row.next) {
            0 => Err(ViewError::Unavailable("no rebuild of this view has begun".to_owned())),
            next => Ok(next),
        }
    }

    /// Moves the position of a place that is acknowledged.
    pub(super) fn reached(&self, place: Place, cursor: ShardCursor) {
        if cursor.position == 0 {
            return;
        }
        let mut positions = self.positions.lock();
        let held = positions.entry(place).or_default();
        if cursor.position >= held.position {
            *held = cursor;
        }
    }

    pub(super) fn position(&self, place: &Place) -> ShardCursor {
        self.positions.lock().get(place).copied().unwrap_or_default()
    }

    /// Nothing to change up to there. Written some time.
    pub(super) fn advance(
        &self,
        projection: &'static str,
        shard: &Shard,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        if self.lost.load(Ordering::Acquire) {
            return Err(gone());
        }
        let Some(generation) = self.writes_to.lock().get(&(projection, shard.clone())).copied() else {
            return Err(ViewError::Switched);
        };
        let live = self.known.lock().as_ref().and_then(|(_, known)| known.of(projection).map(|row| row.live));
        if live.is_some_and(|live| live != generation) {
            return Err(ViewError::Switched);
        }
        let place = (projection, generation, shard.clone());
        if cursor.position > self.position(&place).position {
            self.reached(place.clone(), cursor);
            self.advances.lock().insert(place, cursor);
            self.advanced.notify_one();
        }
        Ok(())
    }

    pub(super) fn take_advances(&self) -> HashMap<Place, ShardCursor> {
        std::mem::take(&mut *self.advances.lock())
    }

    /// They are written with the next ones, unless there is nothing to write them to.
    pub(super) fn cursors_failed(&self, cursors: &HashMap<Place, ShardCursor>, failure: &Failure) {
        if failure.is_gone() {
            self.lost.store(true, Ordering::Release);
            return;
        }
        let acknowledged: Vec<(Place, ShardCursor)> = cursors
            .iter()
            .filter(|(place, cursor)| cursor.position <= self.position(place).position)
            .map(|(place, cursor)| (place.clone(), *cursor))
            .collect();
        let mut advances = self.advances.lock();
        for (place, cursor) in acknowledged {
            advances.entry(place).or_insert(cursor);
        }
    }

    /// Takes note of what is live.
    pub(super) fn saw(&self, generations: &Generations) {
        *self.known.lock() = Some((Instant::now(), generations.clone()));
    }

    /// Takes note of how far these generations are, if it was asked for as many shards as ever.
    pub(super) fn note_applied(&self, generations: &Generations, position: u64, shards: usize) {
        let of = Live::of(generations).ok();
        let mut applied = self.applied.lock();
        if shards < applied.shards {
            return;
        }
        // Answers may overtake each other, and a generation never goes back.
        let is_same = of.is_some() && applied.of == of && applied.shards == shards;
        let position = if is_same { position.max(applied.position) } else { position };
        *applied = Applied { of, position, shards };
    }

    /// Rows that are read from these generations from now on reflect the log at least up to this position. 0 before it is known.
    pub(super) fn applied_in(&self, live: Live) -> u64 {
        let applied = self.applied.lock();
        if applied.of == Some(live) { applied.position } else { 0 }
    }

    pub(super) fn forget_live(&self) {
        *self.known.lock() = None;
    }

    /// What readers look at.
    pub(super) async fn live(&self) -> Result<Live, Failure> {
        let known = self.known.lock().clone();
        let known =
            known.filter(|(at, _)| at.elapsed() < LIVE_KNOWN).and_then(|(_, known)| Live::of(&known).ok());
        if let Some(live) = known {
            return Ok(live);
        }
        let generations = Generations::load(&self.server).await?;
        self.saw(&generations);
        Live::of(&generations)
    }

    /// The same, for whoever found tables gone: those of a generation that was live a moment ago.
    pub(super) async fn live_again(&self) -> Result<Live, Failure> {
        self.forget_live();
        self.live().await
    }
}
