//! The history that a view is of. Beside its cursor each view file keeps the mark of the event that stands there in the
//! log. A file that is opened beside another log, or beside one that was restored and went on otherwise, shows it.

use nova_eventlog::{EventMark, LogReader};
use nova_views::ViewError;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::sqlite::view_error;

/// The log that views are held against.
#[derive(Debug, Clone)]
pub(crate) enum History {
    /// Only how long it is.
    Head(u64),
    Log(LogReader),
}

impl History {
    pub(crate) fn mark(&self, position: u64) -> Result<Option<EventMark>, ViewError> {
        match self {
            Self::Head(_) => Ok(None),
            Self::Log(log) => log.mark(position).map_err(|error| ViewError::Unavailable(error.to_string())),
        }
    }

    fn head(&self) -> u64 {
        match self {
            Self::Head(head) => *head,
            Self::Log(log) => log.head(),
        }
    }

    /// Whether a view file with this cursor is of this history. A file of an earlier version, which has no mark, is taken
    /// for one, and marked.
    pub(crate) fn is_of(&self, file: &Connection, cursor: u64) -> Result<bool, ViewError> {
        if cursor > self.head() {
            return Ok(false);
        }
        let kept = marked(file).map_err(|error| view_error(&error))?;
        if let (Self::Log(_), Some(kept)) = (self, kept)
            && self.mark(kept.position)? != Some(kept)
        {
            return Ok(false);
        }
        if kept.is_none_or(|kept| kept.position < cursor)
            && let Some(mark) = self.mark(cursor)?
        {
            save(file, &mark).map_err(|error| view_error(&error))?;
        }
        Ok(true)
    }
}

fn marked(file: &Connection) -> rusqlite::Result<Option<EventMark>> {
    file.execute_batch(include_str!("../../migrations/sqlite/history.sql"))?;
    let sql = "SELECT position, event, recorded_at FROM history";
    let kept = file.query_row(sql, [], |row| {
        Ok(EventMark {
            position: row.get::<_, i64>(0)? as u64,
            event_id: Uuid::from_bytes(row.get(1)?),
            recorded_at_ms: row.get::<_, i64>(2)? as u64,
        })
    });
    kept.optional()
}

/// Keeps the later of two.
pub(crate) fn save(file: &Connection, mark: &EventMark) -> rusqlite::Result<()> {
    let sql = "INSERT INTO history (one, position, event, recorded_at) VALUES (1, ?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET position = excluded.position, event = excluded.event,
                                         recorded_at = excluded.recorded_at
               WHERE excluded.position > position";
    let mut save = file.prepare_cached(sql)?;
    save.execute(params![mark.position as i64, mark.event_id.as_bytes(), mark.recorded_at_ms as i64])?;
    Ok(())
}
