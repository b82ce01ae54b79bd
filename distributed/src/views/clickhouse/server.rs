//! The connection: every question and every insert goes through here, with its time limit and its errors cleared of
//! values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead, RowWrite};
use futures::StreamExt as _;

use super::error::{ClickHouseError, Failure};
use super::options::ClickHouseOptions;

/// Values in one `IN` list.
pub(super) const LIST_MAX: usize = 5_000;

/// Questions of one kind at a time, where a long list is asked for in parts.
const PARTS_AT_ONCE: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct Server {
    client: Client,
    pub(super) options: ClickHouseOptions,
    /// The latest time that was taken as a version.
    latest: Arc<AtomicU64>,
}

impl Server {
    pub(super) fn new(options: &ClickHouseOptions) -> Result<Self, ClickHouseError> {
        let name = &options.database;
        // It is written into statements as it is.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(ClickHouseError::BadName(name.clone()));
        }
        let client = Client::default()
            .with_url(&options.url)
            .with_database(name)
            .with_user(&options.user)
            .with_password(options.password.reveal())
            // An insert is answered when its rows are there for every later question.
            .with_setting("async_insert", "0")
            // Lists of ids.
            .with_setting("max_query_size", "16777216");
        Ok(Self { client, options: options.clone(), latest: Arc::default() })
    }

    pub(super) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.options.write_timeout_ms)
    }

    /// For statements that need no tables: also when the database is not there.
    pub(super) async fn execute_outside(&self, sql: &str) -> Result<(), Failure> {
        let client = self.client.clone().with_database("default");
        in_time(self.write_timeout(), client.query_raw(sql).execute()).await
    }

    pub(super) async fn execute(&self, sql: &str) -> Result<(), Failure> {
        in_time(self.write_timeout(), self.client.query_raw(sql).execute()).await
    }

    /// With the limit of writes, for what writes depend on.
    pub(super) async fn fetch<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>, Failure> {
        rows(self.client.query_raw(sql), self.write_timeout()).await
    }

    /// `?` in `sql` stand for `texts`, in order.
    pub(super) async fn fetch_with<T: RowOwned + RowRead>(
        &self,
        sql: &str,
        texts: &[&str],
    ) -> Result<Vec<T>, Failure> {
        let query = texts.iter().fold(self.client.query(sql), |query, text| query.bind(*text));
        rows(query, self.write_timeout()).await
    }

    /// A reader's question. `name` is its label in the metrics.
    pub(super) async fn ask<T: RowOwned + RowRead>(
        &self,
        name: &'static str,
        sql: &str,
    ) -> Result<Vec<T>, Failure> {
        let began = Instant::now();
        let limit = Duration::from_millis(self.options.query_timeout_ms);
        let answer = rows(self.client.query_raw(sql), limit).await;
        metrics::histogram!("clickhouse_query_seconds", "query" => name)
            .record(began.elapsed().as_secs_f64());
        answer
    }

    /// The same question for each part of a long list of ids.
    pub(super) async fn fetch_parts<T: RowOwned + RowRead>(
        &self,
        ids: &[uuid::Uuid],
        sql: impl Fn(&str) -> String,
    ) -> Result<Vec<T>, Failure> {
        let queries: Vec<String> = ids.chunks(LIST_MAX).map(|part| sql(&list(part))).collect();
        let mut answers = futures::stream::iter(queries)
            .map(|sql| async move { self.fetch::<T>(&sql).await })
            .buffer_unordered(PARTS_AT_ONCE);
        let mut all = Vec::new();
        while let Some(part) = answers.next().await {
            all.extend(part?);
        }
        Ok(all)
    }

    /// All of them in one insert, acknowledged.
    pub(super) async fn insert<T>(&self, table: &str, rows: &[T]) -> Result<(), Failure>
    where
        T: RowOwned + RowWrite,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let insert = async {
            let mut insert = self.client.insert::<T>(table).await?;
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        };
        let done = in_time(self.write_timeout(), insert).await;
        if done.is_err() {
            // Should the table have been made anew with other columns, they are asked for again.
            self.client.clear_cached_metadata().await;
        }
        done
    }

    /// The server's clock, in nanoseconds since the Unix epoch.
    pub(super) async fn clock(&self) -> Result<u64, Failure> {
        let rows: Vec<u64> = self.fetch("SELECT toUInt64(toUnixTimestamp64Nano(now64(9)))").await?;
        let clock = rows.first().copied();
        clock.ok_or_else(|| Failure::Failed("no time in the answer".to_owned()))
    }

    /// The server's clock as a version: later than any that this process has taken, also when the clock is set back.
    pub(super) async fn next_version(&self) -> Result<u64, Failure> {
        let clock = self.clock().await?;
        let mut version = clock;
        let _ = self.latest.fetch_update(Ordering::AcqRel, Ordering::Acquire, |latest| {
            version = clock.max(latest + 2);
            Some(version)
        });
        Ok(version)
    }

    pub(super) fn opening_error(&self, failure: Failure) -> ClickHouseError {
        let server = shown(&self.options.url);
        let database = self.options.database.clone();
        match failure {
            Failure::Unreachable(reason) => ClickHouseError::Unreachable { server, reason },
            Failure::Refused => ClickHouseError::Refused { server, user: self.options.user.clone() },
            Failure::Gone(reason) if reason.contains("DATABASE") => {
                ClickHouseError::NoDatabase { server, database }
            }
            Failure::Gone(_) => ClickHouseError::NoSchema { server, database },
            Failure::Failed(reason) => ClickHouseError::Failed { server, reason },
        }
    }
}

/// The answer, within `limit`. A moment later the server ends the query too: a busy one would otherwise work on queries that were
/// given up, beside those that came in their place.
async fn rows<T: RowOwned + RowRead>(query: Query, limit: Duration) -> Result<Vec<T>, Failure> {
    let query = query.with_setting("max_execution_time", (limit.as_secs() + 1).to_string());
    in_time(limit, query.fetch_all()).await
}

async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = clickhouse::error::Result<T>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(Failure::from),
        Err(_) => Err(Failure::too_slow(limit)),
    }
}

/// `('…', '…')` without the brackets.
pub(super) fn list(ids: &[uuid::Uuid]) -> String {
    let mut list = String::with_capacity(ids.len() * 39);
    for id in ids {
        list.push_str(if list.is_empty() { "'" } else { "','" });
        list.push_str(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
    }
    if !list.is_empty() {
        list.push('\'');
    }
    list
}

/// The address without a user or password that may be written in it.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = place.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_secrets() {
        assert_eq!(shown("https://me:secret@host:8443/?password=x"), "https://host:8443");
        assert_eq!(shown("host:1"), "http://host:1");
    }

    #[test]
    fn ids_become_a_list() {
        assert_eq!(list(&[]), "");
        let ids = [uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2)];
        assert_eq!(
            list(&ids),
            "'00000000-0000-0000-0000-000000000001','00000000-0000-0000-0000-000000000002'"
        );
    }
}
