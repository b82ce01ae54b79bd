//! Lists whose order is worked out once and then kept in Redis, where every process finds it: the ranked feed, and what
//! trends.
//!
//! * A cursor names the order, when it began, how far it was read, what was read last, and which rung had made it. While the
//!   order is kept, its pages are those of one order. When it is not kept any more, or cannot be read, it is worked out
//!   again, as of when it began, and goes on behind what was read last.
//! * What each place shows is looked up when its page is, so that what was hidden meanwhile is left out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::envelope::time_of_ms;
use nova_events::{PostId, UserId};
use nova_views::{Cursor, List, PageRequest, PostCard, ViewError};
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::Views;
use super::climb::Climb;
use super::redis::Frozen;
use super::sources::{Source, Sourced};

/// How much later than ours another process's clock may be.
const CLOCK_SKEW_MAX_MS: i64 = 60_000;

/// The rungs that orders come from, as cursors name them.
const RUNGS: [&str; 5] = ["clickhouse", "last_good", "redis", "postgres", "recent"];

/// Order, began, places passed, the last one of them, rung, as of.
type Position = (u64, i64, usize, Uuid, u8, i64);

/// What is asked: the kind of list (cursors of one kind are refused by another), and whose.
pub(super) struct Question {
    pub(super) kind: &'static str,
    name: String,
    pub(super) now: DateTime<Utc>,
}

impl Question {
    pub(super) fn new(kind: &'static str, name: String, now: DateTime<Utc>) -> Self {
        Self { kind, name, now }
    }

    fn order_name(&self, id: u64) -> String {
        format!("{}:{id:016x}", self.name)
    }
}

/// An order that some rung made.
#[derive(Debug, Clone)]
pub(super) struct Ranking {
    pub(super) places: Arc<[Frozen]>,
    pub(super) rung: &'static str,
    pub(super) as_of: DateTime<Utc>,
    session: Arc<Session>,
}

/// What the pages of one order have in common. A ranking that several are given has one: it is kept once for all of them.
#[derive(Debug)]
struct Session {
    id: u64,
    /// When Redis was given the order last.
    kept: Mutex<Option<Instant>>,
}

impl Ranking {
    pub(super) fn new(places: Arc<[Frozen]>, rung: &'static str, as_of: DateTime<Utc>) -> Self {
        let session = Session { id: rand::random(), kept: Mutex::default() };
        Self { places, rung, as_of, session: Arc::new(session) }
    }

    /// The same order, as another rung's.
    pub(super) fn by(self, rung: &'static str) -> Self {
        Self { rung, ..self }
    }

    pub(super) fn is_best(&self) -> bool {
        self.rung == RUNGS[0]
    }
}

/// An order, and where a page of it begins.
pub(super) struct Order {
    id: u64,
    started_ms: i64,
    pub(super) ranking: Ranking,
    at: usize,
    /// It came from Redis.
    kept: bool,
}

/// Where a page begins.
pub(super) enum Start {
    /// In an order that is kept.
    Kept(Order),
    /// In one that has to be made, as of then.
    Anew { at: DateTime<Utc>, passed: usize, behind: Option<Uuid> },
}

impl Start {
    /// The order that was made is begun where the page begins.
    pub(super) fn of(ranking: Ranking, at: DateTime<Utc>, passed: usize, behind: Option<Uuid>) -> Order {
        let found = behind.and_then(|behind| ranking.places.iter().position(|place| place.id == behind));
        let begins = found.map_or(passed, |at| at + 1).min(ranking.places.len());
        Order { id: ranking.session.id, started_ms: at.timestamp_millis(), ranking, at: begins, kept: false }
    }
}

impl Views {
    pub(super) async fn start(
        &self,
        climb: &mut Climb,
        question: &Question,
        page: &PageRequest,
    ) -> Result<Start, ViewError> {
        let Some(cursor) = &page.cursor else {
            return Ok(Start::Anew { at: question.now, passed: 0, behind: None });
        };
        let (id, started_ms, passed, behind, rung, as_of_ms): Position = cursor.unpack(question.kind)?;
        let rung = RUNGS.get(usize::from(rung)).copied().ok_or(ViewError::BadCursor)?;
        let name = question.order_name(id);
        let kept = async {
            let name = &name;
            self.sources().redis(|redis| async move { redis.frozen(name).await }).await
        };
        if let Some(places) = climb.rung("kept_order", &[Source::Redis], kept).await? {
            let at = passed.min(places.len());
            let ranking = Ranking::new(places.into(), rung, time_of_ms(as_of_ms));
            return Ok(Start::Kept(Order { id, started_ms, ranking, at, kept: true }));
        }
        if started_ms > question.now.timestamp_millis().saturating_add(CLOCK_SKEW_MAX_MS) {
            return Err(ViewError::BadCursor);
        }
        Ok(Start::Anew { at: time_of_ms(started_ms), passed, behind: Some(behind) })
    }

    /// A page of an order: what the viewer may see of it now.
    pub(super) async fn page_of<T>(
        &self,
        viewer: UserId,
        question: &Question,
        limit: usize,
        order: &Order,
        show: impl Fn(&Frozen, PostCard) -> T + Send + Sync,
    ) -> Sourced<List<T>> {
        let limit = limit.clamp(1, PageRequest::LIMIT_MAX);
        let mut items = Vec::with_capacity(limit);
        let (mut at, mut last) = (order.at, (order.at, Uuid::nil()));
        let all = &order.ranking.places;
        while at < all.len() {
            // One more than is wanted tells whether there is a next page.
            let wanted = (limit + 1 - items.len()).max(8);
            let places = &all[at..(at + wanted).min(all.len())];
            let posts: Vec<PostId> = places.iter().map(|place| PostId(place.id)).collect();
            let cards = self.cards(viewer, &posts).await?;
            let mut cards: HashMap<Uuid, PostCard> =
                cards.into_iter().map(|card| (card.id.0, card)).collect();
            for place in places {
                at += 1;
                let Some(card) = cards.remove(&place.id) else { continue };
                if items.len() == limit {
                    if !order.kept {
                        self.keep(question, order).await;
                    }
                    let rung = RUNGS.iter().position(|rung| *rung == order.ranking.rung).unwrap_or(0);
                    let as_of_ms = order.ranking.as_of.timestamp_millis();
                    let position: Position =
                        (order.id, order.started_ms, last.0, last.1, rung as u8, as_of_ms);
                    return Ok(List { items, next: Some(Cursor::pack(question.kind, &position)) });
                }
                items.push(show(place, card));
                last = (at, place.id);
            }
        }
        Ok(List { items, next: None })
    }

    pub(super) async fn cards(&self, viewer: UserId, posts: &[PostId]) -> Sourced<Vec<PostCard>> {
        self.sources().postgres(|postgres| async move { postgres.cards(viewer, posts).await }).await
    }

    /// An order that could not be kept is worked out again.
    async fn keep(&self, question: &Question, order: &Order) {
        let ttl = Duration::from_millis(self.shared.options.session_ttl_ms);
        let kept = &order.ranking.session.kept;
        let is_there = kept.lock().is_some_and(|at| at.elapsed() < ttl / 2);
        if ttl.is_zero() || is_there {
            return;
        }
        *kept.lock() = Some(Instant::now());
        let (name, places) = (&question.order_name(order.id), &order.ranking.places);
        let frozen = self.sources().redis(|redis| async move { redis.freeze(name, places, ttl).await });
        if let Err(failure) = frozen.await {
            *kept.lock() = None;
            tracing::debug!(error = %failure.error, "cannot keep the order of a list");
        }
    }
}
