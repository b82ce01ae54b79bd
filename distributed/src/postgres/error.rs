//! What can be wrong with the server, and which of it passes by itself.

use sqlx::Error;

use super::{Server, sessions};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    #[error("the address of PostgreSQL is not of the form postgres://user:password@host:port/database")]
    Url,
    #[error("PostgreSQL at {place} cannot be reached ({problem}): is it running, and is the address right?")]
    Unreachable { place: String, problem: String },
    #[error("PostgreSQL at {place} refuses the user {user}: check the user and the password")]
    Refused { place: String, user: String },
    #[error("PostgreSQL at {place} has no database {database}: create it, or name another one")]
    NoDatabase { place: String, database: String },
    #[error("PostgreSQL at {place}: no TLS connection ({problem}): check sslmode and the certificates")]
    Tls { place: String, problem: String },
    #[error(
        "PostgreSQL at {place} has no connection left: raise its max_connections or lower connections_max"
    )]
    Full { place: String },
    #[error("the database {database} on {place} does not hold Nova's schema: run `nova migrate`")]
    SchemaMissing { place: String, database: String },
    #[error("Nova's schema in {database} on {place} lacks migration {missing}: run `nova migrate`")]
    SchemaOlder { place: String, database: String, missing: i64 },
    #[error(
        "Nova's schema in {database} on {place} has migration {found}, which this program does not know: upgrade Nova"
    )]
    SchemaNewer { place: String, database: String, found: i64 },
    #[error(
        "migration {version} in {database} on {place} is not the one this program has: restore the database or use the program that made it"
    )]
    SchemaOther { place: String, database: String, version: i64 },
    #[error("PostgreSQL at {place}: {problem}")]
    Other { place: String, problem: String },
}

impl Server {
    pub(crate) fn unreachable(&self, problem: &str) -> PostgresError {
        PostgresError::Unreachable { place: self.place.clone(), problem: problem.to_owned() }
    }

    pub(crate) fn missing(&self) -> PostgresError {
        PostgresError::SchemaMissing { place: self.place.clone(), database: self.database.clone() }
    }

    pub(crate) fn older(&self, missing: i64) -> PostgresError {
        PostgresError::SchemaOlder { place: self.place.clone(), database: self.database.clone(), missing }
    }

    pub(crate) fn newer(&self, found: i64) -> PostgresError {
        PostgresError::SchemaNewer { place: self.place.clone(), database: self.database.clone(), found }
    }

    pub(crate) fn altered(&self, version: i64) -> PostgresError {
        PostgresError::SchemaOther { place: self.place.clone(), database: self.database.clone(), version }
    }

    pub(crate) fn other(&self, problem: impl Into<String>) -> PostgresError {
        PostgresError::Other { place: self.place.clone(), problem: problem.into() }
    }

    /// Why there is no connection.
    pub(crate) fn refusal(&self, error: &Error) -> PostgresError {
        let place = self.place.clone();
        match error {
            Error::Io(error) => self.unreachable(&error.kind().to_string()),
            Error::Tls(problem) => PostgresError::Tls { place, problem: problem.to_string() },
            Error::Database(refusal) => match refusal.code().as_deref() {
                Some("28P01" | "28000") => PostgresError::Refused { place, user: self.user.clone() },
                Some("3D000") => PostgresError::NoDatabase { place, database: self.database.clone() },
                Some("53300") => PostgresError::Full { place },
                _ => self.other(sql_problem(error)),
            },
            _ => self.other(sql_problem(error)),
        }
    }
}

/// What went wrong, without any value: the server's messages quote what was given to it. Every statement that failed comes
/// through here or through [`is_transient`] before it is tried again: sessions that cannot succeed are not used again.
pub(crate) fn sql_problem(error: &Error) -> String {
    sessions::observe(error);
    description(error)
}

pub(super) fn description(error: &Error) -> String {
    match error {
        Error::Database(refusal) => {
            let code = refusal.code().unwrap_or_default().into_owned();
            let meaning = match code.as_str() {
                "23505" => " (already there)",
                "40001" | "40P01" => " (in conflict with another transaction)",
                "42P01" | "42883" | "3F000" => " (the schema is missing: run `nova migrate`)",
                "42501" => " (permission denied)",
                "53100" => " (disk full)",
                "53300" => " (too many connections)",
                "57014" => " (took too long)",
                "57P01" | "57P02" | "57P03" => " (shutting down or starting up)",
                "25006" => " (the server is read-only)",
                _ => "",
            };
            match refusal.constraint() {
                Some(constraint) => format!("SQLSTATE {code}{meaning}, constraint {constraint}"),
                None => format!("SQLSTATE {code}{meaning}"),
            }
        }
        Error::Io(error) => format!("connection lost ({})", error.kind()),
        Error::Tls(_) => "no TLS connection".to_owned(),
        Error::PoolTimedOut => "no connection became free in time".to_owned(),
        Error::PoolClosed => "the connections have been closed".to_owned(),
        Error::Protocol(_) => "the connection is out of step".to_owned(),
        Error::ColumnDecode { index, .. } => format!("column {index} is not of the expected type"),
        Error::RowNotFound => "a row is missing".to_owned(),
        // The rest are mistakes of this program; none carries a value of a row.
        _ => "the driver refused".to_owned(),
    }
}

/// Whether the same may succeed a moment later, on another connection. A connection that cannot succeed is not used again.
pub(crate) fn is_transient(error: &Error) -> bool {
    sessions::observe(error);
    match error {
        Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::Protocol(_) | Error::WorkerCrashed => true,
        Error::Database(refusal) => refusal.code().is_some_and(|code| {
            matches!(&*code, "40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "25P03")
                // Connection exceptions, no resources, errors of the system below.
                || ["08", "53", "58"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
