//! The connection to PostgreSQL and Nova's schema in it.
//!
//! * An error here is one line: which server, what is wrong, what to do. Never a password, never a value of a row.
//! * Every connection has bounds: a statement, a forgotten transaction and the wait for a connection all end.
//! * A session that cannot do its work any more (read-only after a failover, lost) is closed and another one opened:
//!   `sessions`.
//! * Several processes may migrate at once; one of them does, the others wait for it.
//! * A process works only with the schema it was made for: [`check_schema`] before anything else.

mod error;
mod migrations;
mod options;
pub(crate) mod sessions;

use std::time::Duration;

pub use sqlx::postgres::PgPool;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// Connections beside the pools: one writes to the log, one listens for appends, one announces them, one listens for keys that
/// are destroyed.
pub const CONNECTIONS_BESIDE: u32 = 4;

pub use error::PostgresError;
pub(crate) use error::{is_transient, sql_problem};
pub use migrations::{check_schema, migrate};
pub use options::PostgresOptions;

/// Opens the connections. The first one is tried here, so that what is wrong is told now and precisely.
pub async fn connect(options: &PostgresOptions) -> Result<PgPool, PostgresError> {
    let connecting = connect_options(options)?;
    let server = Server::of(&connecting);
    let first = PgConnection::connect_with(&connecting);
    let wait = Duration::from_millis(options.connect_ms_max);
    let first = tokio::time::timeout(wait, first)
        .await
        .map_err(|_| server.unreachable("no answer"))?
        .map_err(|error| server.refusal(&error))?;
    // It has told what there was to tell.
    let _ = first.close().await;
    Ok(sessions::pool(sessions::Purpose::Writing)
        .min_connections(options.connections_min)
        .max_connections(options.connections_max.max(1))
        .acquire_timeout(Duration::from_millis(options.acquire_ms_max))
        .connect_lazy_with(connecting))
}

/// How many connections the server has for all its clients, without those that it keeps for superusers.
pub async fn connections_of_server(pool: &PgPool) -> Result<u32, PostgresError> {
    let sql = "SELECT current_setting('max_connections')::int - \
               current_setting('superuser_reserved_connections')::int";
    let all: i32 = sqlx::query_scalar(sql)
        .fetch_one(pool)
        .await
        .map_err(|error| Server::of(&pool.connect_options()).refusal(&error))?;
    Ok(u32::try_from(all).unwrap_or(0))
}

fn connect_options(options: &PostgresOptions) -> Result<PgConnectOptions, PostgresError> {
    let parsed: PgConnectOptions = options.url.parse().map_err(|_| PostgresError::Url)?;
    let settings = [
        ("statement_timeout", options.statement_ms_max.to_string()),
        ("idle_in_transaction_session_timeout", options.idle_in_transaction_ms_max.to_string()),
        // What the log's function and all conditions on rows are written for.
        ("default_transaction_isolation", "read committed".to_owned()),
        ("jit", "off".to_owned()),
    ];
    Ok(parsed.application_name(&options.application_name).options(settings).disable_statement_logging())
}

/// What is told of a server.
pub(crate) struct Server {
    place: String,
    user: String,
    database: String,
}

impl Server {
    pub(crate) fn of(options: &PgConnectOptions) -> Self {
        let place = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let user = options.get_username().to_owned();
        let database = options.get_database().unwrap_or(&user).to_owned();
        Self { place, user, database }
    }
}
