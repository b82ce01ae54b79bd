//! The file of the wrapped keys. SQLite with a rollback journal and full syncs: what is committed is on disk, and what
//! is destroyed is overwritten, not left behind in a log.

use std::path::Path;

use nova_eventlog::{EventMark, private};
use nova_events::UserId;
use nova_events::wrapping::Wrapping;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::complete::Complete;
use super::keyring::KeyringError;
use crate::sqlite::make_private;

pub(super) const FILE: &str = "keys.db";
const VERSION: u32 = 1;
/// Three keys of 32 bytes, in the order of [`nova_events::Class::ALL`].
pub(super) const SECRET_BYTES: usize = 3 * 32;

const COMPLETE_SCHEMA: &str = include_str!("../../../migrations/sqlite/keys_complete.sql");
const SCHEMA: &str = include_str!("../../../migrations/sqlite/keys.sql");

/// The keys of a subject.
pub(super) enum Held {
    Never,
    Destroyed,
    Keys(Zeroizing<Vec<u8>>),
}

pub(super) struct KeyStore {
    connection: Connection,
    wrapping: Wrapping,
    /// Rows of subjects: counted when the file is opened, and kept up to date.
    subjects: u64,
}

impl KeyStore {
    pub(super) fn open(dir: &Path, wrapping: Wrapping) -> Result<Self, KeyringError> {
        private::create_dir_all(dir).map_err(|error| KeyringError::Io(error.kind()))?;
        let connection = connect(&dir.join(FILE)).map_err(|error| storage(&error))?;
        let version: u32 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|error| storage(&error))?;
        match version {
            0 => connection
                .execute_batch(&format!("BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"))
                .map_err(|error| storage(&error))?,
            VERSION => {}
            found => return Err(KeyringError::Version { found, known: VERSION }),
        }
        connection.execute_batch(COMPLETE_SCHEMA).map_err(|error| storage(&error))?;
        let subjects: i64 = connection
            .query_row("SELECT count(*) FROM subjects", [], |row| row.get(0))
            .map_err(|error| storage(&error))?;
        Ok(Self { connection, wrapping, subjects: subjects as u64 })
    }

    /// The secret of that name, made if there is none. That it cannot be unwrapped shows a wrong master key.
    pub(super) fn secret(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let purpose = [b"nova secret v1 ", name.as_bytes()].concat();
        let wrapped: Option<Vec<u8>> = self
            .connection
            .query_row("SELECT wrapped FROM secrets WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(|error| storage(&error))?;
        if let Some(wrapped) = wrapped {
            return self.wrapping.unwrap(&purpose, &wrapped).ok_or(KeyringError::OtherMasterKey);
        }
        let secret = random(32)?;
        let wrapped = self.wrapping.wrap(&purpose, &secret).ok_or(KeyringError::Refused)?;
        self.connection
            .execute("INSERT INTO secrets (name, wrapped) VALUES (?1, ?2)", params![name, wrapped])
            .map_err(|error| storage(&error))?;
        Ok(secret)
    }

    pub(super) fn load(&self, subject: UserId) -> Result<Held, KeyringError> {
        let found: Option<Option<Vec<u8>>> = self
            .connection
            .prepare_cached("SELECT wrapped FROM subjects WHERE id = ?1")
            .and_then(|mut load| load.query_row([subject.0.as_bytes()], |row| row.get(0)).optional())
            .map_err(|error| storage(&error))?;
        match found {
            None => Ok(Held::Never),
            Some(None) => Ok(Held::Destroyed),
            Some(Some(wrapped)) => {
                let keys = self.wrapping.unwrap(&purpose(subject), &wrapped).ok_or(KeyringError::Damaged)?;
                if keys.len() == SECRET_BYTES { Ok(Held::Keys(keys)) } else { Err(KeyringError::Damaged) }
            }
        }
    }

    /// Whether the subject has keys or a tombstone.
    pub(super) fn has(&self, subject: UserId) -> Result<bool, KeyringError> {
        let has = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM subjects WHERE id = ?1)")
            .and_then(|mut has| has.query_row([subject.0.as_bytes()], |row| row.get(0)));
        has.map_err(|error| storage(&error))
    }

    /// How many subjects have keys or a tombstone.
    pub(super) fn subjects(&self) -> u64 {
        self.subjects
    }

    pub(super) fn complete(&self) -> Result<Option<Complete>, KeyringError> {
        let sql = "SELECT position, event, recorded_at, subjects FROM complete";
        let complete = self.connection.query_row(sql, [], |row| {
            let mark = EventMark {
                position: row.get::<_, i64>(0)? as u64,
                event_id: Uuid::from_bytes(row.get(1)?),
                recorded_at_ms: row.get::<_, i64>(2)? as u64,
            };
            Ok(Complete { mark, subjects: row.get::<_, i64>(3)? as u64 })
        });
        complete.optional().map_err(|error| storage(&error))
    }

    pub(super) fn set_complete(&mut self, complete: Complete) -> Result<(), KeyringError> {
        let sql = "INSERT OR REPLACE INTO complete (one, position, event, recorded_at, subjects)
                   VALUES (1, ?1, ?2, ?3, ?4)";
        let Complete { mark, subjects } = complete;
        let saved = self.connection.execute(
            sql,
            params![
                mark.position as i64,
                mark.event_id.as_bytes(),
                mark.recorded_at_ms as i64,
                subjects as i64
            ],
        );
        saved.map(|_| ()).map_err(|error| storage(&error))
    }

    /// Makes keys for subjects that have none, all in one commit. Those that have some, or had, are left as they are.
    pub(super) fn make(&mut self, subjects: &[UserId]) -> Result<(), KeyringError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| storage(&error))?;
        let mut made = 0;
        {
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO subjects (id, wrapped) VALUES (?1, ?2)")
                .map_err(|error| storage(&error))?;
            for subject in subjects {
                let keys = random(SECRET_BYTES)?;
                let wrapped = self.wrapping.wrap(&purpose(*subject), &keys).ok_or(KeyringError::Refused)?;
                let changed = insert.execute(params![subject.0.as_bytes(), wrapped]);
                made += changed.map_err(|error| storage(&error))?;
            }
        }
        transaction.commit().map_err(|error| storage(&error))?;
        self.subjects += made as u64;
        Ok(())
    }

    /// Also for those that never had keys.
    pub(super) fn destroy(&mut self, subject: UserId) -> Result<(), KeyringError> {
        let is_new = !self.has(subject)?;
        let sql = "INSERT INTO subjects (id, wrapped) VALUES (?1, NULL)
                   ON CONFLICT DO UPDATE SET wrapped = NULL";
        self.connection.execute(sql, [subject.0.as_bytes()]).map_err(|error| storage(&error))?;
        self.subjects += u64::from(is_new);
        Ok(())
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    make_private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(1))?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "TRUNCATE")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(path) {
        let mut permissions = metadata.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        let _ = std::fs::set_permissions(path, permissions);
    }
    Ok(connection)
}

fn purpose(subject: UserId) -> Vec<u8> {
    [b"nova subject keys v1 ".as_slice(), subject.0.as_bytes()].concat()
}

fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyringError::Refused)?;
    Ok(bytes)
}

fn storage(error: &rusqlite::Error) -> KeyringError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => KeyringError::Damaged,
        code => KeyringError::Storage(code),
    }
}
