//! Cursors as the server keeps them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nova_views::{Generation, ViewError};
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use super::{Cursors, Unsaved, later};
use crate::shard::ShardCursor;
use crate::views::postgres::error::view_error;
use crate::views::postgres::schema::{VIEWS, index_of};

const AFTER_AN_ERROR: Duration = Duration::from_secs(1);

/// The positions that are saved of these shards; none for those of which nothing is.
pub(in crate::views::postgres) async fn positions(
    db: &mut PgConnection,
    index: usize,
    number: i64,
    shards: &[&str],
) -> sqlx::Result<HashMap<String, u64>> {
    let sql = "SELECT shard, position FROM nova.view_cursors
               WHERE projection = $1 AND generation_number = $2 AND shard = ANY($3)";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(sql).bind(VIEWS[index].name).bind(number).bind(shards).fetch_all(db).await?;
    Ok(rows.into_iter().map(|(shard, position)| (shard, position as u64)).collect())
}

/// Saves cursors, in this order. They do not go back, and one at 0 is not kept. `false`: the log does not have the events that
/// they name, and nothing was saved.
pub(in crate::views::postgres) async fn put(
    db: &mut PgConnection,
    cursors: impl Iterator<Item = (usize, i64, &str, ShardCursor)>,
) -> sqlx::Result<bool> {
    let (mut projections, mut numbers, mut shards) = (Vec::new(), Vec::new(), Vec::new());
    let (mut positions, mut offsets) = (Vec::new(), Vec::new());
    let (mut events, mut times) = (Vec::new(), Vec::new());
    for (index, number, shard, cursor) in cursors.filter(|(.., cursor)| cursor.position > 0) {
        projections.push(VIEWS[index].name);
        numbers.push(number);
        shards.push(shard);
        positions.push(cursor.position as i64);
        offsets.push(cursor.offset);
        events.push(cursor.mark.map(|mark| mark.event_id));
        times.push(cursor.mark.map(|mark| mark.recorded_at_ms.cast_signed()));
    }
    if shards.is_empty() {
        return Ok(true);
    }
    let sql = "WITH given AS (
                   SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[],
                                        $6::uuid[], $7::bigint[])
                       AS t (projection, generation_number, shard, position, kafka_offset, event, recorded_at)
               ), foreigners AS (
                   SELECT FROM given WHERE event IS NOT NULL AND NOT EXISTS (
                       SELECT FROM nova.events e WHERE e.position = given.position
                           AND e.event_id = given.event AND e.recorded_at = given.recorded_at)
               ), put AS (
                   INSERT INTO nova.view_cursors AS held
                       (projection, generation_number, shard, position, kafka_offset)
                   SELECT projection, generation_number, shard, position, kafka_offset FROM given
                   WHERE NOT EXISTS (SELECT FROM foreigners)
                   ON CONFLICT (projection, generation_number, shard) DO UPDATE SET
                       position = excluded.position,
                       kafka_offset = CASE WHEN excluded.position > held.position THEN excluded.kafka_offset
                                           ELSE coalesce(held.kafka_offset, excluded.kafka_offset) END
                   WHERE excluded.position > held.position
                       OR (excluded.position = held.position AND held.kafka_offset IS NULL
                           AND excluded.kafka_offset IS NOT NULL)
               )
               SELECT NOT EXISTS (SELECT FROM foreigners)";
    sqlx::query_scalar(sql)
        .bind(projections)
        .bind(numbers)
        .bind(shards)
        .bind(positions)
        .bind(offsets)
        .bind(events)
        .bind(times)
        .fetch_one(db)
        .await
}

/// Saves whatever has moved since it was last saved.
pub(in crate::views::postgres) async fn save(pool: &PgPool, cursors: &Cursors) -> Result<(), ViewError> {
    let unsaved = cursors.unsaved();
    if unsaved.is_empty() {
        return Ok(());
    }
    save_these(pool, cursors, unsaved).await.map_err(|error| view_error(&error))
}

async fn save_these(pool: &PgPool, cursors: &Cursors, unsaved: Vec<Unsaved>) -> sqlx::Result<()> {
    // What is read and what is written are of one life of the server: a connection does not outlive it.
    let mut transaction = pool.begin_with("BEGIN; SET LOCAL synchronous_commit = off").await?;
    let live: Vec<(String, i64)> =
        sqlx::query_as("SELECT projection, live_number FROM nova.view_generations")
            .fetch_all(&mut *transaction)
            .await?;
    let mut there = Vec::with_capacity(unsaved.len());
    for of_view in unsaved.chunk_by(|a, b| a.index == b.index) {
        let Unsaved { index, number, .. } = of_view[0];
        let now = live.iter().find(|(projection, _)| projection == VIEWS[index].name).map(|(_, now)| *now);
        if now != Some(number) {
            if let Some(now) = now {
                cursors.live_is(index, now);
            }
            continue;
        }
        let shards: Vec<&str> = of_view.iter().map(|unsaved| &*unsaved.shard).collect();
        let saved = positions(&mut transaction, index, number, &shards).await?;
        for unsaved in of_view {
            if saved.get(&*unsaved.shard).copied().unwrap_or(0) < unsaved.saved {
                cursors.lost(unsaved);
            } else {
                there.push(unsaved);
            }
        }
    }
    let rows = there.iter().map(|u| (u.index, u.number, &*u.shard, u.cursor));
    if !put(&mut transaction, rows).await? {
        there.into_iter().for_each(|unsaved| cursors.lost(unsaved));
        return Ok(());
    }
    transaction.commit().await?;
    for Unsaved { index, number, shard, cursor, .. } in there {
        cursors.saved(*index, Generation::Live, *number, shard, *cursor);
    }
    Ok(())
}

/// Saves whenever something has moved, but not more often than that; and once more at the end.
pub(in crate::views::postgres) async fn keep_saving(
    pool: PgPool,
    cursors: Arc<Cursors>,
    interval: Duration,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = cursors.unsaved.notified() => {}
            () = stop.cancelled() => {}
        }
        let mut pause = interval;
        if let Err(error) = save(&pool, &cursors).await {
            tracing::warn!(%error, "cannot save how far the views are, trying again");
            pause = AFTER_AN_ERROR;
            cursors.unsaved.notify_one();
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// A view, its live number, and a shard of it with its position and offset, if it has any.
type Row = (String, i64, Option<String>, Option<i64>, Option<i64>);

/// Reads how far all live views are.
pub(in crate::views::postgres) async fn refresh(pool: &PgPool, cursors: &Cursors) -> Result<(), ViewError> {
    let sql = "SELECT g.projection, g.live_number, c.shard, c.position, c.kafka_offset
               FROM nova.view_generations g
               LEFT JOIN nova.view_cursors c
                   ON c.projection = g.projection AND c.generation_number = g.live_number";
    let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(pool).await.map_err(|error| view_error(&error))?;
    let mut views = cursors.views.lock();
    for (projection, number, shard, position, offset) in rows {
        let Ok(index) = index_of(&projection) else { continue };
        let known = &mut views[index];
        known.live_is(number);
        if known.live_number != number {
            continue;
        }
        if let (Some(shard), Some(position)) = (shard, position) {
            let read = ShardCursor { position: position as u64, offset, mark: None };
            let place = known.place(&shard);
            // What another process has saved since this one had the shard counts too.
            place.cursor = later(place.cursor, read);
        }
    }
    cursors.moved.send_replace(());
    Ok(())
}
