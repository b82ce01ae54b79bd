//! The views of the distributed profile: three stores, and one reader and writer over them.
//!
//! * Each question goes to the store that answers it best: timelines to Redis, the order of feeds and of what trends to
//!   ClickHouse, everything else to PostgreSQL. What is shown always comes from PostgreSQL, which decides at that moment
//!   what the viewer may see; the others only say which posts, in which order.
//! * How far the views are is how far the last of the stores is, with every projection and shard that it is filled from.
//! * To an operator PostgreSQL's projections are `posts` and so on, those of the others `clickhouse/posts`,
//!   `redis/posts`.

mod applied;
mod frozen;
mod timeline;
mod writer;

pub mod clickhouse;
pub mod postgres;
pub mod redis;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::{ConversationId, PostId, UserId};
use nova_views::ranking::{self, Weights};
use nova_views::{
    Answer, Comment, Conversation, DeadLetter, Deletion, DeletionQuery, FeedItem, FeedReason, List, Lookup,
    Message, MessageRange, PageRequest, PostCard, Profile, ProfileKey, ViewError, ViewReader,
};

use self::applied::Applied;
use self::clickhouse::ClickHouseViews;
use self::frozen::Question;
use self::postgres::PostgresViews;
use self::redis::{Frozen, RedisViews};
use crate::shard::{Shard, ShardStore};

/// Trending posts that are known at a time, for all viewers.
const TRENDING_KNOWN_MAX: usize = 1_000;

/// Settings of the reader over all stores.
#[derive(Debug, Clone)]
pub struct ViewsOptions {
    pub weights: Weights,
    /// How long the order that a cursor of a feed goes through is kept in Redis. After that it is worked out again, as of
    /// when it began.
    pub session_ttl_ms: u64,
    /// Whoever waits for a position has PostgreSQL and Redis asked this often how far they are, together with all others
    /// who wait.
    pub applied_interval_ms: u64,
    /// The same for ClickHouse, to which a question costs more.
    pub applied_clickhouse_interval_ms: u64,
}

impl Default for ViewsOptions {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            session_ttl_ms: 600_000,
            applied_interval_ms: 5,
            applied_clickhouse_interval_ms: 25,
        }
    }
}

/// The stores, open.
#[derive(Debug, Clone)]
pub struct Stores {
    pub postgres: PostgresViews,
    pub clickhouse: ClickHouseViews,
    pub redis: RedisViews,
}

/// Projections of a store, each with a shard that it is filled from.
pub type Expected = Vec<(&'static str, Shard)>;

/// All views of the distributed profile. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Views {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stores: Stores,
    applied: Applied,
    options: ViewsOptions,
}

impl Views {
    /// `waits_for` says for each store from which shards each of its projections is filled.
    pub fn new(
        stores: Stores,
        waits_for: Vec<(Arc<dyn ShardStore>, Expected)>,
        options: ViewsOptions,
    ) -> Self {
        let applied = Applied::new(waits_for, &options);
        Self { shared: Arc::new(Shared { stores, applied, options }) }
    }

    /// Has all stores asked how far they are.
    pub async fn refresh_applied(&self) -> Result<u64, ViewError> {
        self.shared.applied.ask_all().await
    }

    fn postgres(&self) -> &PostgresViews {
        &self.shared.stores.postgres
    }

    /// The order of someone's feed, as of a time.
    async fn ranked(&self, viewer: UserId, now: DateTime<Utc>) -> Result<Vec<Frozen>, ViewError> {
        let candidates = self.shared.stores.clickhouse.feed_candidates(viewer, now).await?;
        let ranked = ranking::rank(candidates, &self.shared.options.weights, now.timestamp_millis());
        let place = |one: ranking::Ranked| Frozen { id: one.post.0, score: one.score, reason: one.reason };
        Ok(ranked.into_iter().map(place).collect())
    }

    async fn trending_now(&self, now: DateTime<Utc>) -> Result<Vec<Frozen>, ViewError> {
        let trending = self.shared.stores.clickhouse.trending(now, TRENDING_KNOWN_MAX).await?;
        let place =
            |one: ranking::Trending| Frozen { id: one.post.0, score: 0.0, reason: FeedReason::Trending };
        Ok(trending.into_iter().map(place).collect())
    }
}

type Answered<T> = Result<Answer<T>, ViewError>;

#[async_trait::async_trait]
impl ViewReader for Views {
    fn applied(&self) -> u64 {
        let views = self.clone();
        self.shared.applied.refresh(async move { views.shared.applied.refreshed().await });
        self.shared.applied.known()
    }

    async fn wait_applied(&self, position: u64, patience: Duration) -> Result<(), ViewError> {
        self.shared.applied.wait(position, patience).await
    }

    async fn feed(&self, viewer: UserId, page: PageRequest, now: DateTime<Utc>) -> Answered<List<FeedItem>> {
        let as_of = Utc::now();
        let question = Question::new("feed", format!("feed:{viewer}"), now);
        let value = self
            .frozen_page(
                viewer,
                &question,
                &page,
                |at| self.ranked(viewer, at),
                |place, card| FeedItem { card, score: place.score, reason: place.reason },
            )
            .await?;
        Ok(Answer { value, source: "clickhouse", as_of, degraded: false })
    }

    async fn timeline(&self, viewer: UserId, page: PageRequest) -> Answered<List<PostCard>> {
        self.home(viewer, &page).await
    }

    async fn trending(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<PostCard>> {
        let as_of = Utc::now();
        let question = Question::new("trending", "trending".to_owned(), now);
        let value =
            self.frozen_page(viewer, &question, &page, |at| self.trending_now(at), |_, card| card).await?;
        Ok(Answer { value, source: "clickhouse", as_of, degraded: false })
    }

    async fn post(&self, viewer: UserId, post: PostId) -> Answered<Lookup<PostCard>> {
        self.postgres().post(viewer, post).await
    }

    async fn comments(
        &self,
        viewer: UserId,
        post: PostId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Comment>>> {
        self.postgres().comments(viewer, post, page).await
    }

    async fn profile(&self, viewer: UserId, key: ProfileKey) -> Answered<Lookup<Profile>> {
        self.postgres().profile(viewer, key).await
    }

    async fn posts_of(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<PostCard>>> {
        self.postgres().posts_of(viewer, user, page).await
    }

    async fn followers(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        self.postgres().followers(viewer, user, page).await
    }

    async fn following(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        self.postgres().following(viewer, user, page).await
    }

    async fn blocks(&self, viewer: UserId, page: PageRequest) -> Answered<List<Profile>> {
        self.postgres().blocks(viewer, page).await
    }

    async fn discover(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<Profile>> {
        self.postgres().discover(viewer, page, now).await
    }

    async fn search(&self, viewer: UserId, text: &str, page: PageRequest) -> Answered<List<PostCard>> {
        self.postgres().search(viewer, text, page).await
    }

    async fn conversations(&self, viewer: UserId, page: PageRequest) -> Answered<List<Conversation>> {
        self.postgres().conversations(viewer, page).await
    }

    async fn conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Answered<Lookup<Conversation>> {
        self.postgres().conversation(viewer, conversation).await
    }

    async fn messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Answered<Lookup<Vec<Message>>> {
        self.postgres().messages(viewer, conversation, range, limit).await
    }

    async fn search_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        text: &str,
        page: PageRequest,
    ) -> Answered<Lookup<List<Message>>> {
        self.postgres().search_messages(viewer, conversation, text, page).await
    }

    async fn deletions(&self, query: DeletionQuery, page: PageRequest) -> Answered<List<Deletion>> {
        self.postgres().deletions(query, page).await
    }

    async fn purgeable_posts(
        &self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<PostId>, ViewError> {
        self.postgres().purgeable_posts(deleted_before, limit).await
    }
}

/// In order of position, about `limit`: letters of one position belong together, going on behind it must miss none.
fn first_letters(mut all: Vec<DeadLetter>, limit: usize) -> Vec<DeadLetter> {
    all.sort_by_key(|letter| letter.position);
    let end = all.get(limit).map(|letter| letter.position);
    if let Some(end) = end {
        let cut = all.iter().position(|letter| letter.position == end).unwrap_or(limit);
        all.truncate(if cut == 0 { limit } else { cut });
    }
    all
}
