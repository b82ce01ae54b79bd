//! Fillings, cursors and what is lost.

use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_events::envelope::time_of_ms;
use nova_events::media::MediaKind;
use nova_events::post::Visibility;
use nova_events::{MediaId, PostId};
use nova_views::{Apply, Change, Generation, ViewError, What, projection};
use sqlx::{AssertSqlSafe, PgPool};
use std::sync::Arc;
use uuid::Uuid;

use crate::open;
use crate::postgres::Database;

const MEDIA: [(MediaId, MediaKind); 2] =
    [(MediaId(Uuid::from_u128(1)), MediaKind::Image), (MediaId(Uuid::from_u128(2)), MediaKind::Video)];

pub(crate) fn post(version: u64, id: u128, text: &str) -> Change {
    let what = What::Post {
        post: PostId(Uuid::from_u128(id)),
        author: nova_events::UserId(Uuid::from_u128(id % 10)),
        visibility: Visibility::Public,
        media: MEDIA.to_vec(),
        text: Some(text.to_owned()),
        created_at: time_of_ms(version as i64),
    };
    Change { version, what }
}

pub(crate) fn step(
    projection: &'static str,
    generation: Generation,
    changes: Vec<Change>,
    cursor: u64,
) -> Arc<Apply> {
    let (dead_letters, redriven) = (Vec::new(), Vec::new());
    Arc::new(Apply { projection, generation, changes, dead_letters, redriven, cursor })
}

pub(crate) fn at(position: u64) -> ShardCursor {
    ShardCursor { position, offset: Some(position as i64 * 2), mark: None }
}

async fn say(store: &impl ShardStore, shard: &Shard, version: u64) -> Result<(), ViewError> {
    let step =
        step(projection::POSTS, Generation::Live, vec![post(version, version.into(), "said")], version);
    store.apply(shard, step, at(version)).await
}

async fn count(pool: &PgPool, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {what}"))).fetch_one(pool).await.unwrap()
}

async fn sql(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_kept_for_each_shard_with_its_offset() {
    let database = Database::migrated("pgviews").await;
    let store = open(&database).await;
    let (one, other) = (Shard::of_partition("post", 1), Shard::of_partition("post", 2));
    assert_eq!(
        store.cursor(projection::POSTS, Generation::Live, &one).await.unwrap(),
        ShardCursor::default()
    );
    say(&store, &one, 5).await.unwrap();
    say(&store, &other, 7).await.unwrap();
    say(&store, &one, 3).await.unwrap();
    let again = open(&database).await;
    assert_eq!(again.cursor(projection::POSTS, Generation::Live, &one).await.unwrap(), at(5));
    assert_eq!(again.cursor(projection::POSTS, Generation::Live, &other).await.unwrap(), at(7));
    assert_eq!(again.applied(&[(projection::POSTS, one), (projection::POSTS, other)]).await.unwrap(), 5);
    assert_eq!(again.applied(&[(projection::POSTS, Shard::of_partition("post", 3))]).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_has_looked_at_another_soon_sees() {
    let database = Database::migrated("pgviews").await;
    let (store, other) = (open(&database).await, open(&database).await);
    let shard = Shard::of_partition("like", 0);
    let of = [(projection::ENGAGEMENT, shard.clone())];
    store.advance(projection::ENGAGEMENT, Generation::Live, &shard, at(40)).await.unwrap();
    let began = std::time::Instant::now();
    while other.applied(&of).await.unwrap() < 40 {
        assert!(began.elapsed().as_secs() < 10, "the cursor is not saved");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(other.cursor(projection::ENGAGEMENT, Generation::Live, &shard).await.unwrap(), at(40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_takes_shards_that_are_ahead_back_to_where_the_rebuild_has_come() {
    let database = Database::migrated("pgviews").await;
    let (store, other) = (open(&database).await, open(&database).await);
    let shards = [1, 2, 3].map(|n| Shard::of_partition("post", n));
    for (shard, version) in shards.iter().zip([10, 20, 30]) {
        store.cursor(projection::POSTS, Generation::Live, shard).await.unwrap();
        say(&store, shard, version).await.unwrap();
    }
    other.begin_rebuild(projection::POSTS).await.unwrap();
    let all = vec![post(10, 10, "said"), post(20, 20, "said")];
    let filling = step(projection::POSTS, Generation::Next, all, 20);
    other.apply(&Shard::whole(), filling, ShardCursor::at(20)).await.unwrap();
    other.switch(projection::POSTS).await.unwrap();
    // Whoever had its cursor from the old one is told, before and after another has asked.
    for (shard, version) in shards.iter().zip([11, 21, 31]) {
        let refused = say(&store, shard, version).await;
        assert!(matches!(refused, Err(ViewError::Switched)), "{refused:?}");
    }
    let refused = store.advance(projection::POSTS, Generation::Live, &shards[0], at(50)).await;
    assert!(matches!(refused, Err(ViewError::Switched)), "{refused:?}");
    let pool = database.pool().await;
    assert_eq!(count(&pool, "v_posts.posts").await, 2);
    let mut cursors = Vec::new();
    for shard in &shards {
        cursors.push(store.cursor(projection::POSTS, Generation::Live, shard).await.unwrap());
    }
    assert_eq!(cursors, [at(10), at(20), ShardCursor::at(20)]);
    let whole = store.cursor(projection::POSTS, Generation::Live, &Shard::whole()).await.unwrap();
    assert_eq!(whole, ShardCursor::default(), "the rebuild's own cursor is not a shard's");
    say(&store, &shards[2], 30).await.unwrap();
    assert_eq!(count(&pool, "v_posts.posts").await, 3);
    assert_eq!(count(&pool, "pg_namespace WHERE nspname LIKE 'v_posts%'").await, 1, "the old one is dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_another_begins_anew_ends_the_first() {
    let database = Database::migrated("pgviews").await;
    let (store, other) = (open(&database).await, open(&database).await);
    let fill = |version| step(projection::POSTS, Generation::Next, vec![post(version, 1, "said")], version);
    store.begin_rebuild(projection::POSTS).await.unwrap();
    store.apply(&Shard::whole(), fill(1), at(1)).await.unwrap();
    other.begin_rebuild(projection::POSTS).await.unwrap();
    let refused = store.apply(&Shard::whole(), fill(2), at(2)).await;
    assert!(matches!(refused, Err(ViewError::Switched)), "{refused:?}");
    other.apply(&Shard::whole(), fill(3), at(3)).await.unwrap();
    other.switch(projection::POSTS).await.unwrap();
    let refused = other.apply(&Shard::whole(), fill(4), at(4)).await;
    assert!(matches!(refused, Err(ViewError::Switched)), "there is no rebuild any more: {refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_lost_are_made_again_and_filled_from_the_start() {
    let database = Database::migrated("pgviews").await;
    let store = open(&database).await;
    let pool = database.pool().await;
    let shard = Shard::of_partition("post", 0);
    let losses = [
        "DROP SCHEMA v_posts CASCADE",
        "DROP TABLE v_posts.author_counts",
        "DROP TABLE v_posts.marker",
        "DELETE FROM nova.view_generations WHERE projection = 'posts'",
        "UPDATE v_posts.marker SET generation_number = 1",
    ];
    for loss in losses {
        let cursor = store.cursor(projection::POSTS, Generation::Live, &shard).await.unwrap();
        assert_eq!(cursor, ShardCursor::default(), "before {loss}");
        say(&store, &shard, 5).await.unwrap();
        sql(&pool, loss).await;
        let refused = say(&store, &shard, 6).await;
        assert!(matches!(refused, Err(ViewError::Switched)), "after {loss}: {refused:?}");
        assert_eq!(count(&pool, "v_posts.posts").await, 0, "after {loss}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_a_newer_program_are_left_alone() {
    let database = Database::migrated("pgviews").await;
    let store = open(&database).await;
    let pool = database.pool().await;
    sql(&pool, "UPDATE v_posts.marker SET schema_version = 99").await;
    let refused = store.cursor(projection::POSTS, Generation::Live, &Shard::whole()).await;
    assert!(matches!(refused, Err(ViewError::Schema { found: 99, .. })), "{refused:?}");
    sql(&pool, "UPDATE v_posts.marker SET schema_version = 0").await;
    say(&store, &Shard::whole(), 5).await.unwrap();
    store.cursor(projection::POSTS, Generation::Live, &Shard::whole()).await.unwrap();
    assert_eq!(count(&pool, "v_posts.posts").await, 0, "those of an older one are filled again");
}

/// What the server loses in a crash is what it told last, with its cursors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_wrote_what_the_server_lost_notices() {
    let database = Database::migrated("pgviews").await;
    let store = open(&database).await;
    let pool = database.pool().await;
    let shard = Shard::of_partition("post", 0);
    store.cursor(projection::POSTS, Generation::Live, &shard).await.unwrap();
    let lose = "DELETE FROM v_posts.posts WHERE v > 4; DELETE FROM nova.view_cursors WHERE position > 4;
                INSERT INTO nova.view_cursors SELECT projection, live_number, 'post.0', 4, 8
                    FROM nova.view_generations WHERE projection = 'posts' ON CONFLICT DO NOTHING";
    say(&store, &shard, 4).await.unwrap();
    say(&store, &shard, 5).await.unwrap();
    sql(&pool, lose).await;
    let refused = say(&store, &shard, 6).await;
    assert!(matches!(refused, Err(ViewError::Switched)), "{refused:?}");
    assert_eq!(store.cursor(projection::POSTS, Generation::Live, &shard).await.unwrap(), at(4));
    say(&store, &shard, 5).await.unwrap();
    sql(&pool, lose).await;
    // A cursor that only moves on must not cover the loss up either.
    let began = std::time::Instant::now();
    while store.advance(projection::POSTS, Generation::Live, &shard, at(7)).await.is_ok() {
        assert!(began.elapsed().as_secs() < 10, "nobody notices");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(store.cursor(projection::POSTS, Generation::Live, &shard).await.unwrap(), at(4));
}

/// Whatever fails after the changes have been made takes them back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_and_their_cursor_are_one() {
    let database = Database::migrated("pgviews").await;
    let store = open(&database).await;
    let pool = database.pool().await;
    let shard = Shard::of_partition("post", 0);
    sql(&pool, "ALTER TABLE nova.view_cursors ADD CONSTRAINT refuses CHECK (position <> 9)").await;
    let refused = say(&store, &shard, 9).await;
    assert!(matches!(&refused, Err(ViewError::Unavailable(_))), "{refused:?}");
    assert_eq!((count(&pool, "v_posts.posts").await, count(&pool, "v_posts.author_counts").await), (0, 0));
    say(&store, &shard, 10).await.unwrap();
    // A step that is refused takes nothing of those that came with it along.
    let (other, steps) = (Shard::of_partition("post", 1), 20..40);
    let say_all = steps.map(|version| {
        let shard = Shard::of_partition("post", version as i32);
        let store = store.clone();
        async move { say(&store, &shard, version).await }
    });
    let bad = say(&store, &other, 9);
    let (said, bad) = tokio::join!(futures::future::join_all(say_all), bad);
    assert!(bad.is_err() && said.iter().all(Result::is_ok));
    assert_eq!(count(&pool, "v_posts.posts").await, 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_postgresql_cannot_hold_are_held_all_the_same() {
    let database = Database::migrated("pgviews").await;
    let store = open(&database).await;
    let text = format!("nul \0 here, 'quoted' \\ {} {}", "long".repeat(3_000), "many ".repeat(20_000));
    let step = step(projection::POSTS, Generation::Live, vec![post(1, 1, &text)], 1);
    store.apply(&Shard::whole(), step, at(1)).await.unwrap();
    let pool = database.pool().await;
    assert_eq!(count(&pool, "v_posts.posts WHERE tsv @@ '''here'' <-> ''quoted'''::tsquery").await, 1);
    let media: Vec<u8> =
        sqlx::query_scalar("SELECT media FROM v_posts.posts").fetch_one(&pool).await.unwrap();
    let shown: Vec<_> = nova_views::media::unpack(&media).collect();
    assert_eq!(shown, MEDIA.map(|(id, kind)| nova_views::MediaRef::new(id, kind)));
}
