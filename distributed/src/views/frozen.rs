//! Lists whose order is worked out once and then kept in Redis, where every process finds it: the ranked feed, and what
//! trends.
//!
//! * A cursor names the order, when it began, how far it was read and what was read last. While the order is kept, its
//!   pages are those of one order. When it is not kept any more, or cannot be read, it is worked out again, as of when it
//!   began, and goes on behind what was read last.
//! * What each place shows is looked up when its page is, so that what was hidden meanwhile is left out.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::envelope::time_of_ms;
use nova_events::{PostId, UserId};
use nova_views::{Cursor, List, PageRequest, PostCard, ViewError};
use uuid::Uuid;

use super::Views;
use super::redis::Frozen;

/// How much later than ours another process's clock may be.
const CLOCK_SKEW_MAX_MS: i64 = 60_000;

/// Order, began, places passed, the last one of them.
type Position = (u64, i64, usize, Uuid);

/// What is asked: the kind of list (cursors of one kind are refused by another), and whose.
pub(super) struct Question {
    kind: &'static str,
    name: String,
    now: DateTime<Utc>,
}

impl Question {
    pub(super) fn new(kind: &'static str, name: String, now: DateTime<Utc>) -> Self {
        Self { kind, name, now }
    }

    fn order_name(&self, id: u64) -> String {
        format!("{}:{id:016x}", self.name)
    }
}

/// An order, and where a page of it begins.
struct Order {
    id: u64,
    started_ms: i64,
    places: Vec<Frozen>,
    at: usize,
    /// Redis has it.
    kept: bool,
}

impl Views {
    /// A page of the list. `order` works the list out as of a time; `show` makes an item of what the viewer sees.
    pub(super) async fn frozen_page<T, F: Future<Output = Result<Vec<Frozen>, ViewError>>>(
        &self,
        viewer: UserId,
        question: &Question,
        page: &PageRequest,
        order: impl FnOnce(DateTime<Utc>) -> F,
        show: impl Fn(&Frozen, PostCard) -> T,
    ) -> Result<List<T>, ViewError> {
        let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
        let order = self.order(question, page, order).await?;
        let mut items = Vec::with_capacity(limit);
        let (mut at, mut last) = (order.at, (order.at, Uuid::nil()));
        while at < order.places.len() {
            // One more than is wanted tells whether there is a next page.
            let wanted = (limit + 1 - items.len()).max(8);
            let places = &order.places[at..(at + wanted).min(order.places.len())];
            let posts: Vec<PostId> = places.iter().map(|place| PostId(place.id)).collect();
            let cards = self.postgres().cards(viewer, &posts).await?;
            let mut cards: HashMap<Uuid, PostCard> =
                cards.into_iter().map(|card| (card.id.0, card)).collect();
            for place in places {
                at += 1;
                let Some(card) = cards.remove(&place.id) else { continue };
                if items.len() == limit {
                    let position: Position = (order.id, order.started_ms, last.0, last.1);
                    if !order.kept {
                        self.keep(question, &order).await;
                    }
                    return Ok(List { items, next: Some(Cursor::pack(question.kind, &position)) });
                }
                items.push(show(place, card));
                last = (at, place.id);
            }
        }
        Ok(List { items, next: None })
    }

    async fn order<F: Future<Output = Result<Vec<Frozen>, ViewError>>>(
        &self,
        question: &Question,
        page: &PageRequest,
        order: impl FnOnce(DateTime<Utc>) -> F,
    ) -> Result<Order, ViewError> {
        let Some(cursor) = &page.cursor else {
            let places = order(question.now).await?;
            let (id, started_ms) = (rand::random(), question.now.timestamp_millis());
            return Ok(Order { id, started_ms, places, at: 0, kept: false });
        };
        let (id, started_ms, passed, behind): Position = cursor.unpack(question.kind)?;
        match self.shared.stores.redis.frozen(&question.order_name(id)).await {
            Ok(Some(places)) => {
                let at = passed.min(places.len());
                return Ok(Order { id, started_ms, places, at, kept: true });
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "cannot read the order of a list, it is worked out again"),
        }
        if started_ms > question.now.timestamp_millis().saturating_add(CLOCK_SKEW_MAX_MS) {
            return Err(ViewError::BadCursor);
        }
        let places = order(time_of_ms(started_ms)).await?;
        let found = places.iter().position(|place| place.id == behind).map(|at| at + 1);
        let at = found.unwrap_or(passed).min(places.len());
        Ok(Order { id: rand::random(), started_ms, places, at, kept: false })
    }

    /// An order that could not be kept is worked out again.
    async fn keep(&self, question: &Question, order: &Order) {
        let ttl = Duration::from_millis(self.shared.options.session_ttl_ms);
        if ttl.is_zero() {
            return;
        }
        let name = question.order_name(order.id);
        if let Err(error) = self.shared.stores.redis.freeze(&name, &order.places, ttl).await {
            tracing::debug!(%error, "cannot keep the order of a list");
        }
    }
}
