//! A Redis with views in it, a few words to tell it things, and a naive model of who should see what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::redis::{RedisOptions, RedisViews, TimelineKey, TimelineSource};
use nova_events::envelope::time_of_ms;
use nova_events::post::Visibility;
use nova_events::{PostId, UserId};
use nova_views::{Apply, Change, Generation, ViewError, What, projection};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::support::Prefix;

pub(crate) const BEGIN_MS: i64 = 1_767_225_600_000;

pub(crate) struct World {
    pub(crate) views: RedisViews,
    pub(crate) prefix: Prefix,
}

impl World {
    pub(crate) async fn new(of: &str) -> Self {
        Self::with(of, |_| {}).await
    }

    /// A small cap, so that it matters.
    pub(crate) async fn with(of: &str, change: impl FnOnce(&mut RedisOptions)) -> Self {
        let prefix = Prefix::new(of);
        let mut options = RedisOptions { timeline_posts_max: 20, ..prefix.options() };
        change(&mut options);
        let world = Self { views: RedisViews::open(options).await.unwrap(), prefix };
        // Someone starts to follow the log: from now on something is live.
        world.cursor("posts").await;
        world
    }

    /// Tells both projections, each in one step of the whole log.
    pub(crate) async fn tell(&self, changes: &[Change]) {
        let last = changes.iter().map(|change| change.version).max().unwrap_or(0);
        for projection in [projection::GRAPH, projection::POSTS] {
            self.apply(&Shard::whole(), projection, changes, last).await.unwrap();
        }
    }

    pub(crate) async fn apply(
        &self,
        shard: &Shard,
        projection: &'static str,
        changes: &[Change],
        cursor: u64,
    ) -> Result<(), ViewError> {
        let step = step(projection, changes, cursor);
        self.views.apply(shard, step, ShardCursor::at(cursor)).await
    }

    pub(crate) async fn cursor(&self, projection: &str) -> ShardCursor {
        self.views.cursor(projection, Generation::Live, &Shard::whole()).await.unwrap()
    }

    /// What the store has of a timeline, page by page, and whether it claims that this is all.
    pub(crate) async fn timeline(&self, viewer: u32, known: &Known) -> (Vec<TimelineKey>, bool) {
        let (mut all, mut behind) = (Vec::new(), None);
        loop {
            let page =
                self.views.timeline_from(user(viewer), behind, 7, known).await.unwrap().expect("a timeline");
            all.extend(&page.places);
            behind = all.last().copied();
            if page.places.len() < 7 {
                return (all, !page.goes_on);
            }
        }
    }

    pub(crate) async fn posts_in(&self, viewer: u32, known: &Known) -> Vec<u32> {
        self.timeline(viewer, known).await.0.into_iter().map(|(_, id)| number_of(id)).collect()
    }

    pub(crate) async fn has_timeline(&self, viewer: u32) -> bool {
        self.views.timeline(user(viewer), None, 1).await.unwrap().is_some()
    }
}

pub(crate) fn step(projection: &'static str, changes: &[Change], cursor: u64) -> Arc<Apply> {
    let of_projection = |change: &&Change| match change.what {
        What::Follow { .. } => projection == projection::GRAPH,
        _ => projection == projection::POSTS,
    };
    Arc::new(Apply {
        projection,
        generation: Generation::Live,
        changes: changes.iter().filter(of_projection).cloned().collect(),
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor,
    })
}

pub(crate) fn user(n: u32) -> UserId {
    UserId(id(1, n))
}

pub(crate) fn post(n: u32) -> PostId {
    PostId(id(2, n))
}

fn id(kind: u128, n: u32) -> Uuid {
    let mixed = u128::from(n.wrapping_mul(0x9E37_79B9)) << 64;
    Uuid::from_u128(mixed | (kind << 40) | u128::from(n))
}

pub(crate) fn number_of(id: Uuid) -> u32 {
    id.as_u128() as u32
}

/// Posted `n` seconds after the beginning.
pub(crate) fn posted(version: u64, n: u32, author: u32) -> Change {
    let created_at = time_of_ms(BEGIN_MS + i64::from(n) * 1_000);
    let (post, author, visibility) = (post(n), user(author), Visibility::Public);
    let what = What::Post { post, author, visibility, media: Vec::new(), text: None, created_at };
    Change { version, what }
}

pub(crate) fn follow(version: u64, follower: u32, followee: u32, on: bool) -> Change {
    let (follower, followee, at) = (user(follower), user(followee), time_of_ms(BEGIN_MS));
    Change { version, what: What::Follow { follower, followee, on, at } }
}

/// Who follows whom, and what was posted: of everything, or of what PostgreSQL has seen so far.
#[derive(Default)]
pub(crate) struct Known {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    edges: BTreeMap<(UserId, UserId), (u64, bool)>,
    posts: BTreeMap<UserId, BTreeSet<TimelineKey>>,
}

impl Known {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let known = Self::default();
        known.learn(changes);
        known
    }

    pub(crate) fn learn(&self, changes: &[Change]) {
        let mut state = self.state.lock();
        for change in changes {
            match &change.what {
                What::Follow { follower, followee, on, .. } => {
                    let edge = state.edges.entry((*follower, *followee)).or_default();
                    *edge = (*edge).max((change.version, *on));
                }
                What::Post { post, author, created_at, .. } => {
                    let key = (created_at.timestamp_millis(), post.0);
                    state.posts.entry(*author).or_default().insert(key);
                }
                _ => {}
            }
        }
    }

    /// Everything by the viewer and those they follow, newest first.
    pub(crate) fn timeline(&self, viewer: UserId) -> Vec<TimelineKey> {
        let state = self.state.lock();
        let followees = state.edges.iter().filter(|((from, _), (_, on))| *from == viewer && *on);
        let authors = followees.map(|((_, to), _)| *to).chain([viewer]);
        let mut all: Vec<TimelineKey> =
            authors.filter_map(|author| state.posts.get(&author)).flatten().copied().collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }
}

#[async_trait::async_trait]
impl TimelineSource for Known {
    async fn newest(&self, viewer: UserId, most: usize) -> Result<Vec<TimelineKey>, ViewError> {
        let mut all = self.timeline(viewer);
        all.truncate(most);
        // What happens meanwhile is not in it.
        tokio::time::sleep(std::time::Duration::from_millis(rand::random_range(0..6))).await;
        Ok(all)
    }
}
