//! How a question gets to PostgreSQL and back.
//!
//! * A statement that came while a rebuilt view was being put in place is asked once more.
//! * Errors name the kind of trouble (an SQLSTATE, a column), never a value.

use std::time::Duration;

use nova_views::ViewError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{Decode, Postgres, Row, Type};

use crate::views::postgres::error::view_error as of_store;

pub(super) type Sql<'q> = Query<'q, Postgres, PgArguments>;

/// A view is renamed within a transaction: whoever was too early finds it right behind that.
const SWITCH_PAUSE: Duration = Duration::from_millis(20);

/// All rows of an answer. `question` makes the statement, with its values.
pub(super) async fn rows<'q>(
    pool: &PgPool,
    question: impl Fn() -> Sql<'q> + Send,
) -> Result<Vec<PgRow>, ViewError> {
    let error = match ask(pool, question()).await {
        Ok(rows) => return Ok(rows),
        Err(error) => error,
    };
    if !is_being_switched(&error) {
        return Err(view_error(&error));
    }
    tokio::time::sleep(SWITCH_PAUSE).await;
    ask(pool, question()).await.map_err(|error| view_error(&error))
}

async fn ask(pool: &PgPool, question: Sql<'_>) -> Result<Vec<PgRow>, sqlx::Error> {
    let mut asked = Asked { connection: Some(pool.acquire().await?) };
    let Some(connection) = asked.connection.as_mut() else { return Err(sqlx::Error::PoolClosed) };
    let answer = question.fetch_all(&mut **connection).await;
    // Answered, if only with an error: it can be used again. What is broken the pool finds out.
    drop(asked.connection.take());
    answer
}

/// A connection that owes an answer. When nobody waits for that any more it is closed, and its place is free at once: a
/// server that has gone silent would hold it for as long as TCP tries.
struct Asked {
    connection: Option<PoolConnection<Postgres>>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// The tables had other names, or other numbers behind their names, for a moment.
fn is_being_switched(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    match error.code().as_deref() {
        // undefined_table, invalid_schema_name, feature_not_supported ("cached plan must not change result type").
        Some("42P01" | "3F000" | "0A000") => true,
        // internal_error: what PostgreSQL says of a table that was dropped while its statement waited for it.
        Some("XX000") => error.message().starts_with("could not open relation"),
        _ => false,
    }
}

fn view_error(error: &sqlx::Error) -> ViewError {
    let sqlx::Error::Database(of_database) = error else { return of_store(error) };
    let unavailable = |what: &str| ViewError::Unavailable(format!("PostgreSQL: {what}"));
    match of_database.code().as_deref() {
        Some("57014") => unavailable("the question took longer than the statement timeout"),
        Some(code @ ("42P01" | "3F000" | "42703")) => {
            unavailable(&format!("the tables of the views are not there (SQLSTATE {code})"))
        }
        _ => of_store(error),
    }
}

fn not_what_was_written(what: &str) -> ViewError {
    ViewError::Corrupt(format!("PostgreSQL: {what} is not of the type it was written as"))
}

/// Reads the columns of a row one after the other.
pub(super) struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn take<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Result<T, ViewError> {
        let column = self.next;
        self.next += 1;
        self.row.try_get(column).map_err(|_| not_what_was_written(&format!("column {column}")))
    }

    /// Counts are sums of edges and never negative; a negative one would be shown as none.
    pub(super) fn count(&mut self) -> Result<u64, ViewError> {
        Ok(u64::try_from(self.take::<i64>()?).unwrap_or(0))
    }

    pub(super) fn optional_count(&mut self) -> Result<Option<u64>, ViewError> {
        Ok(self.take::<Option<i64>>()?.map(|count| u64::try_from(count).unwrap_or(0)))
    }
}
