//! SQLite, as views and keys use it. Errors say what went wrong, never with what: SQLite's own messages may quote values.

use std::path::Path;

use nova_eventlog::private;
use nova_views::ViewError;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::options::ViewsOptions;

/// The version of the schema in `migrations/sqlite/`. A view file of another version is dropped and filled again.
pub(crate) const SCHEMA_VERSION: u32 = 4;

/// Pages of SQLite's write-ahead log after which it is copied into the file, 4 KiB each. Small while the view follows
/// the log: the copy is synced, and the event log's own syncs, which commands wait for, queue behind it on the disk.
const WAL_PAGES: u32 = 1_024;
/// While catching up: a page that changes again and again is copied once.
const WAL_PAGES_CATCHING_UP: u32 = 8_192;
/// As many changes in one step are a sign of catching up.
const CATCHING_UP_CHANGES: usize = 10_000;

/// How many pages the write-ahead log may have after a step of so many changes.
pub(crate) fn wal_pages(changes: usize) -> u32 {
    if changes < CATCHING_UP_CHANGES { WAL_PAGES } else { WAL_PAGES_CATCHING_UP }
}

pub(crate) fn set_wal_pages(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", pages)
}

/// Makes an empty database file with mode 0600 where there is none. SQLite itself would make it as the umask says, and
/// gives the mode of this file to its journals.
pub(crate) fn make_private(path: &Path) {
    // Where this fails SQLite fails too, and says why.
    drop(private::options().write(true).create(true).truncate(false).open(path));
}

pub(crate) fn open_writer(path: &Path, options: &ViewsOptions) -> rusqlite::Result<Connection> {
    make_private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    set_wal_pages(&connection, WAL_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    common(&connection, options.writer_cache_bytes, options)?;
    Ok(connection)
}

pub(crate) fn open_reader(path: &Path, options: &ViewsOptions) -> rusqlite::Result<Connection> {
    // Not SQLITE_OPEN_READ_ONLY: reading a write-ahead log needs its shared-memory file, which may have to be made.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    common(&connection, options.reader_cache_bytes, options)?;
    Ok(connection)
}

fn common(connection: &Connection, cache_bytes: usize, options: &ViewsOptions) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "cache_size", -i64::try_from(cache_bytes / 1024).unwrap_or(2_000))?;
    connection.pragma_update(None, "mmap_size", i64::try_from(options.mmap_bytes).unwrap_or(0))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// What an error of a view file means. Every statement is written here, and none depends on what a client sends: one that
/// SQLite refuses, or a row that is not of its shape, says that the file is not what was written.
pub(crate) fn view_error(error: &rusqlite::Error) -> ViewError {
    match error.sqlite_error() {
        Some(found) if is_damage(found) => {
            ViewError::Corrupt("SQLite says that the file is damaged".to_owned())
        }
        Some(found) => ViewError::Unavailable(format!("SQLite: {:?}", found.code)),
        None => ViewError::Corrupt("a row is not of its shape".to_owned()),
    }
}

fn is_damage(error: &rusqlite::ffi::Error) -> bool {
    match error.code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown => true,
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig => true,
        // The file ends before its header says so.
        _ => error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ,
    }
}
