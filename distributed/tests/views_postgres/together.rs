//! Several processes at once: what they write ends up as if one had written it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::postgres::PostgresViews;
use nova_events::envelope::time_of_ms;
use nova_events::like::Target;
use nova_events::{CommentId, PostId, UserId};
use nova_views::{Change, Generation, ViewError, What, projection};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::open;
use crate::postgres::Database;
use crate::store::{post, step};

const TARGETS: u64 = 7;

fn user(n: u64) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) << 64))
}

/// What happens at a position: edges that go on and off, on few targets.
fn engagement(version: u64, shard: u64) -> Change {
    let who = user(shard * 1_000 + version * 7 % 50);
    let on_post = PostId(Uuid::from_u128(u128::from(version % TARGETS)));
    let at = time_of_ms(version as i64);
    let what = if version.is_multiple_of(3) {
        let comment = CommentId(Uuid::from_u128(u128::from(shard) << 96 | u128::from(version / 9)));
        match version % 9 {
            0 => What::Comment {
                comment,
                post: PostId(Uuid::from_u128(u128::from(version / 9 % TARGETS))),
                post_author: user(1),
                parent: None,
                author: who,
                text: Some("text".to_owned()),
                created_at: at,
            },
            3 => What::CommentDeleted { comment, deleted: version.is_multiple_of(2) },
            _ => What::CommentText { comment, text: None, edited_at: at },
        }
    } else {
        let target = Target::Post(on_post);
        What::Like { target, post: on_post, author: user(1), user: who, on: !version.is_multiple_of(4), at }
    };
    Change { version, what }
}

fn follow(version: u64, shard: u64) -> Change {
    let (follower, followee) = (user(shard * 1_000 + version * 3 % 40), user(version % TARGETS));
    let what =
        What::Follow { follower, followee, on: !version.is_multiple_of(4), at: time_of_ms(version as i64) };
    Change { version, what }
}

/// Works through a shard as a lane does: from its cursor on, in steps, and over again when it is told to.
async fn work(
    store: PostgresViews,
    projection: &'static str,
    shard: u64,
    end: u64,
    size: u64,
    say: fn(u64, u64) -> Change,
) -> u64 {
    let name = Shard::of_partition(projection, shard as i32);
    let mut switched = 0;
    'over: loop {
        let mut cursor = store.cursor(projection, Generation::Live, &name).await.unwrap().position;
        while cursor < end {
            let to = (cursor + size).min(end);
            let changes = (cursor + 1..=to).map(|version| say(version, shard)).collect();
            let step = step(projection, Generation::Live, changes, to);
            match store.apply(&name, step, ShardCursor::at(to)).await {
                Ok(()) => cursor = to,
                Err(ViewError::Switched) => {
                    switched += 1;
                    continue 'over;
                }
                Err(error) => panic!("{error}"),
            }
        }
        return switched;
    }
}

async fn rows(database: &Database, sql: &str) -> BTreeSet<(Uuid, i64, i64)> {
    let pool = database.pool().await;
    let rows = sqlx::query_as(AssertSqlSafe(sql.to_owned())).fetch_all(&pool).await.unwrap();
    rows.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_what_a_recount_says_whoever_writes() {
    let database = Database::migrated("pgviews").await;
    let stores = [open(&database).await, open(&database).await, open(&database).await];
    let mut tasks = tokio::task::JoinSet::new();
    for (process, store) in stores.iter().enumerate() {
        for shard in 0..3 {
            // Each shard is followed by two of the processes at once, in steps of different sizes.
            if shard != process as u64 {
                let size = [1, 17, 150][(process + shard as usize) % 3];
                tasks.spawn(work(store.clone(), projection::ENGAGEMENT, shard, 600, size, engagement));
                tasks.spawn(work(store.clone(), projection::GRAPH, shard, 600, size, follow));
            }
        }
    }
    tasks.join_all().await;
    let alone = Database::migrated("pgviews").await;
    let store = open(&alone).await;
    for shard in 0..3 {
        work(store.clone(), projection::ENGAGEMENT, shard, 600, 1_000, engagement).await;
        work(store.clone(), projection::GRAPH, shard, 600, 1_000, follow).await;
    }
    let counts = "SELECT target, likes, comments FROM v_engagement.counts";
    let recount = "SELECT target, sum(likes)::bigint, sum(comments)::bigint FROM (
                       SELECT target, liked::int AS likes, 0 AS comments FROM v_engagement.likes
                       UNION ALL
                       SELECT post, 0, (NOT deleted)::int FROM v_engagement.comments) AS each GROUP BY target";
    let follows =
        "SELECT user_id, followers, following FROM v_graph.counts WHERE (followers, following) <> (0, 0)";
    let recount_follows = "SELECT id, sum(f)::bigint, sum(g)::bigint FROM (
                               SELECT followee AS id, 1 AS f, 0 AS g FROM v_graph.follows WHERE edge
                               UNION ALL SELECT follower, 0, 1 FROM v_graph.follows WHERE edge) AS each
                           GROUP BY id";
    let (together, once) = (rows(&database, counts).await, rows(&alone, counts).await);
    assert_eq!(together.len(), TARGETS as usize);
    assert!(together.iter().all(|(_, likes, comments)| *likes > 0 && *comments > 0));
    assert_eq!(together, rows(&database, recount).await);
    assert_eq!(together, once);
    let (together, once) = (rows(&database, follows).await, rows(&alone, follows).await);
    assert!(together.len() > TARGETS as usize);
    assert_eq!(together, rows(&database, recount_follows).await);
    assert_eq!(together, once);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_while_others_write_loses_nothing() {
    const END: u64 = 1_500;
    fn said(version: u64, shard: u64) -> Change {
        post(version * 10 + shard, u128::from(version * 10 + shard), "words of a post")
    }
    /// A shard's positions are those that end in its number.
    async fn lane(store: PostgresViews, shard: u64, at_least: Arc<AtomicU64>, hold: Arc<AtomicBool>) -> u64 {
        let name = Shard::of_partition("post", shard as i32);
        let mut switched = 0;
        'over: loop {
            let cursor = store.cursor(projection::POSTS, Generation::Live, &name).await.unwrap().position;
            let mut done = cursor / 10;
            while done < END {
                let to = (done + 20).min(END);
                let changes: Vec<Change> = (done + 1..=to).map(|version| said(version, shard)).collect();
                let position = to * 10 + shard;
                let step = step(projection::POSTS, Generation::Live, changes, position);
                match store.apply(&name, step, ShardCursor::at(position)).await {
                    Ok(()) => done = to,
                    Err(ViewError::Switched) => {
                        switched += 1;
                        continue 'over;
                    }
                    Err(error) => panic!("{error}"),
                }
                at_least.fetch_add(1, Ordering::Relaxed);
                // The last steps come when the switches are over.
                while done > END / 2 && hold.load(Ordering::Relaxed) {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                    let step = step_of_nothing(done * 10 + shard);
                    let cursor = ShardCursor::at(done * 10 + shard);
                    if let Err(ViewError::Switched) = store.apply(&name, step, cursor).await {
                        switched += 1;
                        continue 'over;
                    }
                }
            }
            return switched;
        }
    }
    fn step_of_nothing(cursor: u64) -> Arc<nova_views::Apply> {
        step(projection::POSTS, Generation::Live, Vec::new(), cursor)
    }
    let database = Database::migrated("pgviews").await;
    let stores = [open(&database).await, open(&database).await];
    let (steps, hold) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(true)));
    let mut tasks = tokio::task::JoinSet::new();
    for shard in 0..4 {
        let store = stores[shard as usize % 2].clone();
        tasks.spawn(lane(store, shard, Arc::clone(&steps), Arc::clone(&hold)));
    }
    let rebuilder = open(&database).await;
    for reached in [100, 400, 700] {
        rebuilder.begin_rebuild(projection::POSTS).await.unwrap();
        let mut all: Vec<Change> =
            (1..=reached).flat_map(|version| (0..4).map(move |shard| said(version, shard))).collect();
        all.sort_by_key(|change| change.version);
        let cursor = ShardCursor::at(reached * 10 + 3);
        let filling = step(projection::POSTS, Generation::Next, all, cursor.position);
        rebuilder.apply(&Shard::whole(), filling, cursor).await.unwrap();
        rebuilder.switch(projection::POSTS).await.unwrap();
        let before = steps.load(Ordering::Relaxed);
        while steps.load(Ordering::Relaxed) == before && reached < 700 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
    hold.store(false, Ordering::Relaxed);
    let switched: u64 = tasks.join_all().await.iter().sum();
    assert!(switched >= 4, "every lane is told at least once: {switched}");
    let pool = database.pool().await;
    let posts: i64 = sqlx::query_scalar("SELECT count(*) FROM v_posts.posts").fetch_one(&pool).await.unwrap();
    assert_eq!(posts as u64, END * 4);
    let counted: i64 = sqlx::query_scalar("SELECT sum(posts)::bigint FROM v_posts.author_counts")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(counted as u64, END * 4);
}
