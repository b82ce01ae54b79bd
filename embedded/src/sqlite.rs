//! SQLite, as views and keys use it. Errors say what went wrong, never with what: SQLite's own messages may quote values.

use std::path::Path;

use nova_views::ViewError;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::options::ViewsOptions;

/// The version of the schema in `migrations/sqlite/`. A view file of another version is dropped and filled again.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Pages of the write-ahead log after which it is copied into the file: 32 MiB. Large, so that a page that changes
/// again and again while catching up is copied once.
const WAL_PAGES: u32 = 8_192;

pub(crate) fn open_writer(path: &Path, options: &ViewsOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
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

pub(crate) fn view_error(error: &rusqlite::Error) -> ViewError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ViewError::Corrupt("SQLite says that the file is damaged".to_owned())
        }
        Some(code) => ViewError::Unavailable(format!("SQLite: {code:?}")),
        None => match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::InvalidColumnIndex(_)
            | rusqlite::Error::Utf8Error(..) => {
                ViewError::Unavailable("a row is not of its shape".to_owned())
            }
            _ => ViewError::Unavailable("SQLite refused a statement".to_owned()),
        },
    }
}
