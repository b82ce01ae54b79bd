//! The files of the views: `posts.g3.db` is the third generation of the posts view. A manifest says which generation of
//! each is live; it is replaced whole, so that a crash leaves the old or the new one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nova_eventlog::private;
use nova_views::ViewError;
use rusqlite::{Connection, OptionalExtension};

use crate::options::ViewsOptions;
use crate::sqlite::{self, SCHEMA_VERSION};

/// A view file. When it is retired, it is removed as soon as nobody uses it any more.
#[derive(Debug)]
pub(crate) struct ViewFile {
    pub(crate) path: PathBuf,
    pub(crate) generation: u64,
    retired: AtomicBool,
}

impl ViewFile {
    pub(crate) fn new(dir: &Path, projection: &str, generation: u64) -> Self {
        let path = dir.join(format!("{projection}.g{generation}.db"));
        Self { path, generation, retired: AtomicBool::new(false) }
    }

    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Removes it with what SQLite keeps beside it.
    pub(crate) fn remove(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%error, "cannot remove an old view file"),
            }
        }
    }

    /// Opens it for writing, making it when it is not there. `None`: it is damaged, or of another version.
    pub(crate) fn open(
        &self,
        schema: &str,
        options: &ViewsOptions,
    ) -> Result<Option<(Connection, u64)>, ViewError> {
        let fresh = !self.path.exists();
        let opened = sqlite::open_writer(&self.path, options).and_then(|connection| {
            if fresh {
                create(&connection, schema)?;
            }
            let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            let cursor: Option<i64> = if version == SCHEMA_VERSION {
                connection.query_row("SELECT cursor FROM progress", [], |row| row.get(0)).optional()?
            } else {
                None
            };
            Ok(cursor.map(|cursor| (connection, cursor as u64)))
        });
        match opened {
            Ok(opened) => Ok(opened),
            Err(error) => match sqlite::view_error(&error) {
                ViewError::Corrupt(_) => Ok(None),
                error => Err(error),
            },
        }
    }
}

impl Drop for ViewFile {
    fn drop(&mut self) {
        if *self.retired.get_mut() {
            self.remove();
        }
    }
}

fn create(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    let common = include_str!("../../migrations/sqlite/common.sql");
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {common} {schema} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    ))
}

/// Which generation of each view is live; 1 for those it does not name.
#[derive(Debug)]
pub(crate) struct Manifest {
    path: PathBuf,
    generations: BTreeMap<String, u64>,
}

impl Manifest {
    /// One that is missing or unreadable is as good as an empty one: views are filled from the log.
    pub(crate) fn open(dir: &Path) -> Self {
        let path = dir.join("manifest.json");
        let generations = fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok());
        Self { path, generations: generations.unwrap_or_default() }
    }

    pub(crate) fn generation(&self, projection: &str) -> u64 {
        self.generations.get(projection).copied().unwrap_or(1)
    }

    /// Durable when it returns.
    pub(crate) fn set(&mut self, projection: &str, generation: u64) -> io::Result<()> {
        let mut generations = self.generations.clone();
        generations.insert(projection.to_owned(), generation);
        let json = serde_json::to_vec_pretty(&generations)?;
        let temporary = self.path.with_extension("json.new");
        let mut file = private::options().write(true).create(true).truncate(true).open(&temporary)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        self.generations = generations;
        Ok(())
    }
}

/// Removes the files of a view that are not of the live generation: rebuilds that were left unfinished, and old ones
/// that a crash kept from being removed.
pub(crate) fn remove_others(dir: &Path, projection: &str, live: u64) -> io::Result<()> {
    let (prefix, live) = (format!("{projection}.g"), format!("{projection}.g{live}.db"));
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && !name.starts_with(&live) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
