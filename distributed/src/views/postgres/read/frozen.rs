//! Lists whose order is worked out once and then kept, in memory: the ranked feed, what trends, whom to follow, search
//! results.
//!
//! * A cursor names the list, when it began, how far it was read and what was read last. While the list is kept, its
//!   pages are those of one order. When it is not kept any more (or by another process) it is worked out again, as of
//!   when it began, and goes on behind what was read last.
//! * What each place shows is looked up when its page is, so that what was hidden meanwhile is left out.
//! * All lists together are bounded, in bytes and in time.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nova_views::{Cursor, FeedReason, List, PageRequest, ViewError};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::ReadOptions;
use super::lists::limit_of;

/// How much later than ours another process's clock may be.
const CLOCK_SKEW_MAX_MS: i64 = 60_000;

/// One place in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) id: Uuid,
    pub(super) score: f64,
    pub(super) reason: FeedReason,
}

impl Place {
    pub(super) fn of(id: Uuid) -> Self {
        Self { id, score: 0.0, reason: FeedReason::Following }
    }
}

/// A list in the order it was given once.
#[derive(Debug)]
pub(super) struct Order {
    id: u64,
    question: u64,
    epoch: i64,
    /// What "now" was.
    started_ms: i64,
    made: Instant,
    pub(super) places: Box<[Place]>,
}

/// What is asked: the kind of list (cursors of one kind are refused by another), and what tells its lists apart.
#[derive(Debug)]
pub(super) struct Question {
    kind: &'static str,
    key: u64,
    /// The version of the viewer's relations; 0 when the list does not depend on them.
    epoch: i64,
    now_ms: i64,
    /// How long the first page may come from a list that was worked out before.
    ttl_ms: i64,
}

/// List, began, places passed, the last one of them.
type Position = (u64, i64, usize, Uuid);

/// Where a page begins.
#[derive(Debug)]
pub(super) enum Start {
    Kept(Arc<Order>, usize),
    /// To be worked out as of `started_ms`; the page begins behind `behind`, the last of `passed` places.
    Anew {
        started_ms: i64,
        passed: usize,
        behind: Uuid,
    },
}

#[derive(Debug)]
pub(super) struct Orders {
    by_id: Cache<u64, Arc<Order>, Bytes>,
    /// The id of the last one of each question.
    current: Cache<u64, u64>,
    next_id: AtomicU64,
    hash: RandomState,
    ttl: Duration,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<u64, Arc<Order>> for Bytes {
    fn weight(&self, _key: &u64, order: &Arc<Order>) -> u64 {
        (size_of::<Order>() + order.places.len() * size_of::<Place>() + 64) as u64
    }
}

impl Orders {
    pub(super) fn new(options: &ReadOptions) -> Self {
        let bytes = options.session_bytes.max(1 << 16);
        let orders = bytes / 8_192;
        Self {
            by_id: Cache::with_weighter(orders, bytes as u64, Bytes),
            current: Cache::new(orders),
            // Ids of another run or process must not be taken for those of this one.
            next_id: AtomicU64::new(RandomState::new().hash_one(1u8)),
            hash: RandomState::new(),
            ttl: Duration::from_millis(options.session_ttl_ms),
        }
    }

    pub(super) fn question(
        &self,
        kind: &'static str,
        about: impl Hash,
        epoch: i64,
        now_ms: i64,
        ttl_ms: i64,
    ) -> Question {
        Question { kind, key: self.hash.hash_one((kind, about)), epoch, now_ms, ttl_ms }
    }

    pub(super) fn start(&self, question: &Question, page: &PageRequest) -> Result<Start, ViewError> {
        let Some(cursor) = &page.cursor else {
            return Ok(match self.current(question, page.after) {
                Some(order) => Start::Kept(order, 0),
                None => Start::Anew { started_ms: question.now_ms, passed: 0, behind: Uuid::nil() },
            });
        };
        let (id, started_ms, passed, behind): Position = cursor.unpack(question.kind)?;
        if let Some(order) = self.by_id.get(&id)
            && order.question == question.key
            && order.made.elapsed() < self.ttl
        {
            let passed = passed.min(order.places.len());
            return Ok(Start::Kept(order, passed));
        }
        if started_ms > question.now_ms.saturating_add(CLOCK_SKEW_MAX_MS) {
            return Err(ViewError::BadCursor);
        }
        Ok(Start::Anew { started_ms, passed, behind })
    }

    /// The last list of the question, if it is as good as a new one. How much of the log it holds is not known: whoever
    /// wants it to hold some position, gets a new one.
    pub(super) fn current(&self, question: &Question, after: u64) -> Option<Arc<Order>> {
        if question.ttl_ms <= 0 || after > 0 {
            return None;
        }
        let order = self.by_id.get(&self.current.get(&question.key)?)?;
        let fresh = (0..question.ttl_ms).contains(&(question.now_ms - order.started_ms));
        (fresh && order.epoch == question.epoch).then_some(order)
    }

    pub(super) fn keep(&self, question: &Question, started_ms: i64, places: Vec<Place>) -> Arc<Order> {
        let order = Arc::new(Order {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            question: question.key,
            epoch: question.epoch,
            started_ms,
            made: Instant::now(),
            places: places.into_boxed_slice(),
        });
        self.by_id.insert(order.id, Arc::clone(&order));
        if question.ttl_ms > 0 && started_ms == question.now_ms {
            self.current.insert(question.key, order.id);
        }
        order
    }
}

impl Order {
    /// Where a page that is worked out anew begins.
    pub(super) fn place_behind(&self, passed: usize, behind: Uuid) -> usize {
        let found = self.places.iter().position(|place| place.id == behind).map(|at| at + 1);
        found.unwrap_or(passed).min(self.places.len())
    }
}

/// A page that is being filled from an order.
#[derive(Debug)]
pub(super) struct Showing<T> {
    order: Arc<Order>,
    at: usize,
    limit: usize,
    items: Vec<T>,
    last: (usize, Uuid),
    more: bool,
}

impl<T> Showing<T> {
    pub(super) fn new(order: Arc<Order>, at: usize, page: &PageRequest) -> Self {
        let limit = limit_of(page);
        Self { order, at, limit, items: Vec::with_capacity(limit), last: (at, Uuid::nil()), more: false }
    }

    /// The ids of the places to look up next; none when the page is done.
    pub(super) fn upcoming(&self) -> Vec<Uuid> {
        if self.more {
            return Vec::new();
        }
        // One more than is wanted tells whether there is a next page.
        let wanted = (self.limit + 1 - self.items.len()).max(8);
        self.order.places[self.at..].iter().take(wanted).map(|place| place.id).collect()
    }

    /// Takes what `look` gives for each of the next `count` places.
    pub(super) fn show(&mut self, count: usize, mut look: impl FnMut(&Place) -> Option<T>) {
        let upto = (self.at + count).min(self.order.places.len());
        while self.at < upto && !self.more {
            let place = &self.order.places[self.at];
            self.at += 1;
            let Some(item) = look(place) else { continue };
            if self.items.len() == self.limit {
                self.more = true;
            } else {
                self.items.push(item);
                self.last = (self.at, place.id);
            }
        }
    }

    pub(super) fn list(self, question: &Question) -> List<T> {
        let position: Position = (self.order.id, self.order.started_ms, self.last.0, self.last.1);
        let next = self.more.then(|| Cursor::pack(question.kind, &position));
        List { items: self.items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn orders(session_ttl_ms: u64) -> Orders {
        Orders::new(&ReadOptions { session_ttl_ms, ..ReadOptions::default() })
    }

    fn places(ids: impl IntoIterator<Item = u128>) -> Vec<Place> {
        ids.into_iter().map(|id| Place::of(Uuid::from_u128(id))).collect()
    }

    fn page_of(order: &Arc<Order>, at: usize, page: &PageRequest, question: &Question) -> List<u128> {
        let mut showing = Showing::new(Arc::clone(order), at, page);
        loop {
            let ids = showing.upcoming();
            if ids.is_empty() {
                return showing.list(question);
            }
            // What has an odd number is hidden.
            showing.show(ids.len(), |place| Some(place.id.as_u128()).filter(|id| id % 2 == 0));
        }
    }

    #[test]
    fn pages_go_through_one_order_and_pass_what_is_hidden() {
        let orders = orders(60_000);
        let question = orders.question("feed", 1, 0, NOW, 0);
        let order = orders.keep(&question, NOW, places(0..40));
        let first = page_of(&order, 0, &PageRequest::first(8), &question);
        assert_eq!(first.items, [0, 2, 4, 6, 8, 10, 12, 14]);
        let next = PageRequest { cursor: first.next, limit: 100, after: 0 };
        let Start::Kept(order, at) = orders.start(&question, &next).unwrap() else {
            panic!("the order was not kept")
        };
        let rest = page_of(&order, at, &next, &question);
        assert_eq!(rest.items, (16..40).step_by(2).collect::<Vec<u128>>());
        assert_eq!(rest.next, None);
    }

    #[test]
    fn an_order_that_is_not_kept_goes_on_behind_what_was_read_last() {
        let orders = orders(0);
        let question = orders.question("feed", 1, 0, NOW + 500, 0);
        let order = orders.keep(&question, NOW, places(0..40));
        let first = page_of(&order, 0, &PageRequest::first(2), &question);
        let next = PageRequest { cursor: first.next, limit: 2, after: 0 };
        let Start::Anew { started_ms, passed, behind } = orders.start(&question, &next).unwrap() else {
            panic!("it is older than it may be")
        };
        assert_eq!((started_ms, passed, behind), (NOW, 3, Uuid::from_u128(2)));
        let anew = orders.keep(&question, NOW, places([9, 7, 2, 4]));
        assert_eq!(anew.place_behind(passed, behind), 3);
        assert_eq!(anew.place_behind(9, Uuid::from_u128(99)), 4, "never behind the end");
        let early = orders.question("feed", 1, 0, NOW - 100_000, 0);
        assert!(matches!(orders.start(&early, &next), Err(ViewError::BadCursor)), "from the future");
    }

    #[test]
    fn a_first_page_comes_from_an_earlier_list_for_as_long_as_it_may() {
        let orders = orders(60_000);
        let asked = |epoch, at_ms| orders.question("feed", 1, epoch, at_ms, 1_000);
        let order = orders.keep(&asked(5, NOW), NOW, places(0..4));
        let current = |epoch, at_ms| orders.current(&asked(epoch, at_ms), 0).map(|order| order.id);
        assert_eq!(current(5, NOW + 999), Some(order.id));
        assert_eq!(current(5, NOW + 1_000), None, "too old");
        assert_eq!(current(6, NOW + 1), None, "the viewer follows others now");
        assert_eq!(orders.current(&orders.question("feed", 2, 5, NOW, 1_000), 0).map(|order| order.id), None);
    }
}
