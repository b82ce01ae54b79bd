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
//!
//! What a process still has in memory is given before it waits for anybody: a ranking that is somewhat too old is the answer,
//! and is worked out anew behind it (stale-while-revalidate, RFC 5861); one that is older than that is `last_good`, and needs
//! no store but PostgreSQL.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use nova_events::envelope::time_of_ms;
use nova_events::{PostId, UserId};
use nova_views::ranking;
use nova_views::{Answer, FeedItem, FeedReason, List, PageRequest, PostCard, ViewError};
use tokio::sync::Notify;
use uuid::Uuid;

use super::clickhouse::{Candidates, KnownTrending};
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
    holds: u64,
    ranking: Ranking,
    anew: Arc<Anew>,
}

/// Of what use something is that was worked out a while ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// It is the answer.
    Fresh,
    /// It is the answer once more, and is worked out anew behind it.
    Stale,
    /// It is better than nothing.
    Remembered,
    /// It is too old, or of a later time than is asked for, or nothing newer is to be had.
    Useless,
}

/// What is worked out anew off the answers' path, by one for all.
#[derive(Debug, Default)]
pub(super) struct Anew {
    is_under_way: AtomicBool,
    done: Notify,
}

impl Anew {
    /// Begins it, unless somebody has.
    fn begin(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) -> bool {
        if self.is_under_way.swap(true, Ordering::Relaxed) {
            return false;
        }
        let under_way = UnderWay(Arc::clone(self));
        tokio::spawn(async move {
            work.await;
            drop(under_way);
        });
        true
    }

    /// Begins it, and waits a moment for it, unless somebody has: one who waits is enough to find out how long it takes.
    async fn begin_and_wait(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let mut done = pin!(self.done.notified());
        done.as_mut().enable();
        if self.begin(work) {
            // Too late is no failure: it goes on.
            drop(tokio::time::timeout(ANEW_PATIENCE, done).await);
        }
    }
}

/// However it ends, whoever still finds it too old begins again.
struct UnderWay(Arc<Anew>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.is_under_way.store(false, Ordering::Relaxed);
        self.0.done.notify_waiters();
    }
}

/// What a process has in memory of something.
enum InMemory<T> {
    /// This is the answer; what was found first was of this age.
    Answer(T, Age),
    /// It is worked out anew, which takes longer than somebody waits who has an older one.
    BeingWorkedOut,
    Nothing,
}

impl<T> InMemory<T> {
    /// `known`: what is there, its age, and by whom it is worked out anew, which is by doing `again`.
    async fn of<W>(known: impl Fn() -> Option<(T, Age, Arc<Anew>)>, again: impl FnOnce() -> W) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let Some((found, age, anew)) = known() else { return Self::Nothing };
        match age {
            Age::Fresh => Self::Answer(found, age),
            Age::Stale => {
                anew.begin(again());
                Self::Answer(found, age)
            }
            // Many are, when a store that everybody needs comes back: they are worked out one after the other.
            Age::Remembered => {
                anew.begin_and_wait(again()).await;
                match known() {
                    Some((found, Age::Fresh, _)) => Self::Answer(found, age),
                    Some(_) | None => Self::BeingWorkedOut,
                }
            }
            Age::Useless => Self::Nothing,
        }
    }
}

/// Whoever has something older to show waits no longer for what is new.
const ANEW_PATIENCE: Duration = Duration::from_millis(150);

/// A kept order of this age is as good as any that Redis may have.
const REMEMBERED_YOUNG_MS: i64 = 60_000;

/// Whose, for which relations, holding the log up to where: whoever wants more than others does not wait for theirs.
pub(super) type RankingKey = (Uuid, i64, u64);
pub(super) type RankingResult = Result<Ranked, SourceError>;

/// A ranking as it was worked out, and up to where it holds the log.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    places: Arc<[Frozen]>,
    holds: u64,
}

fn item_of(place: &Frozen, card: PostCard) -> FeedItem {
    FeedItem { card, score: place.score, reason: place.reason }
}

/// A place of a rung that ranks nothing.
pub(super) fn unranked(post: PostId, reason: FeedReason) -> Frozen {
    Frozen { id: post.0, score: 0.0, reason }
}

fn trending_ranking(
    trending: impl IntoIterator<Item = ranking::Trending>,
    rung: &'static str,
    as_of: DateTime<Utc>,
) -> Ranking {
    let places = trending.into_iter().map(|one| unranked(one.post, FeedReason::Trending)).collect();
    Ranking::new(places, rung, as_of)
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
            self.rank_ahead(viewer, now);
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
        let ranked = self.ranked(viewer, at, after);
        if let Some(ranking) = climb.rung("clickhouse", &[Source::ClickHouse], ranked).await? {
            return Ok(Some(ranking));
        }
        let remembered = self.remembered_feed(viewer, at);
        let is_young = |ranking: &Ranking| (at - ranking.as_of).num_milliseconds() < REMEMBERED_YOUNG_MS;
        if let Some(ranking) = remembered.clone().filter(is_young) {
            return climb.rung("last_good", &[], async { Ok(Some(ranking)) }).await;
        }
        // Another process may have ranked it since.
        let newer = async {
            let kept = self.kept_feed_order(viewer).await?;
            Ok(kept.into_iter().chain(remembered.clone()).max_by_key(|ranking| ranking.as_of))
        };
        if let Some(ranking) = climb.rung("last_good", &[Source::Redis], newer).await? {
            return Ok(Some(ranking));
        }
        if remembered.is_some() {
            return climb.rung("last_good", &[], async { Ok(remembered) }).await;
        }
        let timeline = self.timeline_order(viewer);
        if let Some(ranking) = climb.rung("redis", &[Source::Redis], timeline).await? {
            return Ok(Some(ranking));
        }
        let followees = self.followees_order(viewer);
        if let Some(ranking) = climb.rung("postgres", &[Source::Fallback], followees).await? {
            return Ok(Some(ranking));
        }
        if let Some(ranking) = climb.rung("recent", &[Source::Fallback], self.recent_order()).await? {
            return Ok(Some(ranking));
        }
        // Better than nothing is what trends for everybody.
        let trending = self.remembered_trending(at);
        let trending = trending.map(|all| Ranking::new(all.places, all.rung, all.as_of));
        climb.rung("last_good", &[], async { Ok(trending) }).await
    }

    /// The order of someone's feed as of a time, or as it was a moment before, unless they follow or block someone since, or
    /// it has to hold more of the log. `None`: it is being worked out anew, which takes longer than somebody waits who has an
    /// older one.
    async fn ranked(&self, viewer: UserId, now: DateTime<Utc>, after: u64) -> Sourced<Option<Ranking>> {
        let ttl_ms = self.shared.options.feed_ranking_ttl_ms;
        if ttl_ms == 0 {
            return self.ranked_anew(viewer, now, 0, after).await.map(Some);
        }
        let version = self
            .sources()
            .postgres(|postgres| async move { postgres.relations_version(viewer).await })
            .await?;
        let known = || {
            let recent = self.shared.rankings.get(&viewer.0)?;
            let age = self.age(recent.ranking.as_of, now, ttl_ms);
            let is_of_use = recent.version == version && recent.holds >= after;
            is_of_use.then_some((recent.ranking, age, recent.anew))
        };
        let count = |event: &'static str| metrics::counter!(names::FEED_CACHE, "event" => event).increment(1);
        match InMemory::of(known, || self.clone().rank_behind(viewer, now, version)).await {
            InMemory::Answer(ranking, age) => {
                count(match age {
                    Age::Fresh => "hit",
                    Age::Stale => "stale",
                    Age::Remembered | Age::Useless => "miss",
                });
                Ok(Some(ranking))
            }
            InMemory::BeingWorkedOut => {
                count("miss");
                Ok(None)
            }
            InMemory::Nothing => {
                count("miss");
                self.ranked_anew(viewer, now, version, after).await.map(Some)
            }
        }
    }

    /// How what was worked out then is of use now. While ClickHouse is known to be away nobody waits for anything new.
    fn age(&self, as_of: DateTime<Utc>, now: DateTime<Utc>, ttl_ms: i64) -> Age {
        let age_ms = (now - as_of).num_milliseconds();
        if (0..ttl_ms).contains(&age_ms) {
            Age::Fresh
        } else if age_ms < 0 || self.sources().is_out(Source::ClickHouse) {
            Age::Useless
        } else if age_ms < ttl_ms.saturating_add(self.shared.options.stale_ms) {
            Age::Stale
        } else if self.is_remembered(as_of, now) {
            Age::Remembered
        } else {
            Age::Useless
        }
    }

    async fn ranked_anew(
        &self,
        viewer: UserId,
        now: DateTime<Utc>,
        version: i64,
        after: u64,
    ) -> Sourced<Ranking> {
        let views = self.clone();
        let work = move || async move { views.rank(viewer, now, after).await }.boxed();
        let Ranked { places, holds } =
            self.shared.ranking_flights.work((viewer.0, version, after), work).await?;
        // Milliseconds are what cursors name.
        let ranking = Ranking::new(places, "clickhouse", time_of_ms(now.timestamp_millis()));
        if self.shared.options.feed_ranking_ttl_ms > 0 {
            let held = self.shared.rankings.get(&viewer.0);
            // A page further down, of an order that is not kept any more, is as of when that began.
            if held.is_none_or(|held| held.version != version || held.ranking.as_of <= ranking.as_of) {
                let recent = Recent { version, holds, ranking: ranking.clone(), anew: Arc::default() };
                self.shared.rankings.insert(viewer.0, recent);
            }
        }
        Ok(ranking)
    }

    /// Works a ranking out anew, off the answer's path, when it is its turn.
    async fn rank_behind(self, viewer: UserId, now: DateTime<Utc>, version: i64) {
        let Ok(_turn) = self.shared.behind.acquire().await else { return };
        if let Err(failure) = self.ranked_anew(viewer, now, version, 0).await {
            tracing::debug!(error = %failure.error, "a ranking could not be worked out anew");
        }
    }

    /// While there are no cards nobody's ranking is shown; it is kept as new as otherwise all the same. When PostgreSQL is back
    /// everybody's is there, instead of all being too old at once.
    fn rank_ahead(&self, viewer: UserId, now: DateTime<Utc>) {
        let Some(recent) = self.shared.rankings.get(&viewer.0) else { return };
        match self.age(recent.ranking.as_of, now, self.shared.options.feed_ranking_ttl_ms) {
            // For the relations that the viewer was last known to have: if they have others by then, it is worked out again.
            Age::Stale | Age::Remembered => {
                recent.anew.begin(self.clone().rank_behind(viewer, now, recent.version));
            }
            Age::Fresh | Age::Useless => {}
        }
    }

    /// Somebody's ranking that this process worked out, however long ago.
    fn remembered_feed(&self, viewer: UserId, now: DateTime<Utc>) -> Option<Ranking> {
        let ranking = self.shared.rankings.get(&viewer.0)?.ranking;
        let is_kept = self.is_remembered(ranking.as_of, now) && !ranking.places.is_empty();
        is_kept.then(|| ranking.by("last_good"))
    }

    /// What is in memory is kept for as long as it would be in Redis.
    fn is_remembered(&self, as_of: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let age_ms = u64::try_from((now - as_of).num_milliseconds()).unwrap_or(0);
        age_ms < self.shared.options.page_ttl_ms
    }

    async fn rank(&self, viewer: UserId, now: DateTime<Utc>, after: u64) -> RankingResult {
        let Candidates { posts, holds } = self
            .sources()
            .clickhouse(|store| async move { store.feed_candidates(viewer, now, after).await })
            .await?;
        metrics::histogram!(names::FEED_CANDIDATES).record(posts.len() as f64);
        let ranked = ranking::rank(posts, &self.shared.options.weights, now.timestamp_millis());
        let place = |one: ranking::Ranked| Frozen { id: one.post.0, score: one.score, reason: one.reason };
        Ok(Ranked { places: ranked.into_iter().map(place).collect(), holds })
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
        Ok((!places.is_empty()).then(|| Ranking::new(places, "redis", as_of)))
    }

    pub(super) async fn followees_order(&self, viewer: UserId) -> Sourced<Option<Ranking>> {
        let as_of = Utc::now();
        let found = self
            .sources()
            .fallback(|postgres| async move { postgres.timeline_places(viewer, None, PLACES_MAX).await });
        let places: Arc<[Frozen]> =
            found.await?.into_iter().map(|(_, post)| unranked(post, FeedReason::Following)).collect();
        Ok((!places.is_empty()).then(|| Ranking::new(places, "postgres", as_of)))
    }

    async fn recent_order(&self) -> Sourced<Option<Ranking>> {
        let as_of = Utc::now();
        let found =
            self.sources().fallback(|postgres| async move { postgres.recent_posts(PLACES_MAX).await });
        let places = found.await?.into_iter().map(|post| unranked(post, FeedReason::Trending)).collect();
        Ok(Some(Ranking::new(places, "recent", as_of)))
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
        let now = self.trending_now(at, page.after);
        if let Some(ranking) = climb.rung("clickhouse", &[Source::ClickHouse], now).await? {
            return Ok(begun(ranking));
        }
        if let Some(ranking) = self.remembered_trending(at) {
            return climb.rung("last_good", &[], async { Ok(begun(ranking)) }).await;
        }
        let kept = self.kept_trending_order();
        if let Some(ranking) = climb.rung("last_good", &[Source::Redis], kept).await? {
            return Ok(begun(ranking));
        }
        let there = async { self.trending_in_postgres(at).await.map(Some) };
        let ranking = climb.rung("postgres", &[Source::Fallback], there).await?;
        Ok(ranking.and_then(begun))
    }

    /// What trends, under the same rules as a ranking. `None`: it is being worked out anew.
    async fn trending_now(&self, now: DateTime<Utc>, after: u64) -> Sourced<Option<Ranking>> {
        let known = || {
            let known = self.sources().stores.clickhouse.get().ok()?.trending_known(now, after)?;
            let age = self.age(known.as_of, now, known.ttl_ms);
            Some((known, age, Arc::clone(&self.shared.trending_anew)))
        };
        match InMemory::of(known, || self.clone().trending_behind(now)).await {
            InMemory::Answer(trending, _) => Ok(Some(self.trending_of(&trending))),
            InMemory::BeingWorkedOut => Ok(None),
            InMemory::Nothing => self.trending_anew(now, after).await.map(Some),
        }
    }

    async fn trending_anew(&self, now: DateTime<Utc>, after: u64) -> Sourced<Ranking> {
        let trending = self
            .sources()
            .clickhouse(|store| async move { store.trending(now, TRENDING_KNOWN_MAX, after).await })
            .await?;
        Ok(trending_ranking(trending, "clickhouse", now))
    }

    async fn trending_behind(self, now: DateTime<Utc>) {
        if let Err(failure) = self.trending_anew(now, 0).await {
            tracing::debug!(error = %failure.error, "what trends could not be worked out anew");
        }
    }

    /// What this process last knew to trend.
    fn remembered_trending(&self, now: DateTime<Utc>) -> Option<Ranking> {
        let store = self.sources().stores.clickhouse.get().ok()?;
        let known = store.trending_known(now, 0)?;
        let is_kept = self.is_remembered(known.as_of, now) && !known.is_empty();
        is_kept.then(|| self.trending_of(&known).by("last_good"))
    }

    /// One order for all who are shown what trends as of the same moment.
    fn trending_of(&self, known: &KnownTrending) -> Ranking {
        let mut held = self.shared.trending.lock();
        match &*held {
            Some(ranking) if ranking.as_of == known.as_of => ranking.clone(),
            Some(_) | None => {
                let ranking = trending_ranking(known.posts(), "clickhouse", known.as_of);
                *held = Some(ranking.clone());
                ranking
            }
        }
    }

    pub(super) async fn trending_in_postgres(&self, now: DateTime<Utc>) -> Sourced<Ranking> {
        let found = self
            .sources()
            .fallback(|postgres| async move { postgres.trending_candidates(now, PLACES_MAX).await })
            .await?;
        Ok(trending_ranking(found, "postgres", now))
    }
}
