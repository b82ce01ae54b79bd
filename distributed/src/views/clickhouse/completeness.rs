//! Notices that rows are missing from the tables of a live generation: a `TRUNCATE`, a part that was lost or dropped.
//!
//! * A table of a generation only ever gains keys: a deletion is a row too. So a table that holds fewer rows than it once had
//!   keys has lost some. How many rows there are the server knows without reading them.
//! * The number of keys is counted when a table has grown, at most each [`COUNT_INTERVAL`], up to [`COUNTED_ROWS_MAX`] rows.
//!   Of a larger table the rows of its largest part count: keys are there once in a part. It is kept beside the cursors, so that
//!   a process that starts later compares with it too.
//! * A generation that lacks rows is replaced by an empty one, which the projections fill from the log (`generations`). Until
//!   every shard is as far as it was, answers are refused as [`ViewError::Corrupt`]: the reader falls back, and says so.
//! * Not noticed: rows that were changed, and lost rows of a key that is there in another version.

use std::collections::HashMap;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clickhouse::Row;
use serde::Deserialize;

use super::core::Core;
use super::error::Failure;
use super::generations::{self, Generations, LiveState};
use super::rows::CursorRow;
use super::schema::{TEMPLATES, Template};
use crate::views::names::{INCOMPLETE, LOSSES};

/// How often a process looks whether a generation is still being filled.
const INTERVAL: Duration = Duration::from_secs(1);
const COUNT_INTERVAL: Duration = Duration::from_secs(60);
const COUNTED_ROWS_MAX: u64 = 1_000_000;
/// A loss is believed when it is found twice, this far apart.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The rows of a table that are there, as the server knows them.
#[derive(Debug, Clone, Copy, Default, Row, Deserialize)]
struct Rows {
    all: u64,
    of_largest_part: u64,
}

#[derive(Debug, Row, Deserialize)]
struct TableRows {
    name: String,
    all: u64,
    of_largest_part: u64,
}

/// The keys that a table had when they were counted.
#[derive(Debug, Clone, Copy)]
struct Counted {
    keys: u64,
    at: Instant,
}

/// By the name of the table, which holds the number of its generation.
type Counts = HashMap<String, Counted>;

/// Runs for as long as somebody has the views.
pub(super) async fn watch(core: Weak<Core>) {
    let mut counts = Counts::new();
    let mut looked: Option<Instant> = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(core) = core.upgrade() else { return };
        let interval = Duration::from_millis(core.server.options.rows_check_ms);
        let is_due = !interval.is_zero() && looked.is_none_or(|at| at.elapsed() >= interval);
        if let Err(failure) = look(&core, &mut counts, is_due).await {
            tracing::debug!(reason = failure.reason(), "cannot see whether rows are missing in ClickHouse");
            continue;
        }
        if is_due {
            looked = Some(Instant::now());
        }
    }
}

async fn look(core: &Core, counts: &mut Counts, counts_rows: bool) -> Result<(), Failure> {
    let LiveState { generations, cursors } = LiveState::load(&core.server).await?;
    core.saw(&generations);
    let mut notes = Notes::of(cursors);
    if counts_rows {
        let lacking = lacking(core, &generations, &notes.counted, counts).await?;
        if !lacking.is_empty() {
            tokio::time::sleep(LOOK_AGAIN).await;
            let rows = rows_of_tables(core).await?;
            for (template, generation, table, keys) in lacking {
                let left = rows.get(&table).copied().unwrap_or_default().all;
                if left < keys {
                    replace(core, template, generation, (&table, left, keys)).await?;
                }
            }
            notes = Notes::of(LiveState::load(&core.server).await?.cursors);
        }
    }
    let fills = notes.unfilled();
    core.incomplete.store(fills, Ordering::Release);
    metrics::gauge!(INCOMPLETE, "store" => "clickhouse").set(f64::from(u8::from(fills)));
    Ok(())
}

async fn replace(
    core: &Core,
    template: &'static Template,
    generation: u64,
    (table, rows, keys): (&str, u64, u64),
) -> Result<(), Failure> {
    if core.replace(template, generation, u64::MAX).await? {
        metrics::counter!(LOSSES, "store" => "clickhouse").increment(1);
        tracing::error!(
            projection = template.projection,
            table,
            rows,
            rows_expected = keys,
            "rows are missing from a view in ClickHouse, filling it again from the log"
        );
    }
    Ok(())
}

type Lacking = (&'static Template, u64, String, u64);

/// The tables that hold fewer rows than they had keys. Counts the keys of those that have grown.
async fn lacking(
    core: &Core,
    live: &Generations,
    stored: &HashMap<String, u64>,
    counts: &mut Counts,
) -> Result<Vec<Lacking>, Failure> {
    let rows = rows_of_tables(core).await?;
    let (mut lacking, mut grown, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    for template in &TEMPLATES {
        let Some(generation) = live.of(template.projection).map(|row| row.live) else { continue };
        for table in template.tables(generation) {
            let there = rows.get(&table).copied().unwrap_or_default();
            let counted = counts.get(&table).copied();
            let kept = stored.get(&table).copied().unwrap_or(0);
            let keys = counted.map_or(0, |counted| counted.keys).max(kept);
            tables.push(table.clone());
            if there.all < keys {
                lacking.push((template, generation, table, keys));
                continue;
            }
            let is_due = counted.is_none_or(|counted| counted.at.elapsed() >= COUNT_INTERVAL)
                || there.all > keys.saturating_mul(2);
            if there.all > keys && is_due {
                let keys = keys.max(count(core, &table, there).await?);
                counts.insert(table.clone(), Counted { keys, at: Instant::now() });
                if keys > kept {
                    grown.push(generations::counted(template.projection, generation, &table, keys));
                }
            }
        }
    }
    counts.retain(|table, _| tables.contains(table));
    core.server.insert("cursors", &grown).await?;
    Ok(lacking)
}

/// How many keys a table has, or some that it has at least.
async fn count(core: &Core, table: &str, rows: Rows) -> Result<u64, Failure> {
    if rows.all > COUNTED_ROWS_MAX {
        return Ok(rows.of_largest_part);
    }
    let sql = format!(
        "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = '{table}'"
    );
    let keys: Vec<String> = core.server.fetch(&sql).await?;
    let Some(key) = keys.first().filter(|key| !key.is_empty()) else { return Ok(0) };
    let counted: Vec<u64> = core.server.fetch(&format!("SELECT uniqExact({key}) FROM {table}")).await?;
    Ok(counted.first().copied().unwrap_or(0))
}

async fn rows_of_tables(core: &Core) -> Result<HashMap<String, Rows>, Failure> {
    let sql = "SELECT table AS name, sum(rows) AS all, max(rows) AS of_largest_part FROM system.parts
               WHERE database = currentDatabase() AND active GROUP BY table";
    let all: Vec<TableRows> = core.server.fetch(sql).await?;
    let of = |row: TableRows| {
        let TableRows { name, all, of_largest_part } = row;
        (name, Rows { all, of_largest_part })
    };
    Ok(all.into_iter().map(of).collect())
}

/// What stands beside the cursors of the live generations.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// By table.
    pub(super) counted: HashMap<String, u64>,
    /// Up to where each shard of a projection was filled in the generation that was replaced.
    wanted: HashMap<(String, String), u64>,
    reached: HashMap<(String, String), u64>,
}

/// Before the name of a table, where a shard's name stands: the position is the number of its keys.
pub(super) const COUNTED: &str = "rows:";
/// Before the name of a shard: the position is that of the generation before.
pub(super) const WANTED: &str = "refill:";

impl Notes {
    pub(super) fn of(cursors: Vec<CursorRow>) -> Self {
        let mut notes = Self::default();
        for CursorRow { projection, shard, position, .. } in cursors {
            if let Some(table) = shard.strip_prefix(COUNTED) {
                notes.counted.insert(table.to_owned(), position);
            } else if let Some(of) = shard.strip_prefix(WANTED) {
                notes.wanted.insert((projection, of.to_owned()), position);
            } else {
                notes.reached.insert((projection, shard), position);
            }
        }
        notes
    }

    /// Whether a generation that replaced another one is not as far as that one was.
    fn unfilled(&self) -> bool {
        let reached = |place| self.reached.get(place).copied().unwrap_or(0);
        self.wanted.iter().any(|(place, wanted)| reached(place) < *wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::ShardCursor;

    fn cursor(shard: &str, position: u64) -> CursorRow {
        CursorRow::new("posts", 2, shard.to_owned(), ShardCursor::at(position))
    }

    #[test]
    fn a_generation_is_filled_when_every_shard_is_where_it_was() {
        let of = |reached| {
            Notes::of(vec![
                cursor("post.0", 10),
                cursor("post.1", reached),
                cursor("refill:post.0", 9),
                cursor("refill:post.1", 20),
                cursor("rows:posts_g2", 7),
            ])
        };
        assert!(of(19).unfilled());
        assert!(!of(20).unfilled());
        assert_eq!(of(0).counted.get("posts_g2"), Some(&7));
        assert!(Notes::of(vec![cursor("refill:post.0", 9)]).unfilled());
        assert!(!Notes::default().unfilled());
    }
}
