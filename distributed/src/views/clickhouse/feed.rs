//! The ranked feed's candidates, and what trends. The rules are those of [`nova_views::ranking`]; the order is worked out
//! there, from what is found here.
//!
//! No question reads a table whole: `FINAL` goes with a list of the leading key (a viewer, authors, posts) or, for what
//! trends, with the last two days.

use std::collections::{HashMap, HashSet};

use clickhouse::Row;
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

/// What trends, as it was a moment ago.
#[derive(Debug, Default)]
pub(super) struct TrendingList {
    held: Mutex<Option<(i64, std::sync::Arc<Vec<Place>>)>>,
    /// Held while it is worked out: whoever asks meanwhile waits for that.
    asking: tokio::sync::Mutex<()>,
}

impl TrendingList {
    pub(super) fn forget(&self) {
        *self.held.lock() = None;
    }

    fn get(&self, now_ms: i64, ttl_ms: i64) -> Option<std::sync::Arc<Vec<Place>>> {
        let held = self.held.lock();
        let (as_of, places) = held.as_ref()?;
        (0..ttl_ms).contains(&(now_ms - as_of)).then(|| std::sync::Arc::clone(places))
    }
}

pub(super) async fn candidates(
    core: &Core,
    trends: &TrendingList,
    viewer: Uuid,
    now_ms: i64,
) -> Result<Vec<Candidate>, ViewError> {
    match candidates_of(core, trends, core.live().await?, viewer, now_ms).await {
        Err(failure) if failure.is_gone() => {
            Ok(candidates_of(core, trends, core.live_again().await?, viewer, now_ms).await?)
        }
        done => Ok(done?),
    }
}

async fn candidates_of(
    core: &Core,
    trends: &TrendingList,
    live: Live,
    viewer: Uuid,
    now_ms: i64,
) -> Result<Vec<Candidate>, Failure> {
    let server = &core.server;
    let (relations, followed, close, places) = futures::try_join!(
        relations(server, live, viewer, now_ms),
        posts_of_followees(server, live, viewer, now_ms),
        posts_of_close_ones(server, live, viewer, now_ms),
        trending_places(core, trends, live, now_ms),
    )?;
    let mut found = followed;
    found.extend(close);
    let known: HashSet<Uuid> = found.iter().map(|found| found.post_id).collect();
    let trending = places.iter().filter(|place| {
        place.author_is_open && place.author != viewer && !relations.blocks.contains(&place.author)
    });
    let trending = trending.take(ranking::TRENDING_MAX).filter(|place| !known.contains(&place.post.post.0));
    found.extend(trending.map(|place| Found {
        post_id: place.post.post.0,
        author_id: place.author,
        created_at_ms: place.post.created_at_ms,
    }));
    let counters = counters(server, live, &found).await?;
    Ok(found.iter().map(|found| relations.candidate(found, &counters)).collect())
}

pub(super) async fn trending(
    core: &Core,
    trends: &TrendingList,
    now_ms: i64,
    limit: usize,
) -> Result<Vec<Trending>, ViewError> {
    let places = match trending_places(core, trends, core.live().await?, now_ms).await {
        Err(failure) if failure.is_gone() => {
            trending_places(core, trends, core.live_again().await?, now_ms).await?
        }
        places => places?,
    };
    Ok(places.iter().take(limit).map(|place| place.post).collect())
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
    let sql = format!(
        "SELECT toUInt8({FOLLOWS}) AS kind, followee AS id, toUInt64(0) AS count FROM ({followees})
         UNION ALL SELECT toUInt8({APART}), other_id, toUInt64(0) FROM ({blocks})
         UNION ALL SELECT toUInt8(3), author_id, count() FROM ({interactions}) GROUP BY author_id",
        followees = followees(live, viewer),
        blocks = blocks(live, viewer),
        interactions = interactions(live, viewer, now_ms),
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

fn followees(live: Live, viewer: Uuid) -> String {
    format!("SELECT followee FROM follows_g{} FINAL WHERE follower = '{viewer}'", live.graph)
}

fn blocks(live: Live, viewer: Uuid) -> String {
    format!("SELECT other_id FROM blocks_g{} FINAL WHERE user_id = '{viewer}'", live.graph)
}

fn interactions(live: Live, viewer: Uuid, now_ms: i64) -> String {
    format!(
        "SELECT author_id FROM interactions_g{} FINAL
         WHERE user_id = '{viewer}' AND author_id != '{viewer}' AND at >= {}",
        live.engagement,
        time(now_ms - ranking::AFFINITY_MS)
    )
}

/// Newest first; ties by id.
const NEWEST_FIRST: &str = "created_at DESC, UUIDToNum(post_id)";

async fn posts_of_followees(
    server: &Server,
    live: Live,
    viewer: Uuid,
    now_ms: i64,
) -> Result<Vec<Found>, Failure> {
    let followees = followees(live, viewer);
    let sql = newest(
        live,
        viewer,
        now_ms,
        &followees,
        "visibility IN ('public', 'followers')",
        ranking::FOLLOWED_MAX,
    );
    server.ask("followed", &sql).await
}

async fn posts_of_close_ones(
    server: &Server,
    live: Live,
    viewer: Uuid,
    now_ms: i64,
) -> Result<Vec<Found>, Failure> {
    let followees = followees(live, viewer);
    let visible =
        format!("(visibility = 'public' OR visibility = 'followers' AND author_id IN ({followees}))");
    let close = interactions(live, viewer, now_ms);
    server.ask("affinity", &newest(live, viewer, now_ms, &close, &visible, ranking::AFFINITY_MAX)).await
}

/// The newest posts of these authors that are for the viewer.
fn newest(live: Live, viewer: Uuid, now_ms: i64, authors: &str, visible: &str, most: usize) -> String {
    format!(
        "SELECT post_id, author_id, toUnixTimestamp64Milli(created_at) AS created_at_ms
         FROM posts_g{posts} FINAL
         WHERE author_id IN ({authors}) AND created_at >= {since} AND {visible} AND author_id != '{viewer}'
            AND author_id NOT IN ({blocks})
            AND author_id NOT IN (SELECT user_id FROM users_g{users} FINAL WHERE user_id IN ({authors}) AND active = 0)
         ORDER BY {NEWEST_FIRST} LIMIT {most}",
        posts = live.posts,
        since = time(now_ms - ranking::FEED_AGE_MAX_MS),
        blocks = blocks(live, viewer),
        users = live.users,
    )
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
        "SELECT post_id, likes, comments FROM post_counters_g{} FINAL WHERE post_id IN ({})",
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
    now_ms: i64,
) -> Result<std::sync::Arc<Vec<Place>>, Failure> {
    let ttl_ms = core.server.options.trending_ttl_ms;
    if let Some(places) = trends.get(now_ms, ttl_ms) {
        return Ok(places);
    }
    let _asking = trends.asking.lock().await;
    if let Some(places) = trends.get(now_ms, ttl_ms) {
        return Ok(places);
    }
    let places = std::sync::Arc::new(trending_now(&core.server, live, now_ms).await?);
    if ttl_ms > 0 {
        *trends.held.lock() = Some((now_ms, std::sync::Arc::clone(&places)));
    }
    Ok(places)
}

async fn trending_now(server: &Server, live: Live, now_ms: i64) -> Result<Vec<Place>, Failure> {
    let recent = format!(
        "FROM posts_by_time_g{} FINAL WHERE created_at >= {} AND visibility = 'public'",
        live.posts,
        time(now_ms - ranking::TRENDING_AGE_MAX_MS)
    );
    let sql = format!(
        "SELECT post_id, author_id, toUnixTimestamp64Milli(p.created_at) AS created_at_ms, likes, comments
         FROM (
            SELECT post_id, likes, comments FROM post_counters_g{counters} FINAL
            WHERE post_id IN (SELECT post_id {recent})
         ) AS c
         INNER JOIN (SELECT post_id, author_id, created_at {recent}) AS p ON p.post_id = c.post_id
         WHERE likes + comments > 0
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
        "SELECT user_id AS id FROM users_g{} FINAL WHERE user_id IN ({}) AND active = 0",
        live.users,
        list(&users)
    );
    let rows: Vec<Id> = server.ask("closed_accounts", &sql).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn time(ms: i64) -> String {
    format!("fromUnixTimestamp64Milli(toInt64({ms}), 'UTC')")
}
