//! The ranked feed, and what trends. The order is that of [`nova_views::ranking`]; here its candidates are chosen.

use std::collections::HashMap;
use std::sync::Arc;

use nova_events::{PostId, UserId};
use nova_views::ranking::{self, Candidate, Engagement, Trending};
use nova_views::{FeedItem, FeedReason, List, PageRequest, PostCard, ViewError};
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::frozen::{Order, Place, Showing, Start};
use super::people::{apart, follows};
use super::posts::may_see;

/// Trending posts that are known at a time, for all viewers.
const TRENDING_KNOWN_MAX: usize = 1_000;
/// Likes, and comments, of a viewer that are looked at: the newest.
const INTERACTIONS_MAX: i64 = 20_000;

macro_rules! active {
    () => {
        "(SELECT u.active FROM v_profiles.users u WHERE u.id = p.author) IS NOT FALSE"
    };
}

/// Whether an author's posts are to be shown to the viewer `$1` at all.
macro_rules! shown {
    () => {
        concat!(active!(), " AND NOT ", apart!("$1", "p.author"))
    };
}

/// By author, how often the viewer liked or commented what they wrote.
const INTERACTIONS: &str = "SELECT i.author, count(*)
     FROM ((SELECT author, at FROM v_engagement.likes WHERE user_id = $1 AND liked
            ORDER BY target DESC LIMIT $3)
           UNION ALL
           (SELECT post_author, created_at FROM v_engagement.comments WHERE author = $1 AND NOT deleted
            ORDER BY created_at DESC LIMIT $3)) i (author, at)
     WHERE i.at >= $2 AND i.author <> $1 GROUP BY i.author";

/// Posts since `$2` of those whom the viewer `$1` follows (at most `$4`) and of the authors `$3` (at most `$5`), and
/// those of `$6` that the viewer may see (at most `$7`).
const CANDIDATES: &str = concat!(
    "WITH candidates (id, author, created_at) AS (
        (SELECT p.id, p.author, p.created_at
         FROM (SELECT newest.id, newest.author, newest.created_at
               FROM v_graph.follows f
               CROSS JOIN LATERAL (SELECT id, author, created_at FROM v_posts.posts
                    WHERE author = f.followee AND state = 0 AND created_at >= $2 AND visibility <= 1
                    ORDER BY created_at DESC LIMIT $4) newest
               WHERE f.follower = $1 AND f.edge AND f.followee <> $1
               ORDER BY newest.created_at DESC, newest.id OFFSET 0) p
         WHERE ",
    shown!(),
    "    ORDER BY p.created_at DESC, p.id LIMIT $4)
        UNION
        (SELECT p.id, p.author, p.created_at
         FROM (SELECT newest.id, newest.author, newest.created_at, newest.visibility
               FROM unnest($3::uuid[]) close (author)
               CROSS JOIN LATERAL (SELECT id, author, created_at, visibility FROM v_posts.posts
                    WHERE author = close.author AND state = 0 AND created_at >= $2 AND visibility <= 1
                    ORDER BY created_at DESC LIMIT $5) newest
               ORDER BY newest.created_at DESC, newest.id OFFSET 0) p
         WHERE ",
    may_see!(),
    " AND ",
    active!(),
    "    ORDER BY p.created_at DESC, p.id LIMIT $5)
        UNION
        (SELECT p.id, p.author, p.created_at
         FROM unnest($6::uuid[]) WITH ORDINALITY AS trending (id, place)
         JOIN v_posts.posts p ON p.id = trending.id
         WHERE p.state = 0 AND p.author <> $1 AND ",
    may_see!(),
    " AND ",
    active!(),
    "    ORDER BY trending.place LIMIT $7))
     SELECT p.id, p.author, p.created_at, coalesce(c.likes, 0), coalesce(c.comments, 0), ",
    follows!("$1", "p.author"),
    " FROM candidates p LEFT JOIN v_engagement.counts c ON c.target = p.id"
);

/// The formula of [`ranking::trending_score`] chooses which to send; the order is then made of its own values.
const TRENDING: &str = "SELECT p.id, p.created_at, c.likes, c.comments
     FROM (SELECT id, created_at, visibility FROM v_posts.posts WHERE state = 0 AND created_at >= $1
           ORDER BY created_at DESC, id DESC LIMIT $4) p
     JOIN v_engagement.counts c ON c.target = p.id
     WHERE p.visibility = 0 AND c.likes + c.comments > 0
     ORDER BY (c.likes + 2 * c.comments)::float8
                / power(greatest($2 - p.created_at, 0)::float8 / 3600000 + 2, 1.8) DESC,
              p.created_at DESC, p.id
     LIMIT $3";

/// The newest that anyone may see, as far as the post itself says.
const RECENT: &str = "SELECT p.id FROM v_posts.posts p WHERE p.state = 0 AND p.visibility = 0
     ORDER BY p.created_at DESC, p.id DESC LIMIT $1";

/// Posts that are looked at, the newest of the time in which posts trend.
const TRENDING_LOOKED_AT_MAX: i64 = 100_000;

/// More are sent than are asked for, so that the last bit of a score does not decide who is among them.
const TRENDING_MARGIN: usize = 16;

impl Reads {
    pub(super) async fn feed(
        &self,
        viewer: UserId,
        page: &PageRequest,
        now_ms: i64,
    ) -> Result<List<FeedItem>, ViewError> {
        let ttl_ms = self.options.feed_ranking_ttl_ms;
        let epoch = if ttl_ms > 0 { self.relations_version(viewer).await? } else { 0 };
        let question = self.orders.question("feed", viewer.0, epoch, now_ms, ttl_ms);
        let (order, at) = match self.orders.start(&question, page)? {
            Start::Kept(order, at) => (order, at),
            Start::Anew { started_ms, passed, behind } => {
                let candidates = self.feed_candidates(viewer, started_ms, page.after).await?;
                let ranked = ranking::rank(candidates, &self.options.weights, started_ms);
                let places = ranked.into_iter().map(|ranked| Place {
                    id: ranked.post.0,
                    score: ranked.score,
                    reason: ranked.reason,
                });
                let order = self.orders.keep(&question, started_ms, places.collect());
                let at = order.place_behind(passed, behind);
                (order, at)
            }
        };
        let mut showing = Showing::new(order, at, page);
        loop {
            let ids = showing.upcoming();
            if ids.is_empty() {
                return Ok(showing.list(&question));
            }
            let mut cards = by_id(self.cards(viewer, &ids).await?);
            showing.show(ids.len(), |place| {
                let card = cards.remove(&place.id)?;
                Some(FeedItem { card, score: place.score, reason: place.reason })
            });
        }
    }

    pub(super) async fn feed_candidates(
        &self,
        viewer: UserId,
        now_ms: i64,
        after: u64,
    ) -> Result<Vec<Candidate>, ViewError> {
        let since_ms = now_ms.saturating_sub(ranking::AFFINITY_MS);
        let question = || query(INTERACTIONS).bind(viewer.0).bind(since_ms).bind(INTERACTIONS_MAX);
        let mut interactions = HashMap::<Uuid, u64>::new();
        for row in &rows(&self.pool, question).await? {
            let mut columns = Columns::of(row);
            interactions.insert(columns.take()?, columns.count()?);
        }
        let close: Vec<Uuid> = interactions.keys().copied().collect();
        let trending = self.trending_order(now_ms, after).await?;
        let trending: Vec<Uuid> = trending.places.iter().map(|place| place.id).collect();
        let found = rows(&self.pool, || {
            query(CANDIDATES)
                .bind(viewer.0)
                .bind(now_ms.saturating_sub(ranking::FEED_AGE_MAX_MS))
                .bind(&close)
                .bind(ranking::FOLLOWED_MAX as i64)
                .bind(ranking::AFFINITY_MAX as i64)
                .bind(&trending)
                .bind(ranking::TRENDING_MAX as i64)
        })
        .await?;
        let candidates = found.iter().map(|row| {
            let mut columns = Columns::of(row);
            let (post, author): (Uuid, Uuid) = (columns.take()?, columns.take()?);
            let created_at_ms = columns.take()?;
            let engagement = Engagement { likes: columns.count()?, comments: columns.count()?, shares: 0 };
            let interacted = interactions.get(&author).copied();
            let reason = match (columns.take()?, interacted) {
                (true, _) => FeedReason::Following,
                (false, Some(_)) => FeedReason::Affinity,
                (false, None) => FeedReason::Trending,
            };
            let (post, author, interactions) = (PostId(post), UserId(author), interacted.unwrap_or(0));
            Ok(Candidate { post, author, created_at_ms, engagement, interactions, reason })
        });
        candidates.collect()
    }

    pub(super) async fn trending(
        &self,
        viewer: UserId,
        page: &PageRequest,
        now_ms: i64,
    ) -> Result<List<PostCard>, ViewError> {
        let question = self.orders.question("trending", (), 0, now_ms, self.options.trending_ttl_ms);
        let (order, at) = match self.orders.start(&question, page)? {
            Start::Kept(order, at) => (order, at),
            Start::Anew { started_ms, passed, behind } => {
                let order = if page.cursor.is_none() {
                    self.trending_order(started_ms, page.after).await?
                } else {
                    self.orders.keep(&question, started_ms, self.trending_places(started_ms).await?)
                };
                let at = order.place_behind(passed, behind);
                (order, at)
            }
        };
        let mut showing = Showing::new(order, at, page);
        loop {
            let ids = showing.upcoming();
            if ids.is_empty() {
                return Ok(showing.list(&question));
            }
            let mut cards = by_id(self.cards(viewer, &ids).await?);
            showing.show(ids.len(), |place| cards.remove(&place.id));
        }
    }

    /// What trends, perhaps as it was a moment ago.
    async fn trending_order(&self, now_ms: i64, after: u64) -> Result<Arc<Order>, ViewError> {
        let question = self.orders.question("trending", (), 0, now_ms, self.options.trending_ttl_ms);
        if let Some(order) = self.orders.current(&question, after) {
            return Ok(order);
        }
        // One at a time: whoever waited takes what the one before them found.
        let _turn = self.trending_turn.lock().await;
        if let Some(order) = self.orders.current(&question, after) {
            return Ok(order);
        }
        let places = self.trending_places(now_ms).await?;
        Ok(self.orders.keep(&question, now_ms, places))
    }

    async fn trending_places(&self, now_ms: i64) -> Result<Vec<Place>, ViewError> {
        let trending = self.trending_candidates(now_ms, TRENDING_KNOWN_MAX).await?;
        Ok(trending.into_iter().map(|post| Place::of(post.post.0)).collect())
    }

    pub(super) async fn trending_candidates(
        &self,
        now_ms: i64,
        limit: usize,
    ) -> Result<Vec<Trending>, ViewError> {
        let found = rows(&self.pool, || {
            query(TRENDING)
                .bind(now_ms.saturating_sub(ranking::TRENDING_AGE_MAX_MS))
                .bind(now_ms)
                .bind((limit + TRENDING_MARGIN) as i64)
                .bind(TRENDING_LOOKED_AT_MAX)
        })
        .await?;
        let posts = found.iter().map(|row| {
            let mut columns = Columns::of(row);
            Ok(Trending {
                post: PostId(columns.take()?),
                created_at_ms: columns.take()?,
                engagement: Engagement { likes: columns.count()?, comments: columns.count()?, shares: 0 },
            })
        });
        let posts = posts.collect::<Result<Vec<_>, ViewError>>()?;
        Ok(ranking::trending(posts, now_ms, limit))
    }
}

impl Reads {
    pub(super) async fn recent_posts(&self, limit: usize) -> Result<Vec<PostId>, ViewError> {
        let found = rows(&self.pool, || query(RECENT).bind(limit as i64)).await?;
        found.iter().map(|row| Columns::of(row).take().map(PostId)).collect()
    }

    pub(super) async fn ping(&self) -> Result<(), ViewError> {
        rows(&self.pool, || query("SELECT 1")).await.map(drop)
    }
}

pub(super) fn by_id(cards: Vec<PostCard>) -> HashMap<Uuid, PostCard> {
    cards.into_iter().map(|card| (card.id.0, card)).collect()
}
