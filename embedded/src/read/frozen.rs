//! Lists whose order is worked out once and then kept: the ranked feed, what trends, whom to follow, search results.
//!
//! * A cursor names the list, when it began, how far it was read and what was read last. While the list is kept, its
//!   pages are those of one order. When it is not kept any more it is worked out again, as of when it began, and goes on
//!   behind what was read last.
//! * What each place shows is looked up when its page is, so that what was hidden meanwhile is left out.
//! * All lists together are bounded, in bytes and in time.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nova_views::{Cursor, FeedReason, List, PageRequest, ViewError};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::{Ask, Asked, limit_of};
use crate::epochs::Weigh;
use crate::options::ViewsOptions;

/// One place in a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) id: Uuid,
    pub(crate) score: f64,
    pub(crate) reason: FeedReason,
}

impl Place {
    pub(crate) fn of(id: Uuid) -> Self {
        Self { id, score: 0.0, reason: FeedReason::Following }
    }
}

/// A list in the order it was given once.
#[derive(Debug)]
pub(crate) struct Frozen {
    id: u64,
    question: u64,
    /// The epoch of the viewer's relations when it was worked out; 0 when the list is for everybody.
    epoch: u64,
    /// The views were this far before it was worked out.
    holds: u64,
    /// What "now" was.
    started_ms: i64,
    made: Instant,
    pub(crate) places: Box<[Place]>,
}

impl Frozen {
    pub(crate) fn bytes_held(&self) -> usize {
        size_of::<Self>() + self.places.len() * size_of::<Place>()
    }
}

#[derive(Debug)]
pub(crate) struct FrozenLists {
    by_id: Cache<u64, Arc<Frozen>, Bytes>,
    /// The id of the last one of each question.
    current: Cache<u64, u64>,
    next_id: AtomicU64,
    hash: std::hash::RandomState,
    ttl: Duration,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<u64, Arc<Frozen>> for Bytes {
    fn weight(&self, _key: &u64, list: &Arc<Frozen>) -> u64 {
        list.bytes() as u64
    }
}

impl FrozenLists {
    pub(crate) fn new(options: &ViewsOptions) -> Self {
        let bytes = options.session_bytes.max(1 << 16);
        let lists = bytes / 8_192;
        Self {
            by_id: Cache::with_weighter(lists, bytes as u64, Bytes),
            current: Cache::new(lists),
            // Ids of an earlier run must not be taken for those of this one.
            next_id: AtomicU64::new(std::hash::RandomState::new().hash_one(1u8)),
            hash: std::hash::RandomState::new(),
            ttl: Duration::from_millis(options.session_ttl_ms),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.by_id.weight()
    }

    pub(crate) fn forget(&self) {
        self.current.clear();
    }
}

/// What is asked: the kind of list (cursors of one kind are refused by another), and what tells its lists apart.
pub(super) struct Question {
    pub(super) kind: &'static str,
    key: u64,
    /// See [`Frozen::epoch`].
    pub(super) epoch: u64,
    pub(super) now_ms: i64,
    /// How long the first page may come from a list that was worked out before.
    pub(super) ttl_ms: i64,
    /// See [`PageRequest::after`].
    pub(super) after: u64,
}

/// List, began, places passed, the last one of them.
type Position = (u64, i64, usize, Uuid);

impl Ask<'_> {
    pub(super) fn question(&self, kind: &'static str, about: impl std::hash::Hash) -> Question {
        let key = self.shared.caches.frozen.hash.hash_one((kind, about));
        Question { kind, key, epoch: 0, now_ms: chrono::Utc::now().timestamp_millis(), ttl_ms: 0, after: 0 }
    }

    /// A page of the list. `order` works the list out as of a time; `show` says what the viewer sees of a place.
    pub(super) fn frozen_page<T>(
        &mut self,
        question: &Question,
        page: &PageRequest,
        order: impl FnOnce(&mut Self, i64) -> Asked<Vec<Place>>,
        mut show: impl FnMut(&mut Self, &Place) -> Asked<Option<T>>,
    ) -> Asked<List<T>> {
        let limit = limit_of(page);
        let (list, mut at) = match &page.cursor {
            None => (self.first(question, order)?, 0),
            Some(cursor) => self.resumed(question, cursor.unpack(question.kind)?, order)?,
        };
        let mut items = Vec::with_capacity(limit);
        let mut last = (at, Uuid::nil());
        while let Some(place) = list.places.get(at) {
            at += 1;
            if let Some(item) = show(self, place)? {
                if items.len() == limit {
                    let position: Position = (list.id, list.started_ms, last.0, last.1);
                    return Ok(List { items, next: Some(Cursor::pack(question.kind, &position)) });
                }
                items.push(item);
                last = (at, place.id);
            }
        }
        Ok(List { items, next: None })
    }

    pub(super) fn first(
        &mut self,
        question: &Question,
        order: impl FnOnce(&mut Self, i64) -> Asked<Vec<Place>>,
    ) -> Asked<Arc<Frozen>> {
        if question.ttl_ms > 0
            && let lists = &self.shared.caches.frozen
            && let Some(id) = lists.current.get(&question.key)
            && let Some(list) = lists.by_id.get(&id)
            && list.epoch == question.epoch
            && list.holds >= question.after
            && (0..question.ttl_ms).contains(&(question.now_ms - list.started_ms))
        {
            return Ok(list);
        }
        let list = self.frozen(question, question.now_ms, order)?;
        if question.ttl_ms > 0 {
            self.shared.caches.frozen.current.insert(question.key, list.id);
        }
        Ok(list)
    }

    fn resumed(
        &mut self,
        question: &Question,
        position: Position,
        order: impl FnOnce(&mut Self, i64) -> Asked<Vec<Place>>,
    ) -> Asked<(Arc<Frozen>, usize)> {
        let (id, started_ms, passed, last) = position;
        let lists = &self.shared.caches.frozen;
        if let Some(list) = lists.by_id.get(&id)
            && list.question == question.key
            && list.made.elapsed() < lists.ttl
        {
            let passed = passed.min(list.places.len());
            return Ok((list, passed));
        }
        if started_ms > question.now_ms.saturating_add(60_000) {
            return Err(ViewError::BadCursor.into());
        }
        let list = self.frozen(question, started_ms, order)?;
        let behind = list.places.iter().position(|place| place.id == last).map(|at| at + 1);
        let passed = behind.unwrap_or(passed).min(list.places.len());
        Ok((list, passed))
    }

    fn frozen(
        &mut self,
        question: &Question,
        started_ms: i64,
        order: impl FnOnce(&mut Self, i64) -> Asked<Vec<Place>>,
    ) -> Asked<Arc<Frozen>> {
        // Never on the spot: it may take a millisecond or more.
        self.files()?;
        let holds = self.shared.applied();
        let places = order(self, started_ms)?.into_boxed_slice();
        let lists = &self.shared.caches.frozen;
        let list = Arc::new(Frozen {
            id: lists.next_id.fetch_add(1, Ordering::Relaxed),
            question: question.key,
            epoch: question.epoch,
            holds,
            started_ms,
            made: Instant::now(),
            places,
        });
        lists.by_id.insert(list.id, Arc::clone(&list));
        Ok(list)
    }
}
