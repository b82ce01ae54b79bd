//! One view: its live file, and the one that a rebuild fills beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nova_eventlog::{EventMark, private};
use nova_views::{Apply, DeadLetter, Generation, ViewError};
use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, TransactionBehavior, params};

use crate::epochs::Epochs;
use crate::file::{self, Manifest, ViewFile};
use crate::history::{self, History};
use crate::options::ViewsOptions;
use crate::sqlite::{self, view_error};
use crate::write::{Touched, View};

/// Positions that may be looked at again after a crash, because only that nothing was to change had been noted.
const UNSAVED_MAX: u64 = 10_000;

const DAMAGED: &str = "views_damaged_total";
const FILLED_AGAIN: &str = "the file is damaged, and the view is filled again from the log";

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) view: View,
    dir: PathBuf,
    history: History,
    /// Whoever holds it may write; held until the caches know what was written.
    pub(crate) live: Mutex<Filler>,
    next: Mutex<Option<Filler>>,
    /// The file of `live`, for readers.
    file: RwLock<Arc<ViewFile>>,
    /// Everything up to here is in the live view. Ahead of the file's cursor by what changed nothing.
    position: AtomicU64,
    saved: AtomicU64,
    /// A reader found the file to be damaged.
    damaged: AtomicBool,
    pub(crate) epochs: Epochs,
}

/// A file and the connection that fills it. The connection is closed first.
#[derive(Debug)]
pub(crate) struct Filler {
    connection: Connection,
    pub(crate) file: Arc<ViewFile>,
    cursor: u64,
    wal_pages: u32,
}

impl Filler {
    fn step(&mut self, view: &View, history: &History, step: &Apply) -> Result<Touched, ViewError> {
        let mark = history.mark(step.cursor)?;
        let touched = self.transaction(view, step, mark).map_err(|error| view_error(&error))?;
        self.cursor = self.cursor.max(step.cursor);
        Ok(touched)
    }

    fn transaction(
        &mut self,
        view: &View,
        step: &Apply,
        mark: Option<EventMark>,
    ) -> rusqlite::Result<Touched> {
        let mut touched = Touched::default();
        let pages = sqlite::wal_pages(step.changes.len());
        if pages != self.wal_pages {
            sqlite::set_wal_pages(&self.connection, pages)?;
            self.wal_pages = pages;
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        (view.apply)(&transaction, &step.changes, &mut touched)?;
        for stream in &step.redriven {
            transaction.prepare_cached("DELETE FROM dead_letters WHERE stream = ?1")?.execute([stream])?;
        }
        for letter in &step.dead_letters {
            let sql = "INSERT OR REPLACE INTO dead_letters (position, stream, kind, error, parked_at)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.prepare_cached(sql)?.execute(params![
                letter.position as i64,
                letter.stream,
                letter.kind,
                letter.error,
                letter.parked_at.timestamp_millis()
            ])?;
        }
        save_cursor(&transaction, step.cursor, mark)?;
        transaction.commit()?;
        Ok(touched)
    }
}

/// Within a transaction: the mark belongs to the cursor.
fn save_cursor(connection: &Connection, cursor: u64, mark: Option<EventMark>) -> rusqlite::Result<()> {
    let sql = "UPDATE progress SET cursor = max(cursor, ?1)";
    connection.prepare_cached(sql)?.execute([cursor as i64])?;
    mark.map_or(Ok(()), |mark| history::save(connection, &mark))
}

impl Store {
    /// Opens the live file. One that is damaged, of another version, or of another history than the log's is dropped: it
    /// will be filled again from the log.
    pub(crate) fn open(
        view: View,
        dir: &Path,
        generation: u64,
        options: &ViewsOptions,
        history: &History,
    ) -> Result<Self, ViewError> {
        let file = ViewFile::new(dir, view.name, generation);
        let mut opened = file.open(view.schema, options)?;
        if let Some((connection, cursor)) = &opened {
            match history.is_of(connection, *cursor) {
                Ok(true) => {}
                Ok(false) => {
                    tracing::error!(
                        view = view.name,
                        cursor,
                        "the view was filled from another history than that of the log beside it"
                    );
                    metrics::counter!(nova_views::writer::OTHER_HISTORY, "view" => view.name).increment(1);
                    opened = None;
                }
                Err(ViewError::Corrupt(_)) => opened = None,
                Err(error) => return Err(error),
            }
        }
        let (connection, cursor) = match opened {
            Some(opened) => opened,
            None => {
                tracing::warn!(
                    view = view.name,
                    "the view's file cannot be used, filling it again from the log"
                );
                file.remove();
                create(&file, view.schema, options, history)?
            }
        };
        let file = Arc::new(file);
        Ok(Self {
            view,
            dir: dir.to_owned(),
            history: history.clone(),
            live: Mutex::new(Filler { connection, file: Arc::clone(&file), cursor, wal_pages: 0 }),
            next: Mutex::new(None),
            file: RwLock::new(file),
            position: AtomicU64::new(cursor),
            saved: AtomicU64::new(cursor),
            damaged: AtomicBool::new(false),
            epochs: Epochs::default(),
        })
    }

    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    pub(crate) fn file(&self) -> Arc<ViewFile> {
        Arc::clone(&self.file.read())
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// One step of the live view. `announce` is called after the commit, before the position moves.
    pub(crate) fn apply_live(&self, step: &Apply, announce: impl FnOnce(Touched)) -> Result<(), ViewError> {
        let mut live = self.live.lock();
        let touched = live.step(&self.view, &self.history, step).inspect_err(|error| self.note(error))?;
        announce(touched);
        self.saved.fetch_max(step.cursor, Ordering::AcqRel);
        self.position.fetch_max(step.cursor, Ordering::AcqRel);
        Ok(())
    }

    pub(crate) fn apply_next(&self, step: &Apply) -> Result<(), ViewError> {
        match self.next.lock().as_mut() {
            Some(next) => next.step(&self.view, &self.history, step).map(|_| ()),
            // It had begun, and the live file was replaced meanwhile: this rebuild is over.
            None => Err(ViewError::Switched),
        }
    }

    /// From now on a damaged view takes nothing, until [`Self::start_over`].
    fn note(&self, error: &ViewError) {
        if matches!(error, ViewError::Corrupt(_)) && !self.damaged.swap(true, Ordering::AcqRel) {
            tracing::error!(view = self.view.name, %error, "a view file is damaged");
            metrics::counter!(DAMAGED, "projection" => self.view.name).increment(1);
        }
    }

    /// The error of a read of the live file, for whoever asked. Damage is the store's to mend: to a reader the view is
    /// out of reach until it has been filled again.
    pub(crate) fn refused(&self, error: ViewError) -> ViewError {
        self.note(&error);
        match error {
            ViewError::Corrupt(_) => ViewError::Unavailable(FILLED_AGAIN.to_owned()),
            error => error,
        }
    }

    /// Moves the live position. Returns whether it should be saved some time.
    pub(crate) fn advance(&self, cursor: u64) -> bool {
        let position = self.position.fetch_max(cursor, Ordering::AcqRel).max(cursor);
        position >= self.saved.load(Ordering::Acquire) + UNSAVED_MAX
    }

    pub(crate) fn save(&self) -> Result<(), ViewError> {
        let mut live = self.live.lock();
        let position = self.position();
        if position > live.cursor {
            let mark = self.history.mark(position)?;
            let save = || {
                let transaction = live.connection.unchecked_transaction()?;
                save_cursor(&transaction, position, mark)?;
                transaction.commit()
            };
            save().map_err(|error| self.of_live(&error))?;
            live.cursor = position;
            self.saved.fetch_max(position, Ordering::AcqRel);
        }
        Ok(())
    }

    pub(crate) fn cursor(&self, generation: Generation) -> u64 {
        match generation {
            Generation::Live => self.position(),
            Generation::Next => self.next.lock().as_ref().map_or(0, |next| next.cursor),
        }
    }

    pub(crate) fn give_up_rebuild(&self) {
        if let Some(unfinished) = self.next.lock().take() {
            unfinished.file.retire();
        }
    }

    pub(crate) fn begin_rebuild(&self, options: &ViewsOptions) -> Result<(), ViewError> {
        self.give_up_rebuild();
        let mut next = self.next.lock();
        let file = ViewFile::new(&self.dir, self.view.name, self.file().generation + 1);
        file.remove();
        let (connection, cursor) = create(&file, self.view.schema, options, &self.history)?;
        *next = Some(Filler { connection, file: Arc::new(file), cursor, wal_pages: 0 });
        Ok(())
    }

    /// Makes the next generation the live one. `announce` is called when readers can see it, before the position moves.
    pub(crate) fn switch(
        &self,
        manifest: &Mutex<Manifest>,
        announce: impl FnOnce(),
    ) -> Result<(), ViewError> {
        let mut live = self.live.lock();
        let Some(next) = self.next.lock().take() else {
            return Err(ViewError::Unavailable("no rebuild of this view has begun".to_owned()));
        };
        // In the file itself, before the manifest says that it is the one.
        next.connection
            .query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))
            .map_err(|error| view_error(&error))?;
        self.put(&mut live, next, manifest)?;
        announce();
        self.position.store(live.cursor, Ordering::Release);
        Ok(())
    }

    /// Starts over with an empty file in place of a damaged one. For when nobody writes: a late [`Self::advance`] would
    /// say of the empty view that it has everything.
    pub(crate) fn start_over(
        &self,
        manifest: &Mutex<Manifest>,
        options: &ViewsOptions,
        announce: impl FnOnce(),
    ) -> Result<(), ViewError> {
        self.begin_rebuild(options)?;
        let mut live = self.live.lock();
        let Some(next) = self.next.lock().take() else { return Ok(()) };
        tracing::error!(view = self.view.name, "the view's file is damaged, filling it again from the log");
        self.position.store(0, Ordering::Release);
        self.saved.store(0, Ordering::Release);
        self.put(&mut live, next, manifest)?;
        self.damaged.store(false, Ordering::Release);
        announce();
        Ok(())
    }

    fn put(&self, live: &mut Filler, next: Filler, manifest: &Mutex<Manifest>) -> Result<(), ViewError> {
        manifest.lock().set(self.view.name, next.file.generation).map_err(|error| {
            ViewError::Unavailable(format!("cannot write the manifest: {}", error.kind()))
        })?;
        *self.file.write() = Arc::clone(&next.file);
        let old = std::mem::replace(live, next);
        old.file.retire();
        self.saved.store(live.cursor, Ordering::Release);
        Ok(())
    }

    pub(crate) fn counts_of_dead_letters(&self) -> Result<(u64, u64), ViewError> {
        let sql = "SELECT count(*), count(DISTINCT stream) FROM dead_letters";
        let counts = self
            .live
            .lock()
            .connection
            .query_row(sql, [], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)));
        counts.map_err(|error| self.of_live(&error))
    }

    pub(crate) fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, ViewError> {
        let live = self.live.lock();
        let read = || {
            let sql = "SELECT position, stream, kind, error, parked_at FROM dead_letters
                       WHERE position > ?1 ORDER BY position LIMIT ?2";
            let mut statement = live.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![after as i64, limit as i64], |row| {
                Ok(DeadLetter {
                    projection: self.view.name.to_owned(),
                    position: row.get::<_, i64>(0)? as u64,
                    stream: row.get(1)?,
                    kind: row.get(2)?,
                    error: row.get(3)?,
                    parked_at: nova_events::envelope::time_of_ms(row.get(4)?),
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<DeadLetter>>>()
        };
        read().map_err(|error| self.of_live(&error))
    }

    /// An error of the connection that writes the live file.
    fn of_live(&self, error: &rusqlite::Error) -> ViewError {
        let error = view_error(error);
        self.note(&error);
        error
    }

    pub(crate) fn rebuilding(&self) -> Option<u64> {
        self.next.lock().as_ref().map(|next| next.cursor)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.save() {
            tracing::warn!(view = self.view.name, %error, "cannot save how far the view is");
        }
        if let Some(unfinished) = self.next.get_mut().take() {
            unfinished.file.retire();
        }
    }
}

fn create(
    file: &ViewFile,
    schema: &str,
    options: &ViewsOptions,
    history: &History,
) -> Result<(Connection, u64), ViewError> {
    let opened = file.open(schema, options)?;
    let (connection, cursor) =
        opened.ok_or_else(|| ViewError::Unavailable("a new view file cannot be used".to_owned()))?;
    history.is_of(&connection, cursor)?;
    Ok((connection, cursor))
}

/// Opens all views in `dir`, each as the manifest says.
pub(crate) fn open_all(
    dir: &Path,
    manifest: &Manifest,
    options: &ViewsOptions,
    history: &History,
) -> Result<Vec<Store>, ViewError> {
    let io = |error: std::io::Error| ViewError::Unavailable(format!("the views' folder: {}", error.kind()));
    private::create_dir_all(dir).map_err(io)?;
    crate::write::VIEWS
        .iter()
        .map(|view| {
            let generation = manifest.generation(view.name);
            file::remove_others(dir, view.name, generation).map_err(io)?;
            Store::open(*view, dir, generation, options, history)
        })
        .collect()
}
