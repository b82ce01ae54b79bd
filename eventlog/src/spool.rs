//! A bounded queue of entries on disk. It keeps what cannot be passed on now until it can.
//!
//! * **Durable when it returns.** An entry that [`Spool::push`] has taken survives a kill and a power cut; one that it was
//!   still taking is there whole or not at all.
//! * **First in, first out**, in the order of the pushes: one that begins when another has ended stands behind it.
//! * **At least once.** What [`Spool::remove_through`] has removed stays removed when the process is killed; after a crash
//!   of the machine some of it may come again.
//! * **Bounded** in bytes. When it is full, a push is refused, or the oldest entries go, as the options say.
//! * One process at a time has a spool open, as with a log; it may be read beside that.
//!
//! It is a row of small file logs, its chapters, so writing, syncing, checksums and torn ends are the file log's. What
//! has been read goes a whole chapter at a time. A spool that is never written to costs no thread and no file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use crate::file::{FileLog, FileLogOptions, Lock};
use crate::log::{EventLog as _, LogError};
use crate::private;
use crate::record::{Append, Expected, Filter, Kind, NewEvent, Write};
use crate::stream::StreamId;
use state::{Chapter, State};

mod folder;
mod state;
#[cfg(test)]
mod tests;

/// What an entry takes beside its data, roughly: it is counted so while it is being written.
const FRAMING_BYTES: u64 = 256;
const CHAPTERS: u64 = 16;
const CHAPTER_BYTES_MIN: u64 = 16 << 10;
const CHAPTER_BYTES_MAX: u64 = 4 << 20;
/// After the disk has failed, a new chapter is tried this often.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// Refuse what comes.
    Refuse,
    /// Drop the oldest chapter, about a sixteenth of all.
    DropOldest,
}

#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// Of all entries with their framing. Files are allocated ahead, by up to 8 MiB more.
    pub bytes_max: u64,
    pub when_full: WhenFull,
}

impl SpoolOptions {
    fn chapter_bytes(&self) -> u64 {
        (self.bytes_max / CHAPTERS).clamp(CHAPTER_BYTES_MIN, CHAPTER_BYTES_MAX)
    }

    fn log_options(&self) -> FileLogOptions {
        FileLogOptions {
            segment_bytes: self.chapter_bytes(),
            heads_cached_max: 16,
            open_files_max: 8,
            page_bytes_max: 1 << 20,
            // Entries that are gone are reported; those before them are still passed on.
            cut_damaged_tail: true,
            ..FileLogOptions::default()
        }
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    chapter: u64,
    position: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub place: Place,
    pub recorded_at_ms: u64,
    pub data: Bytes,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// That are durable and not removed.
    pub entries: u64,
    /// On disk, with framing; some of the oldest may be removed already.
    pub bytes: u64,
    /// Nothing that is held is older.
    pub oldest_recorded_at_ms: Option<u64>,
    /// Entries that had to go for newer ones, since it was opened.
    pub dropped_entries: u64,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum SpoolError {
    #[error("the queue in {place} holds {bytes} bytes; at most {bytes_max} fit")]
    Full { place: String, bytes: u64, bytes_max: u64 },
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Cheap to clone: the same spool. Dropping the last one closes it.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    options: SpoolOptions,
    state: Mutex<State>,
    stats: watch::Sender<SpoolStats>,
    lock: parking_lot::Mutex<Option<Lock>>,
}

impl Spool {
    /// Opens the spool in a folder, or begins one. Blocks for as long as it takes to look at its chapters.
    pub fn open(dir: impl AsRef<Path>, options: SpoolOptions) -> Result<Self, LogError> {
        let dir = dir.as_ref();
        private::create_dir_all(dir).map_err(|error| folder::unavailable("create", dir, &error))?;
        let lock = Lock::acquire(dir)?;
        Self::load(dir, options, Some(lock))
    }

    /// Opens it as it is now, also beside a process that writes; changes nothing and takes nothing.
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self, LogError> {
        Self::load(dir.as_ref(), SpoolOptions { bytes_max: 0, when_full: WhenFull::Refuse }, None)
    }

    fn load(dir: &Path, options: SpoolOptions, lock: Option<Lock>) -> Result<Self, LogError> {
        let removed = folder::read_cursor(dir);
        let (chapters, newest) = folder::chapters(dir, removed, &options.log_options(), lock.is_some())?;
        let state = State {
            chapters: chapters.into(),
            newest,
            removed,
            removed_recorded_at_ms: 0,
            pending_bytes: 0,
            dropped_entries: 0,
            failed: None,
            closed: lock.is_none(),
        };
        let stats = watch::Sender::new(state.stats());
        let shared =
            Shared { dir: dir.to_owned(), options, state: Mutex::new(state), stats, lock: lock.into() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether some process has it open for writing at this moment.
    pub fn is_open(dir: impl AsRef<Path>) -> bool {
        Lock::is_held(dir.as_ref())
    }

    /// Takes an entry. It is taken even when whoever asked does not wait for the answer.
    pub async fn push(&self, data: Bytes) -> Result<(), SpoolError> {
        let shared = Arc::clone(&self.shared);
        let pushed = tokio::spawn(async move { shared.push(data).await }).await;
        pushed.unwrap_or_else(|error| Err(LogError::Unavailable(format!("a push failed: {error}")).into()))
    }

    /// The oldest entries that are not removed, up to `limit`.
    pub async fn peek(&self, limit: usize) -> Result<Vec<Entry>, SpoolError> {
        let removed = self.shared.state.lock().await.removed;
        self.read(removed, limit).await
    }

    /// The entries behind this place, up to `limit`; [`Place::default`] is before all of them.
    pub async fn read(&self, after: Place, limit: usize) -> Result<Vec<Entry>, SpoolError> {
        loop {
            let Some((number, log, position)) = self.shared.state.lock().await.chapter_after(after) else {
                return Ok(Vec::new());
            };
            match log.read_all(position, &Filter::all(), limit.max(1)).await {
                Ok(page) => {
                    let entry = |event: crate::record::Recorded| Entry {
                        place: Place { chapter: number, position: event.position },
                        recorded_at_ms: event.recorded_at_ms,
                        data: event.data,
                    };
                    return Ok(page.events.into_iter().map(entry).collect());
                }
                Err(error @ LogError::Corrupt { .. }) => self.shared.set_aside(number, &error).await?,
                // It may have been closed for writing just now, and is read through another handle.
                Err(error) if self.shared.state.lock().await.holds(number, &log) => return Err(error.into()),
                Err(_) => {}
            }
        }
    }

    /// These entries, and those before them, are not needed any more.
    pub async fn remove_through(&self, entry: &Entry) -> Result<(), SpoolError> {
        let mut state = self.shared.state.lock().await;
        if entry.place > state.removed {
            state.removed = entry.place;
            state.removed_recorded_at_ms = entry.recorded_at_ms;
            let (dir, place) = (self.shared.dir.clone(), entry.place);
            blocking(move || folder::write_cursor(&dir, place)).await?;
        }
        while let Some(first) = state.chapters.front() {
            if first.closed.is_none() || state.chapters.len() == 1 || first.last() > state.removed {
                break;
            }
            self.shared.delete_first(&mut state).await?;
        }
        self.shared.tell(&state);
        Ok(())
    }

    pub fn stats(&self) -> SpoolStats {
        *self.shared.stats.borrow()
    }

    /// Follows what it holds.
    pub fn watch(&self) -> watch::Receiver<SpoolStats> {
        self.shared.stats.subscribe()
    }

    /// Writes what is being written and gives the folder free.
    pub async fn close(&self) {
        let mut state = self.shared.state.lock().await;
        state.closed = true;
        if let Err(error) = self.shared.end_chapter(&mut state).await {
            tracing::warn!(%error, "the end of a queue on disk could not be looked at again");
        }
        self.shared.lock.lock().take();
    }
}

impl Shared {
    async fn push(&self, data: Bytes) -> Result<(), SpoolError> {
        let bytes = data.len() as u64 + FRAMING_BYTES;
        let (log, appended) = {
            let mut state = self.state.lock().await;
            if state.closed {
                return Err(LogError::Unavailable("the queue has been closed".to_owned()).into());
            }
            self.make_room(&mut state, bytes).await?;
            let log = self.writer(&mut state).await?;
            state.pending_bytes += bytes;
            let appended = log.append(append_of(data)?);
            (log, appended)
        };
        let appended = appended.await;
        let mut state = self.state.lock().await;
        state.pending_bytes -= bytes;
        let current = state.chapters.back().is_some_and(|last| Arc::ptr_eq(&last.log, &log));
        if matches!(appended, Err(LogError::Unavailable(_))) && current && !state.closed {
            state.failed = Some(Instant::now());
        }
        self.tell(&state);
        appended.map(|_| ()).map_err(SpoolError::from)
    }

    async fn make_room(&self, state: &mut State, bytes: u64) -> Result<(), SpoolError> {
        let bytes_max = self.options.bytes_max;
        while state.bytes() + bytes > bytes_max {
            let droppable = state.chapters.len() > 1 && self.options.when_full == WhenFull::DropOldest;
            if !droppable {
                let place = self.dir.display().to_string();
                return Err(SpoolError::Full { place, bytes: state.bytes(), bytes_max });
            }
            state.dropped_entries += state.chapters.front().map_or(0, |first| first.log.head());
            self.delete_first(state).await?;
        }
        Ok(())
    }

    /// The log that is written, or another one when it is full or its disk has failed.
    async fn writer(&self, state: &mut State) -> Result<Arc<FileLog>, SpoolError> {
        if state.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(
                LogError::Unavailable("the disk of the queue has failed a moment ago".to_owned()).into()
            );
        }
        let failed = state.failed.is_some();
        let fits = |chapter: &Chapter| chapter.bytes() < self.options.chapter_bytes() && !failed;
        match state.chapters.back().map(|last| (last.number, fits(last), last.closed.is_some())) {
            Some((_, true, false)) => {}
            Some((number, true, true)) => match self.begin(number).await {
                Ok(log) => {
                    state.chapters.pop_back();
                    state.chapters.push_back(Chapter { number, log, closed: None });
                }
                Err(error @ LogError::Corrupt { .. }) => {
                    state.chapters.pop_back();
                    folder::set_aside(&self.dir, number, &error)?;
                    self.begin_next(state).await?;
                }
                Err(error) => return Err(error.into()),
            },
            Some((_, false, _)) => {
                self.end_chapter(state).await?;
                self.begin_next(state).await?;
            }
            None => self.begin_next(state).await?,
        }
        let last = state.chapters.back().map(|last| Arc::clone(&last.log));
        last.ok_or_else(|| LogError::Unavailable("the queue has no chapter".to_owned()).into())
    }

    async fn begin_next(&self, state: &mut State) -> Result<(), LogError> {
        let number = state.newest + 1;
        let begun = self.begin(number).await;
        state.failed = begun.is_err().then(Instant::now);
        let chapter = Chapter { number, log: begun?, closed: None };
        state.newest = number;
        state.chapters.push_back(chapter);
        Ok(())
    }

    async fn begin(&self, number: u64) -> Result<Arc<FileLog>, LogError> {
        let (dir, options) = (folder::chapter_dir(&self.dir, number), self.options.log_options());
        blocking(move || FileLog::open(&dir, options).map(Arc::new)).await
    }

    /// The last chapter is not written any more; what waits for it is written first.
    async fn end_chapter(&self, state: &mut State) -> Result<(), LogError> {
        let Some(last) = state.chapters.back_mut().filter(|last| last.closed.is_none()) else {
            return Ok(());
        };
        let (log, options) = (Arc::clone(&last.log), self.options.log_options());
        let dir = folder::chapter_dir(&self.dir, last.number);
        let reopened = blocking(move || {
            log.close();
            FileLog::open_read_only(&dir, options)
        });
        *last = Chapter::closed(last.number, reopened.await?);
        Ok(())
    }

    async fn set_aside(&self, number: u64, error: &LogError) -> Result<(), LogError> {
        let mut state = self.state.lock().await;
        if self.lock.lock().is_none() {
            return Err(error.clone());
        }
        let before = state.chapters.len();
        state.chapters.retain(|chapter| chapter.number != number);
        if state.chapters.len() < before {
            folder::set_aside(&self.dir, number, error)?;
        }
        self.tell(&state);
        Ok(())
    }

    async fn delete_first(&self, state: &mut State) -> Result<(), LogError> {
        let Some(Chapter { number, .. }) = state.chapters.pop_front() else { return Ok(()) };
        let dir = self.dir.clone();
        blocking(move || folder::delete(&dir, number)).await
    }

    fn tell(&self, state: &State) {
        let stats = state.stats();
        self.stats.send_if_modified(|told| std::mem::replace(told, stats) != stats);
    }
}

fn append_of(data: Bytes) -> Result<Append, LogError> {
    let invalid = || LogError::Invalid("an entry".to_owned());
    let kind = Kind::new("Entry").ok_or_else(invalid)?;
    let stream = StreamId::new("spool-entries").map_err(|_| invalid())?;
    let event = NewEvent { kind, data, meta: Bytes::new() };
    let write = Write { stream, expected: Expected::Any, events: vec![event] };
    Ok(Append { command_id: Uuid::now_v7(), writes: vec![write] })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(LogError::Unavailable(format!("the queue's disk: {error}"))))
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("dir", &self.shared.dir).field("stats", &self.stats()).finish()
    }
}
