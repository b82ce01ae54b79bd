//! Dead letters: what is parked, by projection and generation. One that is taken off leaves a tombstone.

use nova_views::{Apply, DeadLetter, ViewError};

use super::error::Failure;
use super::rows::DeadLetterRow;
use super::server::Server;

/// Puts those of the steps on the list, after it took those of redriven streams off.
pub(super) async fn write<'a>(
    server: &Server,
    projection: &str,
    generation: u64,
    steps: impl Iterator<Item = &'a Apply>,
) -> Result<usize, Failure> {
    let mut rows = Vec::new();
    for step in steps.filter(|step| !step.redriven.is_empty() || !step.dead_letters.is_empty()) {
        let ver = server.next_version().await?;
        if !step.redriven.is_empty() {
            let streams: Vec<&str> = step.redriven.iter().map(String::as_str).collect();
            let sql = format!(
                "SELECT projection_name, generation, position, stream, kind, error, parked_at, ver, is_deleted
                 FROM dead_letters FINAL WHERE projection_name = '{projection}' AND generation = {generation}
                 AND stream IN ({})",
                vec!["?"; streams.len()].join(",")
            );
            let parked: Vec<DeadLetterRow> = server.fetch_with(&sql, &streams).await?;
            rows.extend(parked.into_iter().map(|row| DeadLetterRow { ver, is_deleted: 1, ..row }));
        }
        rows.extend(step.dead_letters.iter().map(|letter| DeadLetterRow {
            projection: projection.to_owned(),
            generation,
            position: letter.position,
            stream: letter.stream.clone(),
            kind: letter.kind.clone(),
            error: letter.error.clone(),
            parked_at: letter.parked_at.timestamp_millis(),
            ver: ver + 1,
            is_deleted: 0,
        }));
    }
    server.insert("dead_letters", &rows).await?;
    Ok(rows.len())
}

/// Those of the live generations, in order of position.
pub(super) async fn list(
    server: &Server,
    projection: Option<&'static str>,
    after: u64,
    limit: usize,
) -> Result<Vec<DeadLetter>, ViewError> {
    let only = projection.map_or_else(String::new, |name| format!("AND projection_name = '{name}'"));
    // One event may be a dead letter of each projection.
    let fetched = limit.saturating_add(super::PROJECTIONS.len());
    let sql = format!(
        "SELECT projection_name, generation, position, stream, kind, error, parked_at, ver, is_deleted
         FROM dead_letters FINAL
         WHERE (projection_name, generation) IN (SELECT projection_name, live FROM generations FINAL)
            AND position > {after} {only}
         ORDER BY position, projection_name LIMIT {fetched}"
    );
    let mut rows: Vec<DeadLetterRow> = server.fetch(&sql).await?;
    // Letters of one position belong together: going on behind it must miss none of them.
    if let Some(end) = rows.get(limit).map(|row| row.position) {
        let cut = rows.iter().position(|row| row.position == end).unwrap_or(limit);
        rows.truncate(if cut == 0 { limit } else { cut });
    }
    Ok(rows.into_iter().map(letter).collect())
}

fn letter(row: DeadLetterRow) -> DeadLetter {
    DeadLetter {
        projection: row.projection,
        stream: row.stream,
        position: row.position,
        kind: row.kind,
        error: row.error,
        parked_at: nova_events::envelope::time_of_ms(row.parked_at),
    }
}
