//! The fillings of each view: which one is live, which one a rebuild fills, and how they are made, put in place and
//! dropped.
//!
//! Whoever writes to a view holds its lock shared until the end of its transaction; whoever changes which filling is
//! live, or makes tables, holds it alone. The lock is one of PostgreSQL's advisory locks, which are fair: a switch does
//! not wait for ever for a moment in which nobody writes, as it would for a row that others keep locking together.

use nova_views::{Generation, ProjectionStatus, ViewError};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool, Postgres, Transaction};

use super::cursors::Cursors;
use super::error::view_error;
use super::schema::{SCHEMA_VERSION, VIEWS, View};
use crate::shard::{Shard, ShardCursor};

/// The first key of the locks of views; the second is the place of the view.
const LOCKS: i32 = 0x4e6f_7661;

type Failed = Result<i64, ViewError>;

/// Begins a transaction that writes to a view. It does not wait for the disk.
pub(super) async fn begin_shared(
    pool: &PgPool,
    index: usize,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    let sql = format!(
        "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL jit = off; SET LOCAL lock_timeout = '30s';
         SET LOCAL statement_timeout = '300s';
         SELECT pg_advisory_xact_lock_shared({LOCKS}, {index})"
    );
    pool.begin_with(AssertSqlSafe(sql)).await
}

async fn begin_alone(pool: &PgPool, index: usize) -> Result<Transaction<'static, Postgres>, ViewError> {
    let sql = format!(
        "BEGIN; SET LOCAL statement_timeout = '600s'; SELECT pg_advisory_xact_lock({LOCKS}, {index})"
    );
    pool.begin_with(AssertSqlSafe(sql)).await.map_err(|error| view_error(&error))
}

async fn commit(transaction: Transaction<'static, Postgres>) -> Result<(), ViewError> {
    transaction.commit().await.map_err(|error| view_error(&error))
}

/// What is found of a live view.
#[derive(Debug, Clone, Copy)]
enum Found {
    /// All tables of the filling of this number.
    Whole(i64),
    /// What was there is gone, or was never there.
    Lost,
    OfVersion(i32),
}

async fn look(db: &mut PgConnection, view: &View) -> sqlx::Result<Found> {
    let schema = view.live_schema();
    let sql = "SELECT live_number, (
                   SELECT count(*) FROM pg_catalog.pg_class
                   WHERE relnamespace = to_regnamespace($2) AND relname = ANY($3))
               FROM nova.view_generations WHERE projection = $1";
    let found: Option<(i64, i64)> = sqlx::query_as(sql)
        .bind(view.name)
        .bind(&schema)
        .bind(view.relations)
        .fetch_optional(&mut *db)
        .await?;
    let Some((live, there)) = found else { return Ok(Found::Lost) };
    if there != view.relations.len() as i64 {
        return Ok(Found::Lost);
    }
    Ok(match marker(db, &schema).await? {
        Some((_, version)) if version > SCHEMA_VERSION => Found::OfVersion(version),
        Some((number, SCHEMA_VERSION)) if number == live => Found::Whole(live),
        Some(_) | None => Found::Lost,
    })
}

async fn marker(db: &mut PgConnection, schema: &str) -> sqlx::Result<Option<(i64, i32)>> {
    let sql = format!("SELECT generation_number, schema_version FROM {schema}.marker");
    sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(db).await
}

fn newer(found: i32) -> ViewError {
    ViewError::Schema {
        found: u32::try_from(found).unwrap_or(0),
        known: SCHEMA_VERSION as u32,
        remedy: "upgrade Nova".to_owned(),
    }
}

/// Makes the views that are missing, and drops what replaced ones have left.
pub(super) async fn open_all(pool: &PgPool, cursors: &Cursors) -> Result<(), ViewError> {
    for (index, view) in VIEWS.iter().enumerate() {
        let number = live_number(pool, index).await?;
        cursors.live_is(index, number);
        drop_old(pool, view).await;
    }
    Ok(())
}

/// The number of the live filling, which starts over when it is not whole.
async fn live_number(pool: &PgPool, index: usize) -> Failed {
    let mut connection = pool.acquire().await.map_err(|error| view_error(&error))?;
    let found = look(&mut connection, &VIEWS[index]).await;
    drop(connection);
    match found {
        Ok(Found::Whole(number)) => Ok(number),
        Ok(Found::OfVersion(version)) => Err(newer(version)),
        Ok(Found::Lost) => start_over(pool, index).await,
        // Dropped between the two questions.
        Err(error) if super::error::is_missing(&error) => start_over(pool, index).await,
        Err(error) => Err(view_error(&error)),
    }
}

/// Makes the live tables anew, empty, unless someone else has done so meanwhile. Cursors and dead letters go with what
/// was lost.
pub(super) async fn start_over(pool: &PgPool, index: usize) -> Failed {
    let view = &VIEWS[index];
    let mut transaction = begin_alone(pool, index).await?;
    let number = match look(&mut transaction, view).await.map_err(|error| view_error(&error))? {
        Found::Whole(number) => number,
        Found::OfVersion(version) => return Err(newer(version)),
        Found::Lost => {
            tracing::info!(
                view = view.name,
                "the view's tables are not there: they are made, and filled from the log"
            );
            let made = make_live(&mut transaction, view).await;
            made.map_err(|error| view_error(&error))?
        }
    };
    commit(transaction).await?;
    Ok(number)
}

async fn make_live(db: &mut PgConnection, view: &View) -> sqlx::Result<i64> {
    let number = new_number(db, view).await?;
    view.create(db, &view.live_schema(), number).await?;
    let sql = "INSERT INTO nova.view_generations AS held (projection, generation, live_number, last_number)
               VALUES ($1, 1, $2, $2)
               ON CONFLICT (projection) DO UPDATE SET live_number = $2, last_number = $2";
    sqlx::query(sql).bind(view.name).bind(number).execute(&mut *db).await?;
    forget_others(db, view).await?;
    Ok(number)
}

/// Higher than any before, even when those have been forgotten.
async fn new_number(db: &mut PgConnection, view: &View) -> sqlx::Result<i64> {
    let sql = "SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint, 1 + coalesce(
                   (SELECT last_number FROM nova.view_generations WHERE projection = $1), 0))";
    sqlx::query_scalar(sql).bind(view.name).fetch_one(db).await
}

/// Cursors and dead letters of fillings that are neither live nor being rebuilt.
async fn forget_others(db: &mut PgConnection, view: &View) -> sqlx::Result<()> {
    for sql in [
        "DELETE FROM nova.view_cursors c WHERE projection = $1 AND NOT EXISTS (
             SELECT FROM nova.view_generations g
             WHERE g.projection = $1 AND c.generation_number IN (g.live_number, g.next_number))",
        "DELETE FROM nova.view_dead_letters l WHERE projection = $1 AND NOT EXISTS (
             SELECT FROM nova.view_generations g
             WHERE g.projection = $1 AND l.generation_number IN (g.live_number, g.next_number))",
    ] {
        sqlx::query(sql).bind(view.name).execute(&mut *db).await?;
    }
    Ok(())
}

/// The number of the filling that has begun.
pub(super) async fn begin_rebuild(pool: &PgPool, index: usize) -> Failed {
    let view = &VIEWS[index];
    // There may be nothing yet beside which to begin.
    live_number(pool, index).await?;
    drop_old(pool, view).await;
    let mut transaction = begin_alone(pool, index).await?;
    let begin = async |db: &mut PgConnection| {
        let number = new_number(db, view).await?;
        view.create(db, &view.next_schema(), number).await?;
        let sql = "UPDATE nova.view_generations SET next_number = $2, last_number = $2 WHERE projection = $1";
        sqlx::query(sql).bind(view.name).bind(number).execute(&mut *db).await?;
        forget_others(db, view).await?;
        Ok(number)
    };
    let number = begin(&mut transaction).await.map_err(|error: sqlx::Error| view_error(&error))?;
    commit(transaction).await?;
    Ok(number)
}

/// The next filling takes the place of the live one: the schemas change their names, so readers wait for nothing. The
/// old one is dropped behind that, when its last readers are done.
pub(super) async fn switch(pool: &PgPool, index: usize) -> Failed {
    let view = &VIEWS[index];
    let mut transaction = begin_alone(pool, index).await?;
    let number = rename(&mut transaction, view).await.map_err(|error| view_error(&error))?;
    let Some(number) = number else {
        return Err(ViewError::Unavailable("no rebuild of this view has begun".to_owned()));
    };
    commit(transaction).await?;
    drop_old(pool, view).await;
    Ok(number)
}

async fn rename(db: &mut PgConnection, view: &View) -> sqlx::Result<Option<i64>> {
    let numbers: Option<(i64, Option<i64>, bool, bool)> = sqlx::query_as(
        "SELECT live_number, next_number, to_regnamespace($2) IS NOT NULL, to_regclass($3) IS NOT NULL
         FROM nova.view_generations WHERE projection = $1",
    )
    .bind(view.name)
    .bind(view.live_schema())
    .bind(format!("{}.marker", view.next_schema()))
    .fetch_optional(&mut *db)
    .await?;
    let Some((old, Some(number), live_is_there, true)) = numbers else { return Ok(None) };
    if marker(db, &view.next_schema()).await? != Some((number, SCHEMA_VERSION)) {
        return Ok(None);
    }
    let (live, next, old_name) = (view.live_schema(), view.next_schema(), view.old_schema(old));
    if live_is_there {
        let sql = format!("ALTER SCHEMA {live} RENAME TO {old_name}");
        db.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    }
    let sql = format!("ALTER SCHEMA {next} RENAME TO {live}");
    db.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    move_cursors(db, view, old, number).await?;
    let sql = "UPDATE nova.view_generations
               SET generation = generation + 1, live_number = next_number, next_number = NULL
               WHERE projection = $1";
    sqlx::query(sql).bind(view.name).execute(&mut *db).await?;
    forget_others(db, view).await?;
    Ok(Some(number))
}

/// A shard whose live cursor is at most where the rebuild has come to keeps it; any other goes on from there, with no
/// offset. The rebuild's own cursor is one of the live ones only if the whole log was a shard before.
async fn move_cursors(db: &mut PgConnection, view: &View, old: i64, number: i64) -> sqlx::Result<()> {
    let sql =
        "DELETE FROM nova.view_cursors WHERE projection = $1 AND generation_number = $2 RETURNING position";
    let reached: Option<i64> =
        sqlx::query_scalar(sql).bind(view.name).bind(number).fetch_all(&mut *db).await?.into_iter().max();
    let sql = "INSERT INTO nova.view_cursors (projection, generation_number, shard, position, kafka_offset)
               SELECT projection, $3, shard, least(position, $4),
                   CASE WHEN position <= $4 THEN kafka_offset END
               FROM nova.view_cursors WHERE projection = $1 AND generation_number = $2 AND least(position, $4) > 0";
    sqlx::query(sql)
        .bind(view.name)
        .bind(old)
        .bind(number)
        .bind(reached.unwrap_or(0))
        .execute(db)
        .await
        .map(|_| ())
}

/// Drops replaced fillings. What a reader keeps is dropped at the next rebuild or start.
async fn drop_old(pool: &PgPool, view: &View) {
    let names: sqlx::Result<Vec<String>> = sqlx::query_scalar(
        "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE starts_with(nspname::text, $1)",
    )
    .bind(view.old_prefix())
    .fetch_all(pool)
    .await;
    for name in names.unwrap_or_default() {
        // Names that another owner of the database has given are left alone.
        if !name[view.old_prefix().len()..].bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let sql = format!(
            "BEGIN; SET LOCAL statement_timeout = '600s'; SET LOCAL lock_timeout = '2s'; DROP SCHEMA IF EXISTS {name} CASCADE; COMMIT"
        );
        let dropped = match pool.acquire().await {
            Ok(mut connection) => {
                let dropped = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(|_| ());
                if dropped.is_err() {
                    let _ = connection.execute("ROLLBACK").await;
                }
                dropped
            }
            Err(error) => Err(error),
        };
        if let Err(error) = dropped {
            let error = view_error(&error);
            tracing::warn!(view = view.name, %error, "a replaced view is not dropped yet");
        }
    }
}

pub(super) async fn cursor(
    pool: &PgPool,
    cursors: &Cursors,
    index: usize,
    generation: Generation,
    shard: &Shard,
) -> Result<ShardCursor, ViewError> {
    let told = cursors.told(index, generation, shard);
    let number = match generation {
        Generation::Live => live_number(pool, index).await?,
        Generation::Next => {
            let sql = "SELECT next_number FROM nova.view_generations WHERE projection = $1";
            let next: Option<Option<i64>> = sqlx::query_scalar(sql)
                .bind(VIEWS[index].name)
                .fetch_optional(pool)
                .await
                .map_err(|error| view_error(&error))?;
            let Some(number) = next.flatten() else { return Ok(ShardCursor::default()) };
            number
        }
    };
    let sql = "SELECT position, kafka_offset FROM nova.view_cursors
               WHERE projection = $1 AND generation_number = $2 AND shard = $3";
    let saved: Option<(i64, Option<i64>)> = sqlx::query_as(sql)
        .bind(VIEWS[index].name)
        .bind(number)
        .bind(shard.as_str())
        .fetch_optional(pool)
        .await
        .map_err(|error| view_error(&error))?;
    let saved = saved.map_or_else(ShardCursor::default, |(position, offset)| ShardCursor {
        position: position as u64,
        offset,
        mark: None,
    });
    Ok(match generation {
        Generation::Live => cursors.serve(index, number, shard, told, saved),
        Generation::Next => saved,
    })
}

type StatusRow = (String, i64, Option<i64>, Option<i64>, Option<i64>, i64, i64);

pub(super) async fn status(pool: &PgPool) -> Result<Vec<ProjectionStatus>, ViewError> {
    let sql = "SELECT g.projection, g.generation, g.next_number,
                   (SELECT min(c.position) FROM nova.view_cursors c
                    WHERE c.projection = g.projection AND c.generation_number = g.live_number),
                   (SELECT max(c.position) FROM nova.view_cursors c
                    WHERE c.projection = g.projection AND c.generation_number = g.next_number),
                   (SELECT count(*) FROM nova.view_dead_letters l
                    WHERE l.projection = g.projection AND l.generation_number = g.live_number),
                   (SELECT count(DISTINCT l.stream) FROM nova.view_dead_letters l
                    WHERE l.projection = g.projection AND l.generation_number = g.live_number)
               FROM nova.view_generations g";
    let rows: Vec<StatusRow> =
        sqlx::query_as(sql).fetch_all(pool).await.map_err(|error| view_error(&error))?;
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let status = |view: &View| {
        let row = rows.iter().find(|row| row.0 == view.name);
        row.map(|(name, generation, next, position, rebuilding, letters, streams)| ProjectionStatus {
            name: name.clone(),
            generation: count(*generation),
            position: count(position.unwrap_or(0)),
            rebuilding: next.map(|_| count(rebuilding.unwrap_or(0))),
            dead_letters: count(*letters),
            parked_streams: count(*streams),
        })
    };
    Ok(VIEWS.iter().filter_map(status).collect())
}
