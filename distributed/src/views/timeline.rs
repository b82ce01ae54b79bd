//! The home timeline: its places from Redis as far down as it holds them, from PostgreSQL below.
//!
//! What Redis holds is looked at before it is shown: places of posts that are not there any more, not for the viewer, or
//! by someone whom the viewer does not follow any more are passed over. Both stores order by time and id, so a cursor of
//! one goes on in the other.

use std::collections::HashSet;

use chrono::Utc;
use nova_events::{PostId, UserId};
use nova_views::{Answer, Cursor, List, PageRequest, PostCard, ViewError, ViewReader};

use super::Views;
use super::postgres::PostgresViews;
use super::redis::{TimelineKey, TimelineSource};

const KIND: &str = "timeline";

#[async_trait::async_trait]
impl TimelineSource for PostgresViews {
    async fn newest(&self, viewer: UserId, most: usize) -> Result<Vec<TimelineKey>, ViewError> {
        let places = self.timeline_places(viewer, None, most).await?;
        Ok(places.into_iter().map(|(at_ms, post)| (at_ms, post.0)).collect())
    }
}

fn key_of(card: &PostCard) -> TimelineKey {
    (card.created_at.timestamp_millis(), card.id.0)
}

impl Views {
    pub(super) async fn home(
        &self,
        viewer: UserId,
        page: &PageRequest,
    ) -> Result<Answer<List<PostCard>>, ViewError> {
        let as_of = Utc::now();
        let mut behind: Option<TimelineKey> =
            page.cursor.as_ref().map(|cursor| cursor.unpack(KIND)).transpose()?;
        let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
        let mut items: Vec<PostCard> = Vec::with_capacity(limit + 1);
        let mut source = "postgres";
        loop {
            // One more than is wanted tells whether there is a next page.
            let wanted = (limit + 1 - items.len()).max(8);
            let stores = &self.shared.stores;
            let found = stores.redis.timeline_from(viewer, behind, wanted, &stores.postgres).await?;
            let Some(found) = found else { break };
            let shown = self.shown(viewer, &found.places).await?;
            if !found.places.is_empty() || !found.goes_on {
                source = "redis";
            }
            items.extend(shown);
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(|card| Cursor::pack(KIND, &key_of(card)));
                return Ok(Answer { value: List { items, next }, source, as_of, degraded: false });
            }
            behind = found.places.last().copied().or(behind);
            if found.places.len() < wanted {
                if found.goes_on {
                    break;
                }
                return Ok(Answer { value: List { items, next: None }, source, as_of, degraded: false });
            }
        }
        let value = self.older(viewer, behind, items, limit).await?;
        Ok(Answer { value, source, as_of, degraded: false })
    }

    /// The rest of a page, from PostgreSQL.
    async fn older(
        &self,
        viewer: UserId,
        behind: Option<TimelineKey>,
        mut items: Vec<PostCard>,
        limit: usize,
    ) -> Result<List<PostCard>, ViewError> {
        let cursor = behind.map(|key| Cursor::pack(KIND, &key));
        let page = PageRequest { cursor, limit: (limit - items.len()).max(1) };
        let older = self.postgres().timeline(viewer, page).await?.value;
        if items.len() == limit {
            // All that was to be known is whether there is more.
            let last = items.last().filter(|_| !older.items.is_empty());
            let next = last.map(|card| Cursor::pack(KIND, &key_of(card)));
            return Ok(List { items, next });
        }
        items.extend(older.items);
        Ok(List { items, next: older.next })
    }

    /// The cards of these places, as far as they are for the viewer's timeline.
    async fn shown(&self, viewer: UserId, places: &[TimelineKey]) -> Result<Vec<PostCard>, ViewError> {
        let posts: Vec<PostId> = places.iter().map(|(_, post)| PostId(*post)).collect();
        let mut cards = self.postgres().cards(viewer, &posts).await?;
        let mut authors: Vec<UserId> =
            cards.iter().map(|card| card.author.id).filter(|author| *author != viewer).collect();
        authors.sort_unstable();
        authors.dedup();
        if !authors.is_empty() {
            let followed: HashSet<UserId> =
                self.postgres().followed_among(viewer, &authors).await?.into_iter().collect();
            cards.retain(|card| card.author.id == viewer || followed.contains(&card.author.id));
        }
        Ok(cards)
    }
}
