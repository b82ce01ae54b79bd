//! The LDBC Social Network Benchmark, interactive workload, as CSV.
//!
//! People, then who knows whom (a follow each way), posts, comments after what they answer, likes. A comment may stand in
//! the file before its parent, so comments are indexed first (about 130 bytes each; their texts stay in the file) and imported
//! in waves: answers to posts, answers to those, and so on, each wave in the order of time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use nova_command_api::Executor;

use super::crew::{Crew, Job};
use super::report::{Kind, Place, Report};

mod comments;
mod rows;
mod table;
#[cfg(test)]
mod tests;

use rows::Made;
use table::{Layout, Table};

/// How an LDBC folder is imported.
#[derive(Debug, Clone, Copy, Default)]
pub struct LdbcOptions {
    /// Moves all times by the same span, so that the newest one is now.
    pub shift_to_now: bool,
}

/// Imports a folder. The report tells what became of each line.
pub async fn import(executor: Executor, folder: &Path, options: LdbcOptions) -> anyhow::Result<Arc<Report>> {
    let files = Files::find(folder)?;
    let report = Report::begin(files.bytes()?);
    let shift_ms = if options.shift_to_now { files.shift_ms()? } else { 0 };
    let mut importer =
        Importer { crew: Crew::new(executor.clone(), Arc::clone(&report)), executor, shift_ms };
    importer.all(&files).await?;
    report.finish();
    Ok(report)
}

struct Importer {
    crew: Crew,
    executor: Executor,
    shift_ms: i64,
}

impl Importer {
    async fn all(&mut self, files: &Files) -> anyhow::Result<()> {
        let executor = self.executor.clone();
        self.rows(files, &table::PERSON, Kind::Person, |row| rows::person(row, &executor)).await?;
        self.rows(files, &table::KNOWS, Kind::Follow, rows::knows).await?;
        self.rows(files, &table::POST, Kind::Post, rows::post).await?;
        comments::import(self, files).await?;
        self.rows(files, &table::LIKES_POST, Kind::Like, rows::likes_post).await?;
        self.rows(files, &table::LIKES_COMMENT, Kind::Like, rows::likes_comment).await
    }

    /// Imports the rows of one table, in no order among themselves, and waits for the last of them.
    async fn rows(
        &mut self,
        files: &Files,
        layout: &'static Layout,
        kind: Kind,
        made_of: impl Fn(&[&str]) -> Result<Vec<Made>, String>,
    ) -> anyhow::Result<()> {
        self.crew.report().phase(kind);
        for path in files.of(layout) {
            let mut table = Table::open(path, layout)?;
            while let Some(row) = table.next()? {
                self.crew.report().advance(row.bytes);
                match row.fields(layout).and_then(|fields| made_of(&fields)) {
                    Ok(made) => self.give(&row.place, kind, made).await?,
                    Err(reason) => self.crew.report().bad(&row.place, &reason),
                }
            }
        }
        self.crew.rest().await
    }

    /// Carries out the commands of one line, one after the other. The first one that is refused makes the line bad.
    async fn give(&mut self, place: &Place, kind: Kind, made: Vec<Made>) -> anyhow::Result<()> {
        let shift_ms = self.shift_ms;
        let job = |made: Made| {
            let context = made.context(shift_ms);
            Job { place: place.clone(), kind, context, command: made.command }
        };
        self.crew.give(made.into_iter().map(job).collect()).await
    }
}

/// The files of a folder, by table: `person_0_0.csv`, and so on, in the order of their numbers.
struct Files {
    by_table: HashMap<&'static str, Vec<PathBuf>>,
}

impl Files {
    fn find(folder: &Path) -> anyhow::Result<Self> {
        let entries =
            std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry?.path());
        }
        paths.sort();
        let mut by_table: HashMap<&'static str, Vec<PathBuf>> = HashMap::new();
        for path in paths {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(layout) = table::ALL.iter().find(|layout| is_part_of(name, layout.name)) {
                by_table.entry(layout.name).or_default().push(path);
            }
        }
        if !by_table.contains_key(table::PERSON.name) {
            bail!("{} holds no person_0_0.csv: it is not an LDBC interactive folder", folder.display());
        }
        Ok(Self { by_table })
    }

    fn of(&self, layout: &Layout) -> &[PathBuf] {
        self.by_table.get(layout.name).map_or(&[], Vec::as_slice)
    }

    fn bytes(&self) -> anyhow::Result<u64> {
        self.by_table.values().flatten().map(|path| Ok(std::fs::metadata(path)?.len())).sum()
    }

    /// From the newest time in the data to now.
    fn shift_ms(&self) -> anyhow::Result<i64> {
        let mut newest = None;
        for layout in table::ALL {
            for path in self.of(layout) {
                let mut table = Table::open(path, layout)?;
                while let Some(row) = table.next()? {
                    let at = row.fields(layout).ok().and_then(|fields| rows::time_ms(fields[layout.time]));
                    newest = newest.max(at);
                }
            }
        }
        Ok(newest.map_or(0, |newest| chrono::Utc::now().timestamp_millis() - newest))
    }
}

/// `person_0_0.csv` is a part of `person`; `person_knows_person_0_0.csv` is not.
fn is_part_of(name: &str, table: &str) -> bool {
    let parts = name.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')?.strip_suffix(".csv"));
    parts.is_some_and(|parts| {
        parts.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}
