//! The ranked feed, and what trends, each down its ladder.
//!
//! | rung | feed | trending |
//! |---|---|---|
//! | `clickhouse` | ranked now, or a moment ago | worked out now, or a moment ago |
//! | `last_good` | the order that was good last | the same |
//! | `redis` | the viewer's home timeline | - |
//! | `postgres` | what the viewer's followees posted | worked out there |
//! | `recent` | the newest posts of all | - |
//!
//! These say which posts, in which order; PostgreSQL says what the viewer may see of them. While it does not answer,
//! `last_good` shows pages as they were, without what has been hidden since (`last_good`).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use nova_events::{PostId, UserId};
use nova_views::ranking;
use nova_views::{Answer, FeedItem, FeedReason, List, PageRequest, PostCard, ViewError};
use uuid::Uuid;

use super::clickhouse::Seen;
use super::climb::Climb;
use super::order::{Order, Question, Ranking, Start};
use super::redis::Frozen;
use super::sources::{Source, SourceError, Sourced};
use super::{Answered, Views, names};

/// Trending posts that are known at a time, for all viewers.
pub(super) const TRENDING_KNOWN_MAX: usize = 1_000;
/// Places in an order of a lower rung.
pub(super) const PLACES_MAX: usize = 200;

/// A ranking that was worked out a moment ago, and for which relations of the viewer.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    version: i64,
    at_ms: i64,
    holds: u64,
    places: Arc<[Frozen]>,
}

/// Whose, for which relations, holding the log up to where: whoever wants more than others does not wait for theirs.
pub(super) type RankingKey = (Uuid, i64, u64);
pub(super) type RankingResult = Result<Arc<[Frozen]>, SourceError>;

fn item_of(place: &Frozen, card: PostCard) -> FeedItem {
    FeedItem { card, score: place.score, reason: place.reason }
}

/// A place of a rung that ranks nothing.
pub(super) fn unranked(post: PostId, reason: FeedReason) -> Frozen {
    Frozen { id: post.0, score: 0.0, reason }
}

impl Views {
    pub(super) async fn feed_down(
        &self,
        viewer: UserId,
        page: &PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<FeedItem>> {
        let mut climb = Climb::new("feed");
        climb.pass_over(self.sources(), Source::Postgres);
        let question = Question::new("feed", format!("feed:{viewer}"), now);
        if !climb.is_out(Source::Postgres)
            && let Some(order) = self.feed_order(&mut climb, viewer, &question, page).await?
        {
            let shown =
                async { self.page_of(viewer, &question, page.limit, &order, item_of).await.map(Some) };
            if let Some(value) = climb.rung("cards", &[Source::Postgres], shown).await? {
                return Ok(self.feed_answer(viewer, page, order.ranking, value));
            }
        }
        if page.cursor.is_none() {
            let whole = self.whole_feed(viewer, page.limit);
            if let Some((value, as_of)) = climb.rung("last_good_page", &[Source::Redis], whole).await? {
                return Ok(Answer { value, source: "last_good", as_of, degraded: true });
            }
        }
        Err(climb.exhausted())
    }

    fn feed_answer(
        &self,
        viewer: UserId,
        page: &PageRequest,
        ranking: Ranking,
        value: List<FeedItem>,
    ) -> Answer<List<FeedItem>> {
        let (source, as_of, is_best) = (ranking.rung, ranking.as_of, ranking.is_best());
        if page.cursor.is_none() && is_best {
            self.shared.active.saw(viewer);
            self.keep_feed(viewer, &ranking, &value.items);
            self.shadow_feed(viewer, &ranking);
        }
        Answer { value, source, as_of, degraded: !is_best }
    }

    async fn feed_order(
        &self,
        climb: &mut Climb,
        viewer: UserId,
        question: &Question,
        page: &PageRequest,
    ) -> Result<Option<Order>, ViewError> {
        let (at, passed, behind) = match self.start(climb, question, page).await? {
            Start::Kept(order) => return Ok(Some(order)),
            Start::Anew { at, passed, behind } => (at, passed, behind),
        };
        let ranking = self.feed_ranking(climb, viewer, at, page.after).await?;
        Ok(ranking.map(|ranking| Start::of(ranking, at, passed, behind)))
    }

    async fn feed_ranking(
        &self,
        climb: &mut Climb,
        viewer: UserId,
        at: DateTime<Utc>,
        after: u64,
    ) -> Result<Option<Ranking>, ViewError> {
        let ranked = async { self.ranked(viewer, at, after).await.map(Some) };
        if let Some(ranking) = climb.rung("clickhouse", &[Source::ClickHouse], ranked).await? {
            return Ok(Some(ranking));
        }
        let kept = self.kept_feed_order(viewer);
        if let Some(ranking) = climb.rung("last_good", &[Source::Redis], kept).await? {
            return Ok(Some(ranking));
        }
        let timeline = self.timeline_order(viewer);
        if let Some(ranking) = climb.rung("redis", &[Source::Redis], timeline).await? {
            return Ok(Some(ranking));
        }
        let followees = self.followees_order(viewer);
        if let Some(ranking) = climb.rung("postgres", &[Source::Fallback], followees).await? {
            return Ok(Some(ranking));
        }
        climb.rung("recent", &[Source::Fallback], self.recent_order()).await
    }

    /// The order of someone's feed as of a time, or as it was a moment before, unless they follow or block someone since, or
    /// it has to hold more of the log.
    async fn ranked(&self, viewer: UserId, now: DateTime<Utc>, after: u64) -> Sourced<Ranking> {
        let ttl_ms = self.shared.options.feed_ranking_ttl_ms;
        let now_ms = now.timestamp_millis();
        let seen = self.shared.applied.seen(Source::ClickHouse, after);
        let mut version = 0;
        if ttl_ms > 0 {
            version = self
                .sources()
                .postgres(|postgres| async move { postgres.relations_version(viewer).await })
                .await?;
            if let Some(recent) = self.shared.rankings.get(&viewer.0)
                && recent.version == version
                && recent.holds >= after
                && (0..ttl_ms).contains(&(now_ms - recent.at_ms))
            {
                metrics::counter!(names::FEED_CACHE, "event" => "hit").increment(1);
                let as_of = nova_events::envelope::time_of_ms(recent.at_ms);
                return Ok(Ranking { places: recent.places, rung: "clickhouse", as_of });
            }
            metrics::counter!(names::FEED_CACHE, "event" => "miss").increment(1);
        }
        let views = self.clone();
        let work = move || async move { views.rank(viewer, now, seen).await }.boxed();
        let places = self.shared.ranking_flights.work((viewer.0, version, after), work).await?;
        if ttl_ms > 0 {
            let recent = Recent { version, at_ms: now_ms, holds: seen.known, places: Arc::clone(&places) };
            self.shared.rankings.insert(viewer.0, recent);
        }
        Ok(Ranking { places, rung: "clickhouse", as_of: now })
    }

    async fn rank(&self, viewer: UserId, now: DateTime<Utc>, seen: Seen) -> RankingResult {
        let candidates = self
            .sources()
            .clickhouse(|store| async move { store.feed_candidates(viewer, now, seen).await })
            .await?;
        metrics::histogram!(names::FEED_CANDIDATES).record(candidates.len() as f64);
        let ranked = ranking::rank(candidates, &self.shared.options.weights, now.timestamp_millis());
        let place = |one: ranking::Ranked| Frozen { id: one.post.0, score: one.score, reason: one.reason };
        Ok(ranked.into_iter().map(place).collect())
    }

    pub(super) async fn timeline_order(&self, viewer: UserId) -> Sourced<Option<Ranking>> {
        let as_of = Utc::now();
        let found = self
            .sources()
            .redis(|redis| async move { redis.timeline(viewer, None, PLACES_MAX).await })
            .await?;
        let places = found.map(|page| page.places).unwrap_or_default();
        let places: Arc<[Frozen]> =
            places.into_iter().map(|(_, post)| unranked(PostId(post), FeedReason::Following)).collect();
        Ok((!places.is_empty()).then_some(Ranking { places, rung: "redis", as_of }))
    }

    pub(super) async fn followees_order(&self, viewer: UserId) -> Sourced<Option<Ranking>> {
        let as_of = Utc::now();
        let found = self
            .sources()
            .fallback(|postgres| async move { postgres.timeline_places(viewer, None, PLACES_MAX).await });
        let places: Arc<[Frozen]> =
            found.await?.into_iter().map(|(_, post)| unranked(post, FeedReason::Following)).collect();
        Ok((!places.is_empty()).then_some(Ranking { places, rung: "postgres", as_of }))
    }

    async fn recent_order(&self) -> Sourced<Option<Ranking>> {
        let as_of = Utc::now();
        let found =
            self.sources().fallback(|postgres| async move { postgres.recent_posts(PLACES_MAX).await });
        let places = found.await?.into_iter().map(|post| unranked(post, FeedReason::Trending)).collect();
        Ok(Some(Ranking { places, rung: "recent", as_of }))
    }

    pub(super) async fn trending_down(
        &self,
        viewer: UserId,
        page: &PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<PostCard>> {
        let mut climb = Climb::new("trending");
        climb.pass_over(self.sources(), Source::Postgres);
        let question = Question::new("trending", "trending".to_owned(), now);
        if !climb.is_out(Source::Postgres)
            && let Some(order) = self.trending_order(&mut climb, &question, page).await?
        {
            let card = |_: &Frozen, card| card;
            let shown = async { self.page_of(viewer, &question, page.limit, &order, card).await.map(Some) };
            if let Some(value) = climb.rung("cards", &[Source::Postgres], shown).await? {
                let ranking = order.ranking;
                if page.cursor.is_none() && ranking.is_best() {
                    self.keep_trending(&ranking, &value.items);
                    self.shadow_trending(&ranking);
                }
                let degraded = !ranking.is_best();
                return Ok(Answer { value, source: ranking.rung, as_of: ranking.as_of, degraded });
            }
        }
        if page.cursor.is_none() {
            let whole = self.whole_trending(viewer, page.limit);
            if let Some((value, as_of)) = climb.rung("last_good_page", &[Source::Redis], whole).await? {
                return Ok(Answer { value, source: "last_good", as_of, degraded: true });
            }
        }
        Err(climb.exhausted())
    }

    async fn trending_order(
        &self,
        climb: &mut Climb,
        question: &Question,
        page: &PageRequest,
    ) -> Result<Option<Order>, ViewError> {
        let (at, passed, behind) = match self.start(climb, question, page).await? {
            Start::Kept(order) => return Ok(Some(order)),
            Start::Anew { at, passed, behind } => (at, passed, behind),
        };
        let begun = |ranking| Some(Start::of(ranking, at, passed, behind));
        let now = async { self.trending_now(at, page.after).await.map(Some) };
        if let Some(ranking) = climb.rung("clickhouse", &[Source::ClickHouse], now).await? {
            return Ok(begun(ranking));
        }
        let kept = self.kept_trending_order();
        if let Some(ranking) = climb.rung("last_good", &[Source::Redis], kept).await? {
            return Ok(begun(ranking));
        }
        let there = async { self.trending_in_postgres(at).await.map(Some) };
        let ranking = climb.rung("postgres", &[Source::Fallback], there).await?;
        Ok(ranking.and_then(begun))
    }

    async fn trending_now(&self, now: DateTime<Utc>, after: u64) -> Sourced<Ranking> {
        let seen = self.shared.applied.seen(Source::ClickHouse, after);
        let trending = self
            .sources()
            .clickhouse(|store| async move { store.trending(now, TRENDING_KNOWN_MAX, seen).await })
            .await?;
        let places = trending.into_iter().map(|one| unranked(one.post, FeedReason::Trending)).collect();
        Ok(Ranking { places, rung: "clickhouse", as_of: now })
    }

    pub(super) async fn trending_in_postgres(&self, now: DateTime<Utc>) -> Sourced<Ranking> {
        let found = self
            .sources()
            .fallback(|postgres| async move { postgres.trending_candidates(now, PLACES_MAX).await })
            .await?;
        let places = found.into_iter().map(|one| unranked(one.post, FeedReason::Trending)).collect();
        Ok(Ranking { places, rung: "postgres", as_of: now })
    }
}
