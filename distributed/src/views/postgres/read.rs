//! Questions, each answered by a statement or two over the live views.
//!
//! * What a viewer may see (blocks both ways, closed accounts, visibility, deletion) is decided by the statement that
//!   reads it: every answer is as of that moment, whatever was remembered of earlier ones.

mod applied;
mod ask;
mod audit;
mod comments;
mod conversations;
mod discover;
mod feed;
mod frozen;
mod lists;
mod people;
mod posts;
mod relations;
mod search;
mod timeline;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::{ConversationId, PostId, UserId};
use nova_views::ranking::{Candidate, Trending, Weights};
use nova_views::{
    Answer, Comment, Conversation, Deletion, DeletionQuery, FeedItem, List, Lookup, Message, MessageHit,
    MessageRange, PageRequest, PostCard, Profile, ProfileKey, ViewError, ViewReader, projection,
};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use super::PostgresViews;
use super::cursors::Cursors;
use crate::postgres::sessions::{self, Purpose};
use crate::shard::Shard;
use applied::Applied;
use frozen::Orders;

/// The name by which answers say where they come from.
const SOURCE: &str = "postgres";

/// Settings of the questions.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Connections for questions, apart from those that write. Further questions wait for one.
    pub connections_max: u32,
    /// How long a question waits for a connection before the answer is that the store is unavailable.
    pub connection_wait_ms: u64,
    /// PostgreSQL gives a question up after this: the caller has turned to another source by then.
    pub statement_timeout_ms: u64,
    pub weights: Weights,
    /// A ranked feed is kept for its viewer for so long, unless they follow or block someone meanwhile. What appears
    /// after it was ranked is in the next one; what is hidden after it was ranked is left out at once.
    pub feed_ranking_ttl_ms: i64,
    /// The same for what trends, for all viewers together, and for whom a viewer may know.
    pub trending_ttl_ms: i64,
    /// How long the order that a cursor goes through is kept. After that it is computed again, as of when it began.
    pub session_ttl_ms: u64,
    /// All such orders together.
    pub session_bytes: usize,
    /// Whose cursors tell how far the views are: every projection, in every shard that it is filled from.
    pub expected: Vec<(&'static str, Shard)>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            connections_max: 16,
            connection_wait_ms: 2_000,
            statement_timeout_ms: 2_000,
            weights: Weights::default(),
            feed_ranking_ttl_ms: 10_000,
            trending_ttl_ms: 2_000,
            session_ttl_ms: 600_000,
            session_bytes: 64 << 20,
            expected: projection::ALL.map(|name| (name, Shard::whole())).to_vec(),
        }
    }
}

/// What questions are asked with.
#[derive(Debug)]
pub(super) struct Reads {
    pool: PgPool,
    options: ReadOptions,
    orders: Orders,
    /// Whoever holds it works out what trends.
    trending_turn: tokio::sync::Mutex<()>,
    applied: Applied,
}

impl Reads {
    /// With connections of its own to the server of `writers`, opened when they are first needed.
    pub(super) fn new(writers: &PgPool, cursors: Arc<Cursors>, options: ReadOptions) -> Self {
        let connection =
            writers.connect_options().as_ref().clone().application_name("nova-views-read").options([
                ("statement_timeout", options.statement_timeout_ms.to_string()),
                // Questions go by index from few rows to few rows. A plan is made once for each connection and statement, and
                // the one that was made while a table was empty must still be good when it is large. Nothing here is worth
                // compiling, or a second process.
                ("enable_seqscan", "off".to_owned()),
                ("enable_hashjoin", "off".to_owned()),
                ("enable_mergejoin", "off".to_owned()),
                ("plan_cache_mode", "force_generic_plan".to_owned()),
                ("jit", "off".to_owned()),
                ("max_parallel_workers_per_gather", "0".to_owned()),
            ]);
        let pool = sessions::pool(Purpose::Reading)
            .max_connections(options.connections_max.max(1))
            .acquire_timeout(Duration::from_millis(options.connection_wait_ms.max(1)))
            .connect_lazy_with(connection);
        let (orders, applied) = (Orders::new(&options), Applied::new(cursors, options.expected.clone()));
        Self { pool, options, orders, trending_turn: tokio::sync::Mutex::default(), applied }
    }
}

/// For readers that are put together of several stores.
impl PostgresViews {
    fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The same views, asked over connections of their own, with limits of their own.
    pub fn apart(&self, options: ReadOptions) -> Self {
        let reads = Reads::new(&self.shared.pool, Arc::clone(&self.shared.cursors), options);
        Self { shared: Arc::clone(&self.shared), reads: Arc::new(reads) }
    }

    /// Changes whenever someone follows, blocks, or leaves someone.
    pub async fn relations_version(&self, viewer: UserId) -> Result<i64, ViewError> {
        self.reads().relations_version(viewer).await
    }

    /// The newest public posts of all, newest first.
    pub async fn recent_posts(&self, limit: usize) -> Result<Vec<PostId>, ViewError> {
        self.reads().recent_posts(limit).await
    }

    /// Asks the server something cheap.
    pub async fn ping(&self) -> Result<(), ViewError> {
        self.reads().ping().await
    }

    /// What the viewer may see of these posts now, in the order asked.
    pub async fn cards(&self, viewer: UserId, posts: &[PostId]) -> Result<Vec<PostCard>, ViewError> {
        let ids: Vec<Uuid> = posts.iter().map(|post| post.0).collect();
        self.reads().cards(viewer, &ids).await
    }

    /// Where the posts of the viewer and their followees stand that the viewer may see: newest first, those behind
    /// `before`, at most `limit`.
    pub async fn timeline_places(
        &self,
        viewer: UserId,
        before: Option<(i64, PostId)>,
        limit: usize,
    ) -> Result<Vec<(i64, PostId)>, ViewError> {
        let before = before.map(|(created_at_ms, post)| (created_at_ms, post.0));
        let places = self.reads().timeline_places(viewer, before, limit).await?;
        Ok(places.into_iter().map(|(created_at_ms, id)| (created_at_ms, PostId(id))).collect())
    }

    /// Whom someone follows, in order of their ids.
    pub async fn followees(&self, user: UserId) -> Result<Vec<UserId>, ViewError> {
        Ok(self.reads().followees(user).await?.into_iter().map(UserId).collect())
    }

    /// Those of `users` whom someone follows.
    pub async fn followed_among(&self, user: UserId, users: &[UserId]) -> Result<Vec<UserId>, ViewError> {
        let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        Ok(self.reads().followed_among(user, &users).await?.into_iter().map(UserId).collect())
    }

    /// Whom the viewer may know because of whom they follow, best first, as [`nova_views::discover`] says.
    pub async fn discover_graph(&self, viewer: UserId, now: DateTime<Utc>) -> Result<Vec<UserId>, ViewError> {
        self.reads().discover_graph(viewer, now.timestamp_millis()).await
    }

    /// Those with most followers whom the viewer neither follows nor dismissed nor blocks or is blocked by, at most
    /// `limit`.
    pub async fn discover_popular(&self, viewer: UserId, limit: usize) -> Result<Vec<UserId>, ViewError> {
        self.reads().discover_popular(viewer, limit).await
    }

    /// Those of `users` who may be suggested to the viewer now, in the order asked.
    pub async fn suggestions(&self, viewer: UserId, users: &[UserId]) -> Result<Vec<Profile>, ViewError> {
        let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        self.reads().suggestions(viewer, &ids).await
    }

    /// What may be in someone's feed, as [`nova_views::ranking`] says.
    pub async fn feed_candidates(
        &self,
        viewer: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Candidate>, ViewError> {
        self.reads().feed_candidates(viewer, now.timestamp_millis(), 0).await
    }

    /// What trends, best first, whoever asks.
    pub async fn trending_candidates(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Trending>, ViewError> {
        self.reads().trending_candidates(now.timestamp_millis(), limit).await
    }
}

type Answered<T> = Result<Answer<T>, ViewError>;

/// The answer holds what was committed when the question came, if not more.
async fn answer<T>(question: impl Future<Output = Result<T, ViewError>> + Send) -> Answered<T> {
    let as_of = Utc::now();
    Ok(Answer { value: question.await?, source: SOURCE, as_of, degraded: false })
}

fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

#[async_trait::async_trait]
impl ViewReader for PostgresViews {
    fn applied(&self) -> u64 {
        let views = self.clone();
        self.reads().applied.refresh(async move { views.reads().applied.refreshed(&views).await });
        self.reads().applied.known()
    }

    async fn wait_applied(&self, position: u64, patience: Duration) -> Result<(), ViewError> {
        self.reads().applied.wait(self, position, patience).await
    }

    async fn feed(&self, viewer: UserId, page: PageRequest, now: DateTime<Utc>) -> Answered<List<FeedItem>> {
        answer(self.reads().feed(viewer, &page, now.timestamp_millis())).await
    }

    async fn timeline(&self, viewer: UserId, page: PageRequest) -> Answered<List<PostCard>> {
        answer(self.reads().timeline(viewer, &page)).await
    }

    async fn post(&self, viewer: UserId, post: PostId) -> Answered<Lookup<PostCard>> {
        answer(self.reads().post(viewer, post)).await
    }

    async fn comments(
        &self,
        viewer: UserId,
        post: PostId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Comment>>> {
        answer(self.reads().comments(viewer, post, &page)).await
    }

    async fn profile(&self, viewer: UserId, key: ProfileKey) -> Answered<Lookup<Profile>> {
        answer(self.reads().profile(viewer, &key)).await
    }

    async fn posts_of(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<PostCard>>> {
        answer(self.reads().posts_of(viewer, user, &page)).await
    }

    async fn followers(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        answer(self.reads().followers(viewer, user, &page)).await
    }

    async fn following(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        answer(self.reads().following(viewer, user, &page)).await
    }

    async fn blocks(&self, viewer: UserId, page: PageRequest) -> Answered<List<Profile>> {
        answer(self.reads().blocks(viewer, &page)).await
    }

    async fn trending(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<PostCard>> {
        answer(self.reads().trending(viewer, &page, now.timestamp_millis())).await
    }

    async fn discover(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<Profile>> {
        answer(Box::pin(self.reads().discover(viewer, &page, now.timestamp_millis()))).await
    }

    async fn search(&self, viewer: UserId, text: &str, page: PageRequest) -> Answered<List<PostCard>> {
        answer(self.reads().search(viewer, text, &page, now_ms())).await
    }

    async fn conversations(&self, viewer: UserId, page: PageRequest) -> Answered<List<Conversation>> {
        answer(self.reads().conversations(viewer, &page)).await
    }

    async fn conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Answered<Lookup<Conversation>> {
        answer(self.reads().conversation(viewer, conversation)).await
    }

    async fn messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Answered<Lookup<Vec<Message>>> {
        answer(self.reads().messages(viewer, conversation, range, limit)).await
    }

    async fn search_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        text: &str,
        page: PageRequest,
    ) -> Answered<Lookup<List<MessageHit>>> {
        answer(self.reads().search_messages(viewer, conversation, text, &page)).await
    }

    async fn deletions(&self, query: DeletionQuery, page: PageRequest) -> Answered<List<Deletion>> {
        answer(self.reads().deletions(&query, &page)).await
    }

    async fn purgeable_posts(
        &self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<PostId>, ViewError> {
        self.reads().purgeable_posts(deleted_before, limit).await
    }
}
