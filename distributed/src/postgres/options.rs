//! What can be set.

use std::fmt;

/// How to reach PostgreSQL.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database?sslmode=...`; never shown.
    pub url: String,
    /// Connections kept open when there is nothing to do.
    pub connections_min: u32,
    /// Connections of this pool at most. The log and the keys use [`CONNECTIONS_BESIDE`](super::CONNECTIONS_BESIDE) more.
    pub connections_max: u32,
    /// How long opening the first connection may take.
    pub connect_ms_max: u64,
    /// How long one waits for a connection of the pool.
    pub acquire_ms_max: u64,
    /// A statement that takes longer is given up by the server.
    pub statement_ms_max: u64,
    /// A transaction in which nothing happens for so long is given up by the server: it would hold up others.
    pub idle_in_transaction_ms_max: u64,
    /// As the server lists its connections.
    pub application_name: String,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            url: "postgres://nova@127.0.0.1:5432/nova".to_owned(),
            connections_min: 1,
            connections_max: 16,
            connect_ms_max: 5_000,
            acquire_ms_max: 5_000,
            statement_ms_max: 30_000,
            idle_in_transaction_ms_max: 10_000,
            application_name: "nova".to_owned(),
        }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("url", &"..")
            .field("connections_min", &self.connections_min)
            .field("connections_max", &self.connections_max)
            .field("connect_ms_max", &self.connect_ms_max)
            .field("acquire_ms_max", &self.acquire_ms_max)
            .field("statement_ms_max", &self.statement_ms_max)
            .field("idle_in_transaction_ms_max", &self.idle_in_transaction_ms_max)
            .field("application_name", &self.application_name)
            .finish()
    }
}
