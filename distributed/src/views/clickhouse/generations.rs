//! Which generation of a projection is live. The row in `generations` is the truth: inserting it is the switch, and a
//! reader or writer that goes by an older one finds its tables gone, looks again, and goes on with the new ones.
//!
//! * Numbers are never used twice, so what is late for an old generation cannot reach a new one; the first one is the
//!   server's clock, so that holds also for a database that was dropped and made again.
//! * Whoever finds the tables of the live generation gone, or rows missing from them (`completeness`), makes a new, empty one.
//!   Two that find it at once make the same one, or that of the later one counts. Beside its cursors stands how far the one
//!   before was, so that readers know until when it is short.

use std::collections::{BTreeMap, HashMap};

use nova_views::{ViewError, projection};

use super::completeness::{COUNTED, WANTED};
use super::error::Failure;
use super::rows::{CursorRow, GenerationRow, LiveRow};
use super::schema::{self, BASE_TABLES, Relation, Template};
use super::server::Server;
use crate::shard::{Shard, ShardCursor};

/// The rows by projection. Small, so all of them are read at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Generations(HashMap<String, GenerationRow>);

impl Generations {
    pub(super) async fn load(server: &Server) -> Result<Self, Failure> {
        let sql = "SELECT projection_name, live, next, rebuilds, change FROM generations FINAL";
        let rows: Vec<GenerationRow> = server.fetch(sql).await?;
        Ok(Self(rows.into_iter().map(|row| (row.projection.clone(), row)).collect()))
    }

    pub(super) fn of(&self, projection: &str) -> Option<&GenerationRow> {
        self.0.get(projection)
    }

    pub(super) fn live_of(&self, projection: &str) -> Result<&GenerationRow, Failure> {
        self.of(projection).ok_or_else(|| Failure::Gone("no generation is live".to_owned()))
    }
}

/// The live generations with their rows of `cursors`, read in one query: every process sends it each second, and again while
/// somebody waits for a position.
#[derive(Debug, Clone)]
pub(super) struct LiveState {
    pub(super) generations: Generations,
    pub(super) cursors: Vec<CursorRow>,
}

impl LiveState {
    pub(super) async fn load(server: &Server) -> Result<Self, Failure> {
        let sql = "SELECT g.projection_name AS projection_name, g.live AS live, g.next AS next,
                          g.rebuilds AS rebuilds, g.change AS change,
                          c.shard AS shard, c.position AS position, c.partition_offset AS partition_offset,
                          c.event AS event, c.recorded_at AS recorded_at
                   FROM generations AS g FINAL LEFT JOIN cursors AS c FINAL
                   ON c.projection_name = g.projection_name AND c.generation = g.live";
        let mut state = Self { generations: Generations::default(), cursors: Vec::new() };
        for row in server.fetch::<LiveRow>(sql).await? {
            let LiveRow { projection, live, next, rebuilds, change, .. } = row;
            // A projection may have no cursor.
            if !row.shard.is_empty() {
                state.cursors.push(CursorRow {
                    projection: projection.clone(),
                    generation: live,
                    shard: row.shard,
                    position: row.position,
                    partition_offset: row.partition_offset,
                    event: row.event,
                    recorded_at: row.recorded_at,
                });
            }
            let row = GenerationRow { projection: projection.clone(), live, next, rebuilds, change };
            state.generations.0.insert(projection, row);
        }
        Ok(state)
    }

    /// How far a shard is in the live generation of a projection; at 0 when it has no cursor.
    pub(super) fn cursor_of(&self, projection: &str, shard: &Shard) -> ShardCursor {
        let is_it = |row: &&CursorRow| row.projection == projection && row.shard == shard.as_str();
        self.cursors.iter().find(is_it).map_or_else(ShardCursor::default, CursorRow::cursor)
    }
}

/// The live generations, as readers need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) users: u64,
    pub(super) posts: u64,
    pub(super) engagement: u64,
    pub(super) graph: u64,
}

impl Live {
    pub(super) fn of(generations: &Generations) -> Result<Self, Failure> {
        let live = |projection: &str| generations.live_of(projection).map(|row| row.live);
        Ok(Self {
            users: live(projection::PROFILES)?,
            posts: live(projection::POSTS)?,
            engagement: live(projection::ENGAGEMENT)?,
            graph: live(projection::GRAPH)?,
        })
    }
}

/// Makes sure of everything that there should be, whatever was lost.
pub(super) async fn repair_all(server: &Server) -> Result<(), Failure> {
    schema::migrate_base(server).await?;
    for template in &schema::TEMPLATES {
        Found::load(server).await?.repair(server, template).await?;
    }
    schema::migrate_rest(server).await
}

/// The tables and the live state, as they were read together.
#[derive(Debug, Clone)]
pub(super) struct Found {
    relations: Vec<Relation>,
    pub(super) live: LiveState,
}

impl Found {
    async fn load(server: &Server) -> Result<Self, Failure> {
        let (relations, live) = futures::try_join!(schema::relations(server), LiveState::load(server))?;
        Ok(Self { relations, live })
    }

    fn has(&self, table: &str) -> bool {
        self.relations.iter().any(|relation| relation.name == table)
    }

    /// Reads them. The tables that there is one of are made again if they are gone.
    pub(super) async fn look(server: &Server) -> Result<Self, Failure> {
        match Self::load(server).await {
            Ok(found) if BASE_TABLES.iter().all(|table| found.has(table)) => return Ok(found),
            Err(failure) if !failure.is_gone() => return Err(failure),
            Ok(_) | Err(_) => {}
        }
        tracing::error!("the views in ClickHouse are gone, making them again");
        repair_all(server).await?;
        Self::load(server).await
    }

    /// The same, after the projection has been repaired, if that was needed.
    pub(super) async fn repaired(self, server: &Server, template: &Template) -> Result<Self, Failure> {
        if self.repair(server, template).await? { Self::look(server).await } else { Ok(self) }
    }

    /// Makes sure that the projection has a live generation, with tables, and that analysts see it. `false`: nothing had
    /// to be done.
    async fn repair(&self, server: &Server, template: &Template) -> Result<bool, Failure> {
        let Self { relations, live: LiveState { generations, .. } } = self;
        let mut is_changed = false;
        let there = template.generations(relations);
        let is_whole = |generation: u64| template.tables(generation).iter().all(|table| self.has(table));
        let row = match generations.of(template.projection) {
            Some(row) if is_whole(row.live) => row.clone(),
            lost => {
                let before = lost.cloned().unwrap_or_else(|| GenerationRow {
                    projection: template.projection.to_owned(),
                    live: 0,
                    next: 0,
                    rebuilds: 0,
                    change: 0,
                });
                if before.live > 0 {
                    tracing::error!(
                        projection = template.projection,
                        "a view is gone, filling it again from the log"
                    );
                }
                let unused = unused(&before, &there);
                let clock_ms = server.clock().await? / 1_000_000;
                let live = if before.live == 0 { unused.max(clock_ms) } else { unused };
                is_changed = true;
                make_live(server, template, before, live, u64::MAX).await?
            }
        };
        if !template.is_shown(row.live, relations) {
            is_changed = true;
            template.show(server, row.live).await?;
        }
        for old in there.into_iter().filter(|old| *old < row.live && *old != row.next) {
            is_changed = true;
            template.drop(server, old).await?;
        }
        Ok(is_changed)
    }
}

/// Puts an empty generation in the place of the live one. It is filled when it is as far as that one was, or at `head` if that
/// one was further than the log.
async fn make_live(
    server: &Server,
    template: &Template,
    before: GenerationRow,
    live: u64,
    head: u64,
) -> Result<GenerationRow, Failure> {
    let row =
        GenerationRow { live, next: 0, rebuilds: before.rebuilds + 1, change: before.change + 1, ..before };
    template.create(server, live).await?;
    let wanted = wanted(server, template.projection, before.live).await?;
    let wanted = wanted.into_iter().map(|(shard, position)| {
        let cursor = ShardCursor::at(position.min(head));
        CursorRow::new(template.projection, live, format!("{WANTED}{shard}"), cursor)
    });
    server.insert("cursors", &wanted.collect::<Vec<_>>()).await?;
    server.insert("generations", std::slice::from_ref(&row)).await?;
    Ok(row)
}

/// How far each shard was in a generation, or should have come in it.
async fn wanted(
    server: &Server,
    projection: &'static str,
    generation: u64,
) -> Result<BTreeMap<String, u64>, Failure> {
    let mut wanted = BTreeMap::new();
    for row in all_cursors(server, projection, generation).await? {
        let shard = row.shard.strip_prefix(WANTED).unwrap_or(&row.shard);
        if row.position > 0 && !shard.starts_with(COUNTED) {
            let position = wanted.entry(shard.to_owned()).or_insert(row.position);
            *position = row.position.max(*position);
        }
    }
    // The whole log is followed by a rebuild only, where it is shared out.
    if wanted.len() > 1 {
        wanted.remove(Shard::whole().as_str());
    }
    Ok(wanted)
}

/// The same for a generation whose tables are there, but not what should be in them. Does nothing, and says so, when another one
/// is live.
pub(super) async fn replace(
    server: &Server,
    template: &Template,
    unsound: u64,
    head: u64,
) -> Result<bool, Failure> {
    let (relations, generations) = futures::try_join!(schema::relations(server), Generations::load(server))?;
    let there = template.generations(&relations);
    let before = generations.of(template.projection).filter(|row| row.live == unsound).cloned();
    let Some(before) = before else { return Ok(false) };
    let live = unused(&before, &there);
    make_live(server, template, before, live, head).await?;
    template.show(server, live).await?;
    template.drop(server, unsound).await?;
    Ok(true)
}

fn unused(row: &GenerationRow, there: &std::collections::BTreeSet<u64>) -> u64 {
    row.live.max(row.next).max(there.last().copied().unwrap_or(0)) + 1
}

/// Begins a next generation; one that was left unfinished goes. Returns its number.
pub(super) async fn begin(server: &Server, template: &Template) -> Result<u64, Failure> {
    let found = Found::look(server).await?.repaired(server, template).await?;
    let before = found.live.generations.live_of(template.projection)?;
    let there = template.generations(&found.relations);
    let next = unused(before, &there);
    template.create(server, next).await?;
    let row = GenerationRow { next, change: before.change + 1, ..before.clone() };
    server.insert("generations", std::slice::from_ref(&row)).await?;
    for unfinished in there.into_iter().filter(|other| *other != before.live) {
        template.drop(server, unfinished).await?;
    }
    Ok(next)
}

/// Makes the next generation the live one. The cursors of the shards go with it: each stays where it is, or goes back to
/// where the next generation has been filled up to.
pub(super) async fn switch(
    server: &Server,
    template: &Template,
    begun: Option<u64>,
) -> Result<(), ViewError> {
    let name = template.projection;
    let before = Generations::load(server).await?.of(name).cloned();
    let before = before.filter(|row| row.next > 0 && begun.is_none_or(|begun| begun == row.next));
    let Some(before) = before else {
        return Err(ViewError::Unavailable("no rebuild of this view has begun".to_owned()));
    };
    let filled = cursors(server, name, before.next).await?;
    let filled = filled.iter().find(|row| row.shard == Shard::whole().as_str()).map_or(0, |row| row.position);
    let mut rows = cursors(server, name, before.live).await?;
    rows.retain(|row| row.position > 0 && row.shard != Shard::whole().as_str() && filled > 0);
    for row in &mut rows {
        row.generation = before.next;
        if row.position > filled {
            *row =
                CursorRow::new(name, row.generation, std::mem::take(&mut row.shard), ShardCursor::at(filled));
        }
    }
    server.insert("cursors", &rows).await?;
    let row = GenerationRow {
        live: before.next,
        next: 0,
        rebuilds: before.rebuilds + 1,
        change: before.change + 1,
        projection: before.projection,
    };
    server.insert("generations", std::slice::from_ref(&row)).await?;
    // It is the live one now. Should the rest not be done, the next start does it.
    let tidied = async {
        template.show(server, row.live).await?;
        template.drop(server, before.live).await?;
        for table in ["cursors", "dead_letters"] {
            let live = row.live;
            let sql = format!("DELETE FROM {table} WHERE projection_name = '{name}' AND generation < {live}");
            server.execute(&sql).await?;
        }
        Ok::<_, Failure>(())
    };
    if let Err(failure) = tidied.await {
        tracing::warn!(projection = name, reason = failure.reason(), "cannot tidy up after a switch");
    }
    Ok(())
}

/// The number of keys in a table, as it stands beside the cursors: the highest counts.
pub(super) fn counted(projection: &str, generation: u64, table: &str, keys: u64) -> CursorRow {
    CursorRow::new(projection, generation, format!("{COUNTED}{table}"), ShardCursor::at(keys))
}

/// The cursors of a generation, by shard.
pub(super) async fn cursors(
    server: &Server,
    projection: &'static str,
    generation: u64,
) -> Result<Vec<CursorRow>, Failure> {
    Ok(of_shards(all_cursors(server, projection, generation).await?))
}

/// The cursors of every projection and generation, by shard.
pub(super) async fn every_cursor(server: &Server) -> Result<Vec<CursorRow>, Failure> {
    Ok(of_shards(server.fetch(EVERY_CURSOR).await?))
}

/// Without the counts that stand beside them: no shard has a colon in its name.
fn of_shards(mut rows: Vec<CursorRow>) -> Vec<CursorRow> {
    rows.retain(|row| !row.shard.contains(':'));
    rows
}

const EVERY_CURSOR: &str = "SELECT projection_name, generation, shard, position, partition_offset, event, recorded_at FROM cursors FINAL";

/// With what stands beside them.
async fn all_cursors(
    server: &Server,
    projection: &'static str,
    generation: u64,
) -> Result<Vec<CursorRow>, Failure> {
    let sql = format!("{EVERY_CURSOR} WHERE projection_name = '{projection}' AND generation = {generation}");
    server.fetch(&sql).await
}
