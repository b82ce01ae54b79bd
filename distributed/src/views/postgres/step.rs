//! The transaction of some steps: what changes, the dead letters and the cursors, or nothing.

use std::collections::BTreeMap;

use nova_views::{Apply, Change, Generation};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use super::cursors::{self, Cursors};
use super::lane::Job;
use super::schema::VIEWS;
use super::{generations, letters, write};
use crate::shard::ShardCursor;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Committed,
    /// The shard's cursor was read from another filling, or from what has been lost since.
    Switched,
}

/// `None`: the tables are not those of the filling that should be there.
pub(super) async fn apply(
    pool: &PgPool,
    known: &Cursors,
    index: usize,
    generation: Generation,
    group: &[Job],
) -> sqlx::Result<Option<Vec<Outcome>>> {
    let view = &VIEWS[index];
    let schema = match generation {
        Generation::Live => view.live_schema(),
        Generation::Next => view.next_schema(),
    };
    let told: Vec<u64> = group.iter().map(|job| known.told(index, generation, &job.shard)).collect();
    let mut transaction = generations::begin_shared(pool, index).await?;
    let Some((number, marker)) = numbers(&mut transaction, view.name, &schema, generation).await? else {
        return Ok(None);
    };
    if number != marker {
        return Ok(None);
    }
    let shards: Vec<&str> = group.iter().map(|job| job.shard.as_str()).collect();
    let saved = cursors::positions(&mut transaction, index, number, &shards).await?;
    let outcomes: Vec<Outcome> = group
        .iter()
        .zip(told)
        .map(|(job, told)| {
            let saved = saved.get(job.shard.as_str()).copied().unwrap_or(0);
            let admitted = known.admits(index, generation, number, &job.shard, (told, saved));
            if admitted { Outcome::Committed } else { Outcome::Switched }
        })
        .collect();
    let admitted =
        || group.iter().zip(&outcomes).filter(|(_, o)| **o == Outcome::Committed).map(|(job, _)| job);
    let steps = || admitted().map(|job| -> &Apply { &job.step });
    let changes: Vec<&Change> = steps().flat_map(|step| &step.changes).collect();
    write::apply(&mut transaction, index, &schema, &changes).await?;
    letters::change(&mut transaction, index, number, steps()).await?;
    let mut reached = BTreeMap::<&str, ShardCursor>::new();
    for job in admitted() {
        let cursor = reached.entry(job.shard.as_str()).or_insert(job.cursor);
        *cursor = cursors::later(*cursor, job.cursor);
    }
    let rows = reached.iter().map(|(shard, cursor)| (index, number, *shard, *cursor));
    if !cursors::put(&mut transaction, rows).await? {
        // Nothing of it is kept: the log lost what these steps are of.
        return Ok(Some(vec![Outcome::Switched; group.len()]));
    }
    transaction.commit().await?;
    for (shard, cursor) in reached {
        known.saved(index, generation, number, shard, cursor);
    }
    Ok(Some(outcomes))
}

/// The number that the filling should have, and the one that its tables have.
async fn numbers(
    db: &mut PgConnection,
    projection: &str,
    schema: &str,
    generation: Generation,
) -> sqlx::Result<Option<(i64, i64)>> {
    let sql = format!(
        "SELECT g.live_number, g.next_number, m.generation_number
         FROM nova.view_generations g CROSS JOIN {schema}.marker m WHERE g.projection = $1"
    );
    let found: Option<(i64, Option<i64>, i64)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(projection).fetch_optional(db).await?;
    Ok(found.and_then(|(live, next, marker)| {
        let number = match generation {
            Generation::Live => live,
            Generation::Next => next?,
        };
        Some((number, marker))
    }))
}
