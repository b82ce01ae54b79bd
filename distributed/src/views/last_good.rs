//! Answers that were good, kept in Redis for when nothing better is to be had.
//!
//! * A page is kept when the best source has answered, at most once in a while for each viewer, off the answer's path.
//! * It holds an order (which posts, how ranked) and what was shown. The order is a rung for when ClickHouse does not
//!   answer: PostgreSQL still says what of it may be seen. What was shown is a rung for when PostgreSQL does not.
//! * What has been hidden since is left out all the same: Redis follows the log, and marks what is deleted, whose account is
//!   closed, and who has parted from whom (`redis::marks`). While Redis cannot tell that, nothing is shown. Counts and texts
//!   are those of the time that the answer names.
//! * For a viewer without a page of their own there is what trended, and whom most followed, as somebody sees it who has done
//!   nothing yet.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use nova_events::envelope::time_of_ms;
use nova_events::post::Visibility;
use nova_events::{PostId, UserId};
use nova_resilience::Deadline;
use nova_views::{FeedItem, FeedReason, List, PostCard, Profile, ProfileKey, ViewError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::feed::{PLACES_MAX, unranked};
use super::order::Ranking;
use super::redis::{Frozen, Shown};
use super::sources::{Source, SourceError, Sourced};
use super::{Views, names};

const TRENDING: &str = "trending";
const POPULAR: &str = "popular";

/// Tasks that keep pages, at once; beyond that a page is not kept this time.
pub(super) const KEEPING_MAX: usize = 64;
/// Names of pages that were kept a moment ago.
pub(super) const LATELY_MAX: usize = 100_000;

#[derive(Debug, Serialize, Deserialize)]
struct Kept<T> {
    as_of_ms: i64,
    /// How far PostgreSQL had followed the log then.
    position: u64,
    /// Id, score, reason.
    places: Vec<(Uuid, f64, FeedReason)>,
    items: Vec<T>,
}

fn feed_name(viewer: UserId) -> String {
    format!("feed:{viewer}")
}

fn timeline_name(viewer: UserId) -> String {
    format!("timeline:{viewer}")
}

fn discover_name(viewer: UserId) -> String {
    format!("discover:{viewer}")
}

fn profile_name(viewer: UserId, key: &ProfileKey) -> String {
    match key {
        ProfileKey::Id(user) => format!("profile:{viewer}:{user}"),
        // A handle is personal, and names are not for that.
        ProfileKey::Handle(handle) => {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, handle.as_bytes());
            let digest = Uuid::from_slice(&digest.as_ref()[..16]).unwrap_or_default();
            format!("profile:{viewer}:@{digest}")
        }
    }
}

fn shown(card: &PostCard, in_timeline: bool) -> Shown {
    let needs_follow = in_timeline || card.visibility == Visibility::Followers;
    Shown { post: card.id, author: card.author.id, needs_follow }
}

impl Views {
    /// Whether a page of this name is due to be kept; then it counts as kept.
    fn is_due(&self, name: &str) -> bool {
        let every = Duration::from_millis(self.shared.options.keep_interval_ms);
        let lately = &self.shared.kept_lately;
        if lately.get(name).is_some_and(|at: Instant| at.elapsed() < every) {
            return false;
        }
        lately.insert(name.to_owned(), Instant::now());
        true
    }

    fn keep_page<T: Serialize + Clone + Send + Sync + 'static>(
        &self,
        name: String,
        as_of: DateTime<Utc>,
        places: &[Frozen],
        items: &[T],
    ) {
        let Ok(permit) = Arc::clone(&self.shared.keeping).try_acquire_owned() else { return };
        let places =
            places.iter().take(PLACES_MAX).map(|place| (place.id, place.score, place.reason)).collect();
        let mut kept =
            Kept { as_of_ms: as_of.timestamp_millis(), position: 0, places, items: items.to_vec() };
        let views = self.clone();
        tokio::spawn(async move {
            let Ok(position) = views.shared.applied.reached(views.sources(), Source::Postgres).await else {
                return;
            };
            kept.position = position;
            let Ok(bytes) = serde_json::to_vec(&kept) else { return };
            let ttl = Duration::from_millis(views.shared.options.page_ttl_ms);
            let (name, bytes) = (&name, &bytes);
            let keep =
                |redis: super::redis::RedisViews| async move { redis.keep_page(name, bytes, ttl).await };
            match views.sources().redis(keep).await {
                Ok(_) => metrics::counter!(names::FEED_CACHE, "event" => "kept").increment(1),
                Err(failure) => {
                    views.shared.kept_lately.remove(name);
                    tracing::debug!(error = %failure.error, "a good page could not be kept");
                }
            }
            drop(permit);
        });
    }

    async fn kept<T: DeserializeOwned>(&self, name: &str) -> Sourced<Option<Kept<T>>> {
        let page = self.sources().redis(|redis| async move { redis.page(name).await }).await?;
        // One that another version wrote otherwise is none.
        let kept = page.and_then(|page| serde_json::from_slice(&page.bytes).ok());
        if kept.is_none() {
            metrics::counter!(names::FEED_CACHE, "event" => "none").increment(1);
        }
        Ok(kept)
    }

    /// An error unless every mark is there that has been made since a page was kept: a store that has lost them, and is
    /// being filled again, is behind where PostgreSQL was. Asked when the marks have been read: what is lost after that was
    /// there to be read.
    async fn marks_since(&self, position: u64) -> Sourced<()> {
        let failed = |error| SourceError { source: Some(Source::Redis), error };
        let views = self.clone();
        let ask = || {
            let asked = async move { views.shared.applied.reaches(views.sources(), Source::Redis).await };
            // It is asked for all who wait, in nobody's own time.
            Deadline::within(Duration::from_millis(self.shared.options.read_ms_max)).scope(asked).boxed()
        };
        let reached = self.shared.redis_reaches.work(ask).await.map_err(failed)?;
        if reached < position {
            let what =
                format!("redis: filled up to {reached}, not yet up to {position}, of when the page is");
            return Err(failed(ViewError::Unavailable(what)));
        }
        Ok(())
    }

    /// What of these the viewer must not see any more.
    async fn hidden(&self, viewer: UserId, shown: &[Shown]) -> Sourced<HashSet<PostId>> {
        let hidden = self.sources().redis(|redis| async move { redis.hidden(viewer, shown).await }).await?;
        metrics::counter!(names::FEED_CACHE, "event" => "hidden").increment(hidden.len() as u64);
        Ok(hidden)
    }

    pub(super) fn keep_feed(&self, viewer: UserId, ranking: &Ranking, items: &[FeedItem]) {
        let name = feed_name(viewer);
        if !items.is_empty() && self.is_due(&name) {
            self.keep_page(name, ranking.as_of, &ranking.places, items);
        }
    }

    pub(super) fn keep_timeline(&self, viewer: UserId, as_of: DateTime<Utc>, items: &[PostCard]) {
        let name = timeline_name(viewer);
        if !items.is_empty() && self.is_due(&name) {
            self.keep_page(name, as_of, &[], items);
        }
    }

    pub(super) fn keep_trending(&self, ranking: &Ranking, items: &[PostCard]) {
        if items.is_empty() || !self.is_due(TRENDING) {
            return;
        }
        // For all viewers: nobody's likes, and nothing that only some may see.
        let public = items.iter().filter(|card| card.visibility == Visibility::Public);
        let neutral: Vec<PostCard> =
            public.map(|card| PostCard { liked_by_viewer: false, ..card.clone() }).collect();
        self.keep_page(TRENDING.to_owned(), ranking.as_of, &ranking.places, &neutral);
    }

    pub(super) fn keep_people(&self, viewer: UserId, as_of: DateTime<Utc>, people: &[Profile]) {
        let name = discover_name(viewer);
        if !people.is_empty() && self.is_due(&name) {
            self.keep_page(name, as_of, &[], people);
        }
    }

    /// Whom most follow, for viewers of whom nothing is kept.
    pub(super) async fn keep_popular(&self) -> Result<(), ViewError> {
        let nobody = UserId(Uuid::nil());
        let as_of = Utc::now();
        let ask = |postgres: super::PostgresViews| async move {
            let people = postgres.discover_popular(nobody, PLACES_MAX).await?;
            postgres.suggestions(nobody, &people).await
        };
        let people = self.sources().fallback(ask).await.map_err(|failure| failure.error)?;
        if !people.is_empty() && self.is_due(POPULAR) {
            self.keep_page(POPULAR.to_owned(), as_of, &[], &people);
        }
        Ok(())
    }

    pub(super) fn keep_profile(
        &self,
        viewer: UserId,
        key: &ProfileKey,
        as_of: DateTime<Utc>,
        profile: &Profile,
    ) {
        let name = profile_name(viewer, key);
        if self.is_due(&name) {
            self.keep_page(name, as_of, &[], std::slice::from_ref(profile));
        }
    }

    async fn kept_order(&self, name: &str) -> Sourced<Option<Ranking>> {
        let kept = self.kept::<serde::de::IgnoredAny>(name).await?;
        Ok(kept.filter(|kept| !kept.places.is_empty()).map(|kept| {
            let place = |(id, score, reason)| Frozen { id, score, reason };
            let places = kept.places.into_iter().map(place).collect();
            Ranking::new(places, "last_good", time_of_ms(kept.as_of_ms))
        }))
    }

    pub(super) async fn kept_feed_order(&self, viewer: UserId) -> Sourced<Option<Ranking>> {
        self.kept_order(&feed_name(viewer)).await
    }

    pub(super) async fn kept_trending_order(&self) -> Sourced<Option<Ranking>> {
        self.kept_order(TRENDING).await
    }

    /// The items of a kept page that may still be shown, as a list that ends with them.
    async fn whole<T: DeserializeOwned>(
        &self,
        viewer: UserId,
        name: &str,
        limit: usize,
        shown: impl Fn(&T) -> Shown,
    ) -> Sourced<Option<(List<T>, DateTime<Utc>)>> {
        let Some(kept) = self.kept::<T>(name).await? else { return Ok(None) };
        let all: Vec<Shown> = kept.items.iter().map(&shown).collect();
        let hidden = self.hidden(viewer, &all).await?;
        self.marks_since(kept.position).await?;
        let seen = kept.items.into_iter().zip(all).filter(|(_, shown)| !hidden.contains(&shown.post));
        let items = seen.map(|(item, _)| item).take(limit).collect();
        metrics::counter!(names::FEED_CACHE, "event" => "page").increment(1);
        Ok(Some((List { items, next: None }, time_of_ms(kept.as_of_ms))))
    }

    pub(super) async fn whole_feed(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Sourced<Option<(List<FeedItem>, DateTime<Utc>)>> {
        let of_item = |item: &FeedItem| shown(&item.card, false);
        if let Some(own) = self.whole(viewer, &feed_name(viewer), limit, of_item).await? {
            return Ok(Some(own));
        }
        let item = |card: PostCard| {
            let place = unranked(card.id, FeedReason::Trending);
            FeedItem { card, score: place.score, reason: place.reason }
        };
        let of_all = self.whole_trending(viewer, limit).await?;
        Ok(of_all.map(|(list, as_of)| {
            let items = list.items.into_iter().filter(|card| card.author.id != viewer).map(item).collect();
            (List { items, next: None }, as_of)
        }))
    }

    pub(super) async fn whole_timeline(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Sourced<Option<(List<PostCard>, DateTime<Utc>)>> {
        let of_card = |card: &PostCard| shown(card, card.author.id != viewer);
        self.whole(viewer, &timeline_name(viewer), limit, of_card).await
    }

    pub(super) async fn whole_trending(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Sourced<Option<(List<PostCard>, DateTime<Utc>)>> {
        self.whole(viewer, TRENDING, limit, |card: &PostCard| shown(card, false)).await
    }

    async fn seen_people(&self, viewer: UserId, people: Vec<Profile>) -> Sourced<Vec<Profile>> {
        let ids: &[UserId] = &people.iter().map(|one| one.id).collect::<Vec<_>>();
        let hidden =
            self.sources().redis(|redis| async move { redis.hidden_users(viewer, ids).await }).await?;
        Ok(people.into_iter().filter(|one| !hidden.contains(&one.id)).collect())
    }

    /// Whom most follow, without the viewer and those whom they follow.
    async fn popular_for(&self, viewer: UserId) -> Sourced<Option<Kept<Profile>>> {
        let Some(mut kept) = self.kept::<Profile>(POPULAR).await? else { return Ok(None) };
        let ids: &[UserId] = &kept.items.iter().map(|one| one.id).collect::<Vec<_>>();
        let followed =
            self.sources().redis(|redis| async move { redis.follows_among(viewer, ids).await }).await?;
        kept.items.retain(|one| one.id != viewer && !followed.contains(&one.id));
        Ok(Some(kept))
    }

    pub(super) async fn whole_people(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Sourced<Option<(List<Profile>, DateTime<Utc>)>> {
        let kept = match self.kept::<Profile>(&discover_name(viewer)).await? {
            Some(own) => own,
            None => match self.popular_for(viewer).await? {
                Some(of_all) => of_all,
                None => return Ok(None),
            },
        };
        let mut items = self.seen_people(viewer, kept.items).await?;
        let ids: &[UserId] = &items.iter().map(|one| one.id).collect::<Vec<_>>();
        let settled =
            self.sources().redis(|redis| async move { redis.settled_users(viewer, ids).await }).await?;
        self.marks_since(kept.position).await?;
        items.retain(|one| !settled.contains(&one.id));
        items.truncate(limit);
        Ok(Some((List { items, next: None }, time_of_ms(kept.as_of_ms))))
    }

    pub(super) async fn whole_profile(
        &self,
        viewer: UserId,
        key: &ProfileKey,
    ) -> Sourced<Option<(Profile, DateTime<Utc>)>> {
        let Some(kept) = self.kept::<Profile>(&profile_name(viewer, key)).await? else { return Ok(None) };
        let profile = self.seen_people(viewer, kept.items).await?.into_iter().next();
        self.marks_since(kept.position).await?;
        Ok(profile.map(|profile| (profile, time_of_ms(kept.as_of_ms))))
    }
}
