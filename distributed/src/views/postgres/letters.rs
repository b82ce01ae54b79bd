//! Events that wait for an operator.

use nova_events::envelope::time_of_ms;
use nova_views::{Apply, DeadLetter, ViewError};
use sqlx::{PgConnection, PgPool};

use super::error::view_error;
use super::schema::VIEWS;

/// Those of redriven streams go first, then what failed (again) is put on the list.
pub(super) async fn change<'a>(
    db: &mut PgConnection,
    index: usize,
    number: i64,
    steps: impl Iterator<Item = &'a Apply> + Clone,
) -> sqlx::Result<()> {
    let redriven: Vec<&str> =
        steps.clone().flat_map(|step| step.redriven.iter().map(String::as_str)).collect();
    if !redriven.is_empty() {
        let sql = "DELETE FROM nova.view_dead_letters
                   WHERE projection = $1 AND generation_number = $2 AND stream = ANY($3)";
        sqlx::query(sql).bind(VIEWS[index].name).bind(number).bind(redriven).execute(&mut *db).await?;
    }
    // By position, and the last of one position.
    let letters: std::collections::BTreeMap<u64, &DeadLetter> =
        steps.flat_map(|step| &step.dead_letters).map(|letter| (letter.position, letter)).collect();
    if letters.is_empty() {
        return Ok(());
    }
    let of = |text: fn(&DeadLetter) -> &str| -> Vec<String> {
        letters.values().map(|letter| text(letter).replace('\0', "\u{fffd}")).collect()
    };
    let sql = "INSERT INTO nova.view_dead_letters
                   (projection, generation_number, position, stream, kind, error, parked_at)
               SELECT $1, $2, l.position, l.stream, l.kind, l.error, l.parked_at
               FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
                   AS l (position, stream, kind, error, parked_at)
               ON CONFLICT (projection, generation_number, position) DO UPDATE SET
                   stream = excluded.stream, kind = excluded.kind, error = excluded.error,
                   parked_at = excluded.parked_at";
    sqlx::query(sql)
        .bind(VIEWS[index].name)
        .bind(number)
        .bind(letters.keys().map(|position| *position as i64).collect::<Vec<_>>())
        .bind(of(|letter| &letter.stream))
        .bind(of(|letter| &letter.kind))
        .bind(of(|letter| &letter.error))
        .bind(letters.values().map(|letter| letter.parked_at.timestamp_millis()).collect::<Vec<_>>())
        .execute(db)
        .await
        .map(|_| ())
}

/// Those of the live views.
pub(super) async fn list(
    pool: &PgPool,
    index: Option<usize>,
    after: u64,
    limit: usize,
) -> Result<Vec<DeadLetter>, ViewError> {
    // Letters of one position belong together: going on behind it must miss none of them. There are at most as many of
    // one position as there are views.
    let sql = "SELECT l.projection, l.position, l.stream, l.kind, l.error, l.parked_at
               FROM nova.view_dead_letters l
               JOIN nova.view_generations g
                   ON g.projection = l.projection AND g.live_number = l.generation_number
               WHERE l.position > $1 AND ($2::text IS NULL OR l.projection = $2)
               ORDER BY l.position, l.projection LIMIT $3";
    let rows: Vec<(String, i64, String, String, String, i64)> = sqlx::query_as(sql)
        .bind(after as i64)
        .bind(index.map(|index| VIEWS[index].name))
        .bind(limit as i64 + 1)
        .fetch_all(pool)
        .await
        .map_err(|error| view_error(&error))?;
    let mut letters: Vec<DeadLetter> = rows
        .into_iter()
        .map(|(projection, position, stream, kind, error, parked_at)| DeadLetter {
            projection,
            stream,
            position: position as u64,
            kind,
            error,
            parked_at: time_of_ms(parked_at),
        })
        .collect();
    let end = letters.get(limit).map(|letter| letter.position);
    if let Some(end) = end {
        let cut = letters.iter().position(|letter| letter.position == end).unwrap_or(limit);
        letters.truncate(if cut == 0 { limit } else { cut });
    }
    Ok(letters)
}
