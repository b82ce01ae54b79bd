//! What PostgreSQL says, as the views say it: the kind of trouble (an SQLSTATE), never a value.

use nova_views::ViewError;

use crate::postgres::sessions;

pub(super) fn view_error(error: &sqlx::Error) -> ViewError {
    sessions::observe(error);
    let unavailable = |what: &str| ViewError::Unavailable(format!("PostgreSQL: {what}"));
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code();
            let code = code.as_deref().unwrap_or("none");
            match code {
                // data_corrupted, index_corrupted.
                "XX001" | "XX002" => ViewError::Corrupt(format!("PostgreSQL: SQLSTATE {code}")),
                _ => unavailable(&format!("SQLSTATE {code}")),
            }
        }
        sqlx::Error::PoolTimedOut => unavailable("all connections are in use"),
        sqlx::Error::PoolClosed => unavailable("the connections are closed"),
        sqlx::Error::Io(error) => unavailable(&error.kind().to_string()),
        sqlx::Error::Tls(_) => unavailable("the TLS connection cannot be established"),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            ViewError::Corrupt("PostgreSQL: a value is not of the type it was written as".to_owned())
        }
        // Not ours to name in full: trouble with the connection or its protocol.
        _ => unavailable("the connection failed"),
    }
}

/// Two transactions waited for each other, or for something too long: trying again is all that is needed.
pub(super) fn is_collision(error: &sqlx::Error) -> bool {
    // serialization_failure, deadlock_detected, lock_not_available.
    has_code(error, &["40001", "40P01", "55P03"])
}

/// Tables or a schema are not there.
pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    // undefined_table, invalid_schema_name.
    has_code(error, &["42P01", "3F000"])
}

/// The connection or the server, not what was said.
pub(super) fn is_of_the_server(error: &sqlx::Error) -> bool {
    match error {
        _ if sessions::needs_new_session(error) => true,
        sqlx::Error::Database(error) => {
            // Connection exceptions, insufficient resources, operator intervention, system errors.
            let code = error.code();
            code.as_deref()
                .is_none_or(|code| ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)))
        }
        _ => true,
    }
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.code().is_some_and(|code| codes.contains(&code.as_ref()))
}
