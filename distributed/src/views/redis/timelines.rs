//! Home timelines: read, and put together when there is none.
//!
//! A timeline that is missing (its owner is new or was away, the store lost it, another generation is live) is put
//! together by the first who asks, in this order:
//!
//! 1. The timeline is begun, in one script that succeeds for one reader at a time: from now on it gets every post that is
//!    fanned out, and the posts of whoever its owner follows from now on.
//! 2. What PostgreSQL holds is read: the newest posts, up to the cap, of the owner and whom they follow.
//! 3. The posts that Redis has of the owner and whom they follow are merged, as far as they are not older than 2.
//! 4. What 2 brought is added, the floor is set, and the timeline can be read.
//!
//! No post above the floor that both stores know of is missed then. PostgreSQL knew of the post and of the edge at 2: it
//! is in. Otherwise one of them came to PostgreSQL later, and Redis knows both. Did Redis learn of the later of the two
//! after 1, then it added the post: by a fan-out, or by a merge for the edge. Did it know both before 1, then 3 found
//! the post with its author. And if it learns of one only later (it is being filled again from the log), it adds the
//! post then. The floor is at least that of each author's posts, so nothing that Redis has cut off is claimed either.
//!
//! Who dies between 1 and 4 leaves something that nobody reads, and that goes by itself after `regeneration_ms`.

use std::time::{Duration, Instant};

use nova_events::UserId;
use nova_views::ViewError;
use uuid::Uuid;

use super::{RedisViews, names};

/// `created_at` in milliseconds, post: what timelines are in descending order of.
pub type TimelineKey = (i64, Uuid);

/// Where timelines are put together from.
#[async_trait::async_trait]
pub trait TimelineSource: Send + Sync {
    /// The newest posts of the viewer and whom they follow that are there, newest first; fewer than `most`: all of them.
    async fn newest(&self, viewer: UserId, most: usize) -> Result<Vec<TimelineKey>, ViewError>;
}

/// Part of a timeline. Not everything in it is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelinePage {
    /// In descending order.
    pub places: Vec<TimelineKey>,
    /// Something may be behind the last of `places` that is not in Redis.
    pub goes_on: bool,
}

/// Followees for each call of the script that merges their posts.
const FOLLOWEES_PER_CALL: usize = 200;
/// How often someone who waits for a timeline that another one puts together looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl RedisViews {
    /// The posts behind `behind`, at most `limit`. `None`: there is no timeline.
    pub async fn timeline(
        &self,
        viewer: UserId,
        behind: Option<TimelineKey>,
        limit: usize,
    ) -> Result<Option<TimelinePage>, ViewError> {
        let from = behind.map_or_else(|| "+inf".to_owned(), |(at_ms, _)| at_ms.to_string());
        let call = self.shared.scripts.read.call().arg(&viewer.0.as_bytes()[..]).arg(from);
        let call = call.arg(limit).arg(self.shared.options.timeline_ttl_ms);
        let mut reply = call.run(self.reads()).await?;
        if reply.next::<String>()? != "ok" {
            return Ok(None);
        }
        let floor: f64 = reply.next()?;
        let found: Vec<(Vec<u8>, i64)> = reply.next()?;
        let mut places = Vec::with_capacity(found.len());
        for (id, score) in found {
            let at_ms = -score;
            let key = (at_ms, Uuid::from_slice(&id).map_err(|_| super::scripts::unreadable())?);
            if at_ms as f64 >= floor && behind.is_none_or(|behind| key < behind) {
                places.push(key);
            }
        }
        places.sort_unstable_by(|a, b| b.cmp(a));
        places.dedup();
        let goes_on = places.len() > limit || floor > f64::NEG_INFINITY;
        places.truncate(limit);
        Ok(Some(TimelinePage { places, goes_on }))
    }

    /// The same; a timeline that is missing is put together first. `None`: it could not be, the source has to answer.
    pub async fn timeline_from(
        &self,
        viewer: UserId,
        behind: Option<TimelineKey>,
        limit: usize,
        source: &dyn TimelineSource,
    ) -> Result<Option<TimelinePage>, ViewError> {
        let until = Instant::now() + Duration::from_millis(self.shared.options.regeneration_ms);
        loop {
            if let Some(page) = self.timeline(viewer, behind, limit).await? {
                return Ok(Some(page));
            }
            match self.regenerate(viewer, source).await? {
                Regenerated::Done => {}
                Regenerated::ByAnother => tokio::time::sleep(LOOK_AGAIN).await,
                Regenerated::NothingLive => return Ok(None),
            }
            if Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    async fn regenerate(
        &self,
        viewer: UserId,
        source: &dyn TimelineSource,
    ) -> Result<Regenerated, ViewError> {
        let Ok(_permit) = self.shared.regenerations.acquire().await else {
            return Ok(Regenerated::NothingLive);
        };
        let Some(building) = self.begin(viewer).await? else { return Ok(Regenerated::ByAnother) };
        if building.posts.is_empty() {
            return Ok(Regenerated::NothingLive);
        }
        let most = self.shared.options.timeline_posts_max;
        let newest = source.newest(viewer, most + 1).await?;
        // Others of the same millisecond as the one that is too many may be missing.
        let beyond = newest.get(most).map(|(at_ms, _)| at_ms.saturating_add(1).to_string());
        let floor = beyond.unwrap_or_else(|| "-inf".to_owned());
        if self.gather(&building, &floor).await? && self.finish(&building, &floor, &newest).await? {
            metrics::counter!(names::REGENERATIONS).increment(1);
        }
        Ok(Regenerated::Done)
    }

    /// `None`: another one is at it, or has done it. No generations: nothing is live.
    async fn begin(&self, viewer: UserId) -> Result<Option<Building>, ViewError> {
        let token = format!("{:032x}", rand::random::<u128>());
        let call = self.shared.scripts.begin.call().arg(&viewer.0.as_bytes()[..]).arg(&token);
        let mut reply = call.arg(self.shared.options.regeneration_ms.max(1)).run(self.reads()).await?;
        let mut building = Building { viewer, token, posts: String::new(), graph: String::new() };
        match reply.next::<String>()?.as_str() {
            "begun" => {
                building.posts = reply.next()?;
                building.graph = reply.next()?;
                Ok(Some(building))
            }
            "none" => Ok(Some(building)),
            _ => Ok(None),
        }
    }

    /// `false`: the timeline was given up, or is one of a generation that is not live any more.
    async fn gather(&self, building: &Building, floor: &str) -> Result<bool, ViewError> {
        let mut from = "0".to_owned();
        loop {
            let call = building.args(self.shared.scripts.gather.call());
            let call = call.arg(self.shared.options.timeline_posts_max).arg(FOLLOWEES_PER_CALL);
            let mut reply = call.arg(&from).arg(floor).run(self.reads()).await?;
            if reply.next::<String>()? != "ok" {
                return Ok(false);
            }
            from = reply.next()?;
            if from == "0" {
                return Ok(true);
            }
        }
    }

    async fn finish(
        &self,
        building: &Building,
        floor: &str,
        newest: &[TimelineKey],
    ) -> Result<bool, ViewError> {
        let options = &self.shared.options;
        let mut call = building.args(self.shared.scripts.finish.call());
        call = call.arg(options.timeline_posts_max).arg(options.timeline_ttl_ms).arg(floor);
        for (at_ms, post) in newest {
            call = call.arg(at_ms).arg(&post.as_bytes()[..]);
        }
        Ok(call.run(self.reads()).await?.next::<String>()? == "ok")
    }
}

enum Regenerated {
    Done,
    ByAnother,
    /// The store is empty, and waits to be filled.
    NothingLive,
}

/// A timeline that this process puts together.
struct Building {
    viewer: UserId,
    token: String,
    posts: String,
    graph: String,
}

impl Building {
    fn args<'a>(&self, call: super::scripts::Call<'a>) -> super::scripts::Call<'a> {
        call.arg(&self.viewer.0.as_bytes()[..]).arg(&self.token).arg(&self.posts).arg(&self.graph)
    }
}
