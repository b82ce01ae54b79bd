//! The views of the distributed profile: three stores, and one reader and writer over them.
//!
//! * Each question goes to the store that answers it best: timelines to Redis, the order of feeds and of what trends to
//!   ClickHouse, everything else to PostgreSQL. What is shown comes from PostgreSQL, which decides at that moment what the
//!   viewer may see; the others only say which posts, in which order.
//! * Feeds, timelines, what trends, whom to know, profiles and messages have ladders: when a store does not answer, the next
//!   source does, and the answer says which (`source`), of when it is (`as_of`) and that a better one should have answered
//!   (`degraded`). Each store is behind a breaker, so that one which is down costs nothing but what it alone knows.
//! * How far the views are is how far the last of the stores that answer is, with every projection and shard that it is
//!   filled from.
//! * To an operator PostgreSQL's projections are `posts` and so on, those of the others `clickhouse/posts`,
//!   `redis/posts`.

mod applied;
mod climb;
mod conversations;
mod feed;
mod health;
mod last_good;
mod messages;
mod names;
mod order;
mod people;
mod shadow;
mod slot;
mod sources;
mod timeline;
mod warm;
mod writer;

pub mod clickhouse;
pub mod from_log;
pub mod postgres;
pub mod redis;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use nova_events::{ConversationId, PostId, UserId};
use nova_resilience::{Breaker, BreakerStatus, Deadline, NextFlight, SingleFlight};
use nova_views::ranking::Weights;
use nova_views::{
    Answer, Comment, Conversation, DeadLetter, Deletion, DeletionQuery, FeedItem, List, Lookup, Message,
    MessageHit, MessageRange, PageRequest, PostCard, Profile, ProfileKey, ViewError, ViewReader,
};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::applied::Applied;
use self::feed::{RankingKey, RankingResult, Recent};
use self::from_log::FromLog;
use self::postgres::PostgresViews;
use self::sources::{Sourced, Sources};
use crate::shard::{Shard, ShardStore};

pub use self::health::StoreHealth;
pub use self::slot::Slot;
pub use self::sources::{GuardsOptions, Stores};
pub use self::writer::qualified;

/// How long the log may take to answer in the place of a view.
const LOG_PATIENCE: Duration = Duration::from_millis(500);

/// Settings of the reader over all stores.
#[derive(Debug, Clone)]
pub struct ViewsOptions {
    pub weights: Weights,
    /// A ranked feed is kept for its viewer, in this process, for so long, unless they follow or block someone meanwhile.
    pub feed_ranking_ttl_ms: i64,
    /// For so much longer such a ranking, or what trends, is given at once and worked out anew behind the answer.
    pub stale_ms: i64,
    /// All such rankings together, by number.
    pub feed_rankings_max: usize,
    /// How long the order that a cursor of a feed goes through is kept in Redis. After that it is worked out again, as of
    /// when it began.
    pub session_ttl_ms: u64,
    /// How long an answer may take, with all rungs of its ladder.
    pub read_ms_max: u64,
    /// Good pages are kept for an outage at most this often for each viewer, and for so long.
    pub keep_interval_ms: u64,
    pub page_ttl_ms: u64,
    /// The page of someone who is active is made anew when it is older than this. 0: never.
    pub warm_after_ms: u64,
    /// The share of reads beside which the lower rungs are asked too; 0 to 1.
    pub shadow_share: f64,
    /// Whoever waits for a position has PostgreSQL and Redis asked this often how far they are, together with all others
    /// who wait.
    pub applied_interval_ms: u64,
    /// The same for ClickHouse, to which a question costs more.
    pub applied_clickhouse_interval_ms: u64,
    pub guards: GuardsOptions,
}

impl Default for ViewsOptions {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            feed_ranking_ttl_ms: 0,
            stale_ms: 10_000,
            feed_rankings_max: 10_000,
            session_ttl_ms: 600_000,
            read_ms_max: 3_000,
            keep_interval_ms: 30_000,
            page_ttl_ms: 3_600_000,
            warm_after_ms: 300_000,
            shadow_share: 0.01,
            applied_interval_ms: 5,
            applied_clickhouse_interval_ms: 25,
            guards: GuardsOptions::default(),
        }
    }
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
    sources: Sources,
    /// The last source of messages.
    log: Option<FromLog>,
    applied: Applied,
    rankings: Cache<uuid::Uuid, Recent>,
    ranking_flights: SingleFlight<RankingKey, RankingResult>,
    /// How far Redis is, for those who have just read marks there.
    redis_reaches: NextFlight<Result<u64, ViewError>>,
    trending_anew: Arc<feed::Anew>,
    /// What trended last.
    trending: Mutex<Option<order::Ranking>>,
    /// Rankings that are worked out behind answers at once: the other half of the questions that ClickHouse may be asked
    /// is for those who wait.
    behind: Semaphore,
    /// Pages that were kept a moment ago, by name.
    kept_lately: Cache<String, Instant>,
    keeping: Arc<Semaphore>,
    shadows: Arc<Semaphore>,
    active: warm::Active,
    options: ViewsOptions,
}

impl Views {
    /// `waits_for` says for each store from which shards each of its projections is filled. `log` answers for messages
    /// when nothing else does.
    pub fn new(
        stores: Stores,
        log: Option<FromLog>,
        waits_for: Vec<(Arc<dyn ShardStore>, Expected)>,
        options: ViewsOptions,
    ) -> Self {
        let sources = Sources::new(stores, options.guards.clone());
        let applied = Applied::new(waits_for, &options);
        let shared = Arc::new(Shared {
            sources,
            log,
            applied,
            rankings: Cache::new(options.feed_rankings_max.max(1)),
            ranking_flights: SingleFlight::new("feed_ranking"),
            redis_reaches: NextFlight::new("redis_reaches"),
            trending_anew: Arc::default(),
            trending: Mutex::default(),
            behind: Semaphore::new((options.guards.clickhouse.calls_max / 2).max(1)),
            kept_lately: Cache::new(last_good::LATELY_MAX),
            keeping: Arc::new(Semaphore::new(last_good::KEEPING_MAX)),
            shadows: Arc::new(Semaphore::new(shadow::SHADOWS_MAX)),
            active: warm::Active::default(),
            options,
        });
        tokio::spawn(warm::run(Arc::downgrade(&shared)));
        tokio::spawn(warm::probe(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Has all stores that answer asked how far they are.
    pub async fn refresh_applied(&self) -> Result<u64, ViewError> {
        self.shared.applied.ask_all(self.sources()).await
    }

    /// How the breakers between this process and the stores are doing.
    pub fn breakers(&self) -> Vec<BreakerStatus> {
        self.sources().breakers()
    }

    /// The breaker of one store, by the name that it has in metrics.
    pub fn breaker(&self, store: &str) -> Option<&Breaker> {
        self.sources().breaker(store)
    }

    fn sources(&self) -> &Sources {
        &self.shared.sources
    }

    /// An answer, in the time that there is for one; counted.
    async fn answered<T>(&self, ladder: &'static str, work: BoxFuture<'_, Answered<T>>) -> Answered<T> {
        let deadline = Deadline::current_within(Duration::from_millis(self.shared.options.read_ms_max));
        let answer = deadline.scope(work).await;
        let source = answer.as_ref().map_or("none", |answer| answer.source);
        metrics::counter!(names::ANSWERS, "ladder" => ladder, "source" => source).increment(1);
        answer
    }

    /// From PostgreSQL, which alone knows.
    async fn plain<T, F>(&self, ask: impl Fn(PostgresViews) -> F + Send) -> Result<T, ViewError>
    where
        F: Future<Output = Result<T, ViewError>> + Send,
    {
        let asked: Sourced<T> = self.sources().postgres(ask).await;
        asked.map_err(|failure| failure.error)
    }
}

type Answered<T> = Result<Answer<T>, ViewError>;

#[async_trait::async_trait]
impl ViewReader for Views {
    fn applied(&self) -> u64 {
        let views = self.clone();
        self.shared.applied.refresh(async move { views.shared.applied.refreshed(views.sources()).await });
        self.shared.applied.known()
    }

    /// Stores are asked as a whole: a store is as far as the last of its projections and shards.
    fn applied_by_source(&self, _projections: &[&'static str]) -> Vec<(&'static str, u64)> {
        let _refreshed = self.applied();
        self.shared.applied.by_source()
    }

    async fn wait_applied(&self, position: u64, patience: Duration) -> Result<(), ViewError> {
        self.shared.applied.wait(self.sources(), position, patience).await
    }

    async fn feed(&self, viewer: UserId, page: PageRequest, now: DateTime<Utc>) -> Answered<List<FeedItem>> {
        let began = Instant::now();
        let answer = self.answered("feed", self.feed_down(viewer, &page, now).boxed()).await;
        let source = answer.as_ref().map_or("none", |answer| answer.source);
        metrics::histogram!(names::FEED_SECONDS, "source" => source).record(began.elapsed().as_secs_f64());
        answer
    }

    async fn timeline(&self, viewer: UserId, page: PageRequest) -> Answered<List<PostCard>> {
        self.answered("timeline", self.timeline_down(viewer, &page).boxed()).await
    }

    async fn trending(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<PostCard>> {
        self.answered("trending", self.trending_down(viewer, &page, now).boxed()).await
    }

    async fn post(&self, viewer: UserId, post: PostId) -> Answered<Lookup<PostCard>> {
        self.plain(|postgres| async move { postgres.post(viewer, post).await }).await
    }

    async fn comments(
        &self,
        viewer: UserId,
        post: PostId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Comment>>> {
        let page = &page;
        self.plain(|postgres| async move { postgres.comments(viewer, post, page.clone()).await }).await
    }

    async fn profile(&self, viewer: UserId, key: ProfileKey) -> Answered<Lookup<Profile>> {
        self.answered("profile", self.profile_down(viewer, key).boxed()).await
    }

    async fn posts_of(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<PostCard>>> {
        let page = &page;
        self.plain(|postgres| async move { postgres.posts_of(viewer, user, page.clone()).await }).await
    }

    async fn followers(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        let page = &page;
        self.plain(|postgres| async move { postgres.followers(viewer, user, page.clone()).await }).await
    }

    async fn following(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        let page = &page;
        self.plain(|postgres| async move { postgres.following(viewer, user, page.clone()).await }).await
    }

    async fn blocks(&self, viewer: UserId, page: PageRequest) -> Answered<List<Profile>> {
        let page = &page;
        self.plain(|postgres| async move { postgres.blocks(viewer, page.clone()).await }).await
    }

    async fn discover(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<Profile>> {
        self.answered("discover", self.discover_down(viewer, page, now).boxed()).await
    }

    async fn search(&self, viewer: UserId, text: &str, page: PageRequest) -> Answered<List<PostCard>> {
        let page = &page;
        self.plain(|postgres| async move { postgres.search(viewer, text, page.clone()).await }).await
    }

    async fn conversations(&self, viewer: UserId, page: PageRequest) -> Answered<List<Conversation>> {
        let page = &page;
        self.plain(|postgres| async move { postgres.conversations(viewer, page.clone()).await }).await
    }

    async fn conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Answered<Lookup<Conversation>> {
        self.plain(|postgres| async move { postgres.conversation(viewer, conversation).await }).await
    }

    async fn messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Answered<Lookup<Vec<Message>>> {
        self.answered("messages", self.messages_down(viewer, conversation, range, limit).boxed()).await
    }

    async fn search_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        text: &str,
        page: PageRequest,
    ) -> Answered<Lookup<List<MessageHit>>> {
        let page = &page;
        self.plain(|postgres| async move {
            postgres.search_messages(viewer, conversation, text, page.clone()).await
        })
        .await
    }

    async fn deletions(&self, query: DeletionQuery, page: PageRequest) -> Answered<List<Deletion>> {
        let (query, page) = (&query, &page);
        self.plain(|postgres| async move { postgres.deletions(query.clone(), page.clone()).await }).await
    }

    async fn purgeable_posts(
        &self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<PostId>, ViewError> {
        self.plain(|postgres| async move { postgres.purgeable_posts(deleted_before, limit).await }).await
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
