//! The ranked feed's candidates, and what trends. The rules are those of [`nova_views::ranking`]; the order is worked out
//! there, from what is found here.
//!
//! No question reads a table whole: each goes by the leading key (a viewer, authors, posts) or, for what trends, by the last
//! two days. The latest row of a key is taken with `argMax`, not with `FINAL`: where few rows are left after the key has been
//! looked for, that is several times cheaper, because nothing else of their blocks is read and merged.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use clickhouse::Row;
use nova_events::envelope::time_of_ms;
use nova_events::{PostId, UserId};
use nova_views::ranking::{self, Candidate, Engagement, Trending};
use nova_views::{FeedReason, ViewError};
use parking_lot::Mutex;
use serde::Deserialize;
use uuid::Uuid;

use super::core::Core;
use super::error::Failure;
use super::generations::Live;
use super::server::{Server, list};

/// Trending posts that are known at a time, for all viewers.
const KNOWN_MAX: usize = 1_000;

/// The server chooses a few more than are known: its arithmetic may differ from ours in the last digit.
const CHOSEN_MAX: usize = 1_100;

/// So many times as old as it should be is what trends, at most, while somebody works it out anew.
const STALE_TTLS: i64 = 5;

/// How someone stands to another.
#[derive(Row, Deserialize)]
struct Relation {
    kind: u8,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    count: u64,
}

#[derive(Row, Deserialize)]
struct Found {
    #[serde(with = "clickhouse::serde::uuid")]
    post_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    author_id: Uuid,
    created_at_ms: i64,
}

#[derive(Row, Deserialize)]
struct Counters {
    #[serde(with = "clickhouse::serde::uuid")]
    post_id: Uuid,
    likes: u64,
    comments: u64,
}

#[derive(Row, Deserialize)]
struct TrendingRow {
    #[serde(with = "clickhouse::serde::uuid")]
    post_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    author_id: Uuid,
    created_at_ms: i64,
    likes: u64,
    comments: u64,
}

#[derive(Row, Deserialize)]
struct Id {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
}

/// A trending post, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Place {
    post: Trending,
    author: Uuid,
    author_is_open: bool,
}

/// What may be in someone's feed.
#[derive(Debug, Default)]
pub struct Candidates {
    pub posts: Vec<Candidate>,
    /// They reflect the log at least up to this position.
    pub holds: u64,
}

#[derive(Debug, Clone)]
struct Known {
    as_of_ms: i64,
    holds: u64,
    places: std::sync::Arc<Vec<Place>>,
}

/// What trended when it was last worked out.
#[derive(Debug, Clone)]
pub struct KnownTrending {
    places: std::sync::Arc<Vec<Place>>,
    pub as_of: DateTime<Utc>,
    /// For how long it is as new as it should be.
    pub ttl_ms: i64,
}

impl KnownTrending {
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Best first.
    pub fn posts(&self) -> impl Iterator<Item = Trending> {
        self.places.iter().map(|place| place.post)
    }
}

/// What trends, as it was a moment ago.
#[derive(Debug, Default)]
pub(super) struct TrendingList {
    held: Mutex<Option<Known>>,
    /// Held while it is worked out: whoever asks meanwhile waits for that.
    asking: tokio::sync::Mutex<()>,
}

impl TrendingList {
    pub(super) fn forget(&self) {
        *self.held.lock() = None;
    }

    fn get(&self, now_ms: i64, after: u64, ttl_ms: i64) -> Option<Known> {
        self.known(after).filter(|known| (0..ttl_ms).contains(&(now_ms - known.as_of_ms)))
    }

    fn known(&self, after: u64) -> Option<Known> {
        self.held.lock().clone().filter(|known| known.holds >= after)
    }

    /// However old it is, if it holds the log up to `after` and was not worked out later than now.
    pub(super) fn last(&self, now_ms: i64, after: u64, ttl_ms: i64) -> Option<KnownTrending> {
        let Known { as_of_ms, places, .. } = self.known(after).filter(|known| known.as_of_ms <= now_ms)?;
        Some(KnownTrending { places, as_of: time_of_ms(as_of_ms), ttl_ms })
    }
}

pub(super) async fn candidates(
    core: &Core,
    trends: &TrendingList,
    viewer: Uuid,
    (now_ms, after): (i64, u64),
) -> Result<Candidates, ViewError> {
    match candidates_of(core, trends, core.live().await?, viewer, (now_ms, after)).await {
        Err(failure) if failure.is_gone() => {
            Ok(candidates_of(core, trends, core.live_again().await?, viewer, (now_ms, after)).await?)
        }
        done => Ok(done?),
    }
}

async fn candidates_of(
    core: &Core,
    trends: &TrendingList,
    live: Live,
    viewer: Uuid,
    (now_ms, after): (i64, u64),
) -> Result<Candidates, Failure> {
    let (server, holds) = (&core.server, core.applied_in(live));
    let (relations, trending) = futures::try_join!(
        relations(server, live, viewer, now_ms),
        trending_places(core, trends, live, (now_ms, after)),
    )?;
    let holds = holds.min(trending.holds);
    let mut found = posts_of(server, live, viewer, &relations, now_ms).await?;
    let known: HashSet<Uuid> = found.iter().map(|found| found.post_id).collect();
    let places = trending.places.iter().filter(|place| {
        place.author_is_open && place.author != viewer && !relations.blocks.contains(&place.author)
    });
    let places = places.take(ranking::TRENDING_MAX).filter(|place| !known.contains(&place.post.post.0));
    found.extend(places.map(|place| Found {
        post_id: place.post.post.0,
        author_id: place.author,
        created_at_ms: place.post.created_at_ms,
    }));
    let counters = counters(server, live, &found).await?;
    let posts = found.iter().map(|found| relations.candidate(found, &counters)).collect();
    Ok(Candidates { posts, holds })
}

pub(super) async fn trending(
    core: &Core,
    trends: &TrendingList,
    (now_ms, after): (i64, u64),
    limit: usize,
) -> Result<Vec<Trending>, ViewError> {
    let known = match trending_places(core, trends, core.live().await?, (now_ms, after)).await {
        Err(failure) if failure.is_gone() => {
            trending_places(core, trends, core.live_again().await?, (now_ms, after)).await?
        }
        known => known?,
    };
    Ok(known.places.iter().take(limit).map(|place| place.post).collect())
}

/// How a viewer stands to others.
struct Relations {
    followees: HashSet<Uuid>,
    /// Both ways.
    blocks: HashSet<Uuid>,
    /// With what each wrote, lately.
    interactions: HashMap<Uuid, u64>,
}

impl Relations {
    fn candidate(&self, found: &Found, counters: &HashMap<Uuid, Engagement>) -> Candidate {
        let author = found.author_id;
        Candidate {
            post: PostId(found.post_id),
            author: UserId(author),
            created_at_ms: found.created_at_ms,
            engagement: counters.get(&found.post_id).copied().unwrap_or_default(),
            interactions: self.interactions.get(&author).copied().unwrap_or(0),
            reason: if self.followees.contains(&author) {
                FeedReason::Following
            } else if self.interactions.contains_key(&author) {
                FeedReason::Affinity
            } else {
                FeedReason::Trending
            },
        }
    }
}

const FOLLOWS: u8 = 1;
const APART: u8 = 2;

async fn relations(server: &Server, live: Live, viewer: Uuid, now_ms: i64) -> Result<Relations, Failure> {
    let Live { graph, engagement, .. } = live;
    let since = time(now_ms - ranking::AFFINITY_MS);
    let sql = format!(
        "SELECT toUInt8({FOLLOWS}) AS kind, followee AS id, toUInt64(0) AS count
         FROM follows_g{graph} WHERE follower = '{viewer}'
         GROUP BY followee HAVING argMax(is_deleted, ver) = 0
         UNION ALL
         SELECT toUInt8({APART}), other_id, toUInt64(0) FROM (
            SELECT other_id FROM blocks_g{graph} WHERE user_id = '{viewer}'
            GROUP BY other_id, side HAVING argMax(is_deleted, ver) = 0
         )
         UNION ALL
         SELECT toUInt8(3), author_id, count() FROM (
            SELECT author_id FROM interactions_g{engagement}
            WHERE user_id = '{viewer}' AND author_id != '{viewer}'
            GROUP BY author_id, kind, item_id
            HAVING argMax(is_deleted, ver) = 0 AND argMax(at, ver) >= {since}
         ) GROUP BY author_id"
    );
    let rows: Vec<Relation> = server.ask("relations", &sql).await?;
    let mut relations =
        Relations { followees: HashSet::new(), blocks: HashSet::new(), interactions: HashMap::new() };
    for row in rows {
        match row.kind {
            FOLLOWS => {
                relations.followees.insert(row.id);
            }
            APART => {
                relations.blocks.insert(row.id);
            }
            _ => {
                relations.interactions.insert(row.id, row.count);
            }
        }
    }
    Ok(relations)
}

/// The newest posts of followees and of those whom the viewer had to do with, that the viewer may see.
async fn posts_of(
    server: &Server,
    live: Live,
    viewer: Uuid,
    relations: &Relations,
    now_ms: i64,
) -> Result<Vec<Found>, Failure> {
    let may_be = |author: &&Uuid| **author != viewer && !relations.blocks.contains(*author);
    let followees: Vec<Uuid> = relations.followees.iter().filter(may_be).copied().collect();
    let close: Vec<Uuid> = relations.interactions.keys().filter(may_be).copied().collect();
    let others = close.iter().filter(|author| !relations.followees.contains(*author));
    let authors: Vec<Uuid> = followees.iter().chain(others).copied().collect();
    if authors.is_empty() {
        return Ok(Vec::new());
    }
    let (followees, close, authors) = (array(&followees), array(&close), list(&authors));
    // The newest of each group hold the newest of those that are put together from them below.
    let sql = format!(
        "SELECT post_id, author_id, toUnixTimestamp64Milli(created_at) AS created_at_ms
         FROM posts_g{posts}
         WHERE author_id IN ({authors}) AND created_at >= {since}
            AND (visibility = 'public' OR visibility = 'followers' AND has({followees}, author_id))
         GROUP BY author_id, created_at, post_id
         HAVING argMax(is_deleted, ver) = 0 AND author_id NOT IN (
            SELECT user_id FROM users_g{users} WHERE user_id IN ({authors})
            GROUP BY user_id HAVING argMax(active, ver) = 0
         )
         ORDER BY created_at DESC, UUIDToNum(post_id)
         LIMIT {most} BY has({followees}, author_id), has({close}, author_id)",
        posts = live.posts,
        users = live.users,
        since = time(now_ms - ranking::FEED_AGE_MAX_MS),
        most = ranking::FOLLOWED_MAX.max(ranking::AFFINITY_MAX),
    );
    let newest_first: Vec<Found> = server.ask("posts", &sql).await?;
    let (mut followed, mut close) = (0, 0);
    let is_candidate = |found: &Found| {
        let count = |most: usize, count: &mut usize, is_one: bool| {
            *count += usize::from(is_one);
            is_one && *count <= most
        };
        let is_followed = relations.followees.contains(&found.author_id);
        let is_close = relations.interactions.contains_key(&found.author_id);
        let followed = count(ranking::FOLLOWED_MAX, &mut followed, is_followed);
        let close = count(ranking::AFFINITY_MAX, &mut close, is_close);
        followed || close
    };
    Ok(newest_first.into_iter().filter(is_candidate).collect())
}

fn array(ids: &[Uuid]) -> String {
    format!("CAST([{}], 'Array(UUID)')", list(ids))
}

async fn counters(
    server: &Server,
    live: Live,
    posts: &[Found],
) -> Result<HashMap<Uuid, Engagement>, Failure> {
    if posts.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = posts.iter().map(|found| found.post_id).collect();
    let sql = format!(
        "SELECT post_id, argMax(c.likes, c.ver) AS likes, argMax(c.comments, c.ver) AS comments
         FROM post_counters_g{} AS c WHERE post_id IN ({}) GROUP BY post_id",
        live.engagement,
        list(&ids)
    );
    let rows: Vec<Counters> = server.ask("counters", &sql).await?;
    let engagement = |row: &Counters| Engagement { likes: row.likes, comments: row.comments, shares: 0 };
    Ok(rows.iter().map(|row| (row.post_id, engagement(row))).collect())
}

/// What trends, perhaps as it was a moment ago.
async fn trending_places(
    core: &Core,
    trends: &TrendingList,
    live: Live,
    (now_ms, after): (i64, u64),
) -> Result<Known, Failure> {
    let ttl_ms = core.server.options.trending_ttl_ms;
    if let Some(known) = trends.get(now_ms, after, ttl_ms) {
        return Ok(known);
    }
    let _asking = match trends.asking.try_lock() {
        Ok(asking) => asking,
        // Somebody is working it out. Nobody else waits for that who has something to go by.
        Err(_) => {
            if let Some(known) = trends.get(now_ms, after, ttl_ms.saturating_mul(STALE_TTLS)) {
                return Ok(known);
            }
            trends.asking.lock().await
        }
    };
    if let Some(known) = trends.get(now_ms, after, ttl_ms) {
        return Ok(known);
    }
    let holds = core.applied_in(live);
    let places = std::sync::Arc::new(trending_now(&core.server, live, now_ms).await?);
    let known = Known { as_of_ms: now_ms, holds, places };
    if ttl_ms > 0 {
        *trends.held.lock() = Some(known.clone());
    }
    Ok(known)
}

async fn trending_now(server: &Server, live: Live, now_ms: i64) -> Result<Vec<Place>, Failure> {
    let recent = format!(
        "FROM posts_by_time_g{} WHERE created_at >= {} AND visibility = 'public'",
        live.posts,
        time(now_ms - ranking::TRENDING_AGE_MAX_MS)
    );
    let sql = format!(
        "SELECT post_id, author_id, toUnixTimestamp64Milli(p.created_at) AS created_at_ms, likes, comments
         FROM (
            SELECT post_id, argMax(c.likes, c.ver) AS likes, argMax(c.comments, c.ver) AS comments
            FROM post_counters_g{counters} AS c
            WHERE post_id IN (SELECT post_id {recent}) GROUP BY post_id HAVING likes + comments > 0
         ) AS c
         INNER JOIN (
            SELECT post_id, author_id, created_at {recent}
            GROUP BY created_at, post_id, author_id HAVING argMax(is_deleted, ver) = 0
         ) AS p ON p.post_id = c.post_id
         ORDER BY (likes + 2 * comments) / pow(greatest({now_ms} - created_at_ms, 0) / 3600000 + 2, 1.8) DESC,
            created_at DESC, UUIDToNum(post_id)
         LIMIT {CHOSEN_MAX}",
        counters = live.engagement,
    );
    let rows: Vec<TrendingRow> = server.ask("trending", &sql).await?;
    let authors: HashMap<Uuid, Uuid> = rows.iter().map(|row| (row.post_id, row.author_id)).collect();
    let closed = closed_accounts(server, live, authors.values().copied().collect()).await?;
    let posts = rows.iter().map(|row| Trending {
        post: PostId(row.post_id),
        created_at_ms: row.created_at_ms,
        engagement: Engagement { likes: row.likes, comments: row.comments, shares: 0 },
    });
    let places = ranking::trending(posts, now_ms, KNOWN_MAX).into_iter().filter_map(|post| {
        let author = *authors.get(&post.post.0)?;
        Some(Place { post, author, author_is_open: !closed.contains(&author) })
    });
    Ok(places.collect())
}

async fn closed_accounts(
    server: &Server,
    live: Live,
    users: HashSet<Uuid>,
) -> Result<HashSet<Uuid>, Failure> {
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let users: Vec<Uuid> = users.into_iter().collect();
    let sql = format!(
        "SELECT user_id AS id FROM users_g{} WHERE user_id IN ({})
         GROUP BY user_id HAVING argMax(active, ver) = 0",
        live.users,
        list(&users)
    );
    let rows: Vec<Id> = server.ask("closed_accounts", &sql).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn time(ms: i64) -> String {
    format!("fromUnixTimestamp64Milli(toInt64({ms}), 'UTC')")
}
