//! How the server is reached, and how much is gathered before it is written.

use zeroize::Zeroizing;

/// Settings of the views in ClickHouse.
#[derive(Debug, Clone)]
pub struct ClickHouseOptions {
    /// Of the HTTP interface: `http://host:8123` or `https://host:8443`.
    pub url: String,
    /// Everything of Nova is in it; several installations may share a server.
    pub database: String,
    pub user: String,
    pub password: Password,
    /// Steps that wait are written together, at most this often. Every write makes parts that the server has to merge:
    /// shorter shows changes sooner, longer costs the server less.
    pub flush_interval_ms: u64,
    /// So many rows are written without waiting any longer. Also bounds what waits: about 100 bytes a row.
    pub flush_rows_max: usize,
    /// That a projection has come further with nothing to change is written this often; a crash forgets no more.
    pub advance_interval_ms: u64,
    /// How often a process looks whether rows are missing from the tables. 0: never.
    pub rows_check_ms: u64,
    /// A write that takes longer is given up and offered again.
    pub write_timeout_ms: u64,
    /// A question that takes longer is given up: whoever asks has other sources.
    pub query_timeout_ms: u64,
    /// What trends is kept for all viewers for so long. 0: worked out at every question.
    pub trending_ttl_ms: i64,
}

impl Default for ClickHouseOptions {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "nova".to_owned(),
            user: "default".to_owned(),
            password: Password::default(),
            flush_interval_ms: 100,
            flush_rows_max: 50_000,
            advance_interval_ms: 200,
            rows_check_ms: 10_000,
            write_timeout_ms: 30_000,
            query_timeout_ms: 2_000,
            trending_ttl_ms: 2_000,
        }
    }
}

/// Never shown.
#[derive(Clone, Default)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}
