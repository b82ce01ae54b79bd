//! The home timeline: its places from Redis as far down as it holds them, from PostgreSQL below.
//!
//! What Redis holds is looked at before it is shown: places of posts that are not there any more, not for the viewer, or
//! by someone whom the viewer does not follow any more are passed over. Both stores order by time and id, so a cursor of
//! one goes on in the other.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::{PostId, UserId};
use nova_views::{Answer, Cursor, List, PageRequest, PostCard, ViewError, ViewReader};

use super::climb::Climb;
use super::postgres::PostgresViews;
use super::redis::{TimelineKey, TimelinePage, TimelineSource};
use super::sources::{Source, Sourced};
use super::{Answered, Views};

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

/// How long a reader waits for a timeline that has to be put together; then PostgreSQL answers, and it goes on.
const REGENERATION_PATIENCE: Duration = Duration::from_millis(250);

/// A page as far as it is put together.
struct Gathered {
    items: Vec<PostCard>,
    behind: Option<TimelineKey>,
    /// `Some`: it is whole, and this is where the list goes on.
    whole: Option<Option<Cursor>>,
    from_redis: bool,
}

impl Views {
    pub(super) async fn timeline_down(&self, viewer: UserId, page: &PageRequest) -> Answered<List<PostCard>> {
        let as_of = Utc::now();
        let behind: Option<TimelineKey> =
            page.cursor.as_ref().map(|cursor| cursor.unpack(KIND)).transpose()?;
        let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
        let mut climb = Climb::new("timeline");
        climb.pass_over(self.sources(), Source::Postgres);
        climb.pass_over(self.sources(), Source::Redis);
        let mut begun = Gathered { items: Vec::new(), behind, whole: None, from_redis: false };
        let gathered = async { self.gather(viewer, behind, limit).await.map(Some) };
        let both = [Source::Redis, Source::Postgres];
        if let Some(gathered) = climb.rung("redis", &both, gathered).await? {
            if let Some(next) = gathered.whole {
                let list = List { items: gathered.items, next };
                return Ok(self.timeline_answer(viewer, page, list, "redis", as_of, false));
            }
            begun = gathered;
        }
        let source = if begun.from_redis { "redis" } else { "postgres" };
        let rest = async { self.older(viewer, begun.behind, begun.items, limit).await.map(Some) };
        if let Some(list) = climb.rung("postgres", &[Source::Postgres], rest).await? {
            let degraded = climb.is_degraded();
            return Ok(self.timeline_answer(viewer, page, list, source, as_of, degraded));
        }
        if page.cursor.is_none() {
            let whole = self.whole_timeline(viewer, limit);
            if let Some((value, as_of)) = climb.rung("last_good_page", &[Source::Redis], whole).await? {
                return Ok(Answer { value, source: "last_good", as_of, degraded: true });
            }
        }
        Err(climb.exhausted())
    }

    fn timeline_answer(
        &self,
        viewer: UserId,
        page: &PageRequest,
        value: List<PostCard>,
        source: &'static str,
        as_of: DateTime<Utc>,
        degraded: bool,
    ) -> Answer<List<PostCard>> {
        if page.cursor.is_none() {
            self.shared.active.saw(viewer);
            self.keep_timeline(viewer, as_of, &value.items);
            if source == "redis" {
                self.shadow_timeline(viewer, &value.items);
            }
        }
        Answer { value, source, as_of, degraded }
    }

    /// As much of a page as Redis holds.
    async fn gather(
        &self,
        viewer: UserId,
        mut behind: Option<TimelineKey>,
        limit: usize,
    ) -> Sourced<Gathered> {
        let mut items: Vec<PostCard> = Vec::with_capacity(limit + 1);
        let mut from_redis = false;
        loop {
            // One more than is wanted tells whether there is a next page.
            let wanted = (limit + 1 - items.len()).max(8);
            let Some(found) = self.places(viewer, behind, wanted).await? else { break };
            let shown = self.shown(viewer, &found.places).await?;
            from_redis |= !found.places.is_empty() || !found.goes_on;
            items.extend(shown);
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(|card| Cursor::pack(KIND, &key_of(card)));
                return Ok(Gathered { items, behind, whole: Some(next), from_redis });
            }
            behind = found.places.last().copied().or(behind);
            if found.places.len() < wanted {
                if found.goes_on {
                    break;
                }
                return Ok(Gathered { items, behind, whole: Some(None), from_redis });
            }
        }
        Ok(Gathered { items, behind, whole: None, from_redis })
    }

    /// Places of the timeline. One that is missing is put together, which goes on when it takes longer than we wait.
    async fn places(
        &self,
        viewer: UserId,
        behind: Option<TimelineKey>,
        wanted: usize,
    ) -> Sourced<Option<TimelinePage>> {
        let there =
            self.sources().redis(|redis| async move { redis.timeline(viewer, behind, wanted).await }).await?;
        if there.is_some() {
            return Ok(there);
        }
        let views = self.clone();
        let building = tokio::spawn(async move {
            let stores = &views.sources().stores;
            stores.redis.get()?.timeline_from(viewer, behind, wanted, &stores.postgres).await
        });
        match tokio::time::timeout(REGENERATION_PATIENCE, building).await {
            Ok(Ok(Ok(page))) => Ok(page),
            Ok(Ok(Err(error))) => {
                tracing::debug!(%error, "a timeline could not be put together");
                Ok(None)
            }
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }

    /// The rest of a page, from PostgreSQL.
    async fn older(
        &self,
        viewer: UserId,
        behind: Option<TimelineKey>,
        mut items: Vec<PostCard>,
        limit: usize,
    ) -> Sourced<List<PostCard>> {
        let cursor = behind.map(|key| Cursor::pack(KIND, &key));
        let page = &PageRequest { cursor, limit: (limit - items.len()).max(1), after: 0 };
        let older = self
            .sources()
            .postgres(|postgres| async move { postgres.timeline(viewer, page.clone()).await })
            .await?
            .value;
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
    async fn shown(&self, viewer: UserId, places: &[TimelineKey]) -> Sourced<Vec<PostCard>> {
        let posts: Vec<PostId> = places.iter().map(|(_, post)| PostId(*post)).collect();
        let mut cards = self.cards(viewer, &posts).await?;
        let mut authors: Vec<UserId> =
            cards.iter().map(|card| card.author.id).filter(|author| *author != viewer).collect();
        authors.sort_unstable();
        authors.dedup();
        if !authors.is_empty() {
            let authors = &authors;
            let followed: HashSet<UserId> = self
                .sources()
                .postgres(|postgres| async move { postgres.followed_among(viewer, authors).await })
                .await?
                .into_iter()
                .collect();
            cards.retain(|card| card.author.id == viewer || followed.contains(&card.author.id));
        }
        Ok(cards)
    }
}
