//! A database of its own for each test, on the ClickHouse that `NOVA_TEST_CLICKHOUSE_URL` names.

use std::sync::atomic::{AtomicU32, Ordering};

use clickhouse::Client;
use nova_distributed::views::clickhouse::{ClickHouseOptions, ClickHouseViews, Password, migrate};

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: ./test.sh starts the servers"))
}

/// Dropped with everything in it when the test is over.
#[derive(Debug)]
pub(crate) struct Database {
    options: ClickHouseOptions,
}

impl Database {
    pub(crate) async fn migrated(of: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let options = ClickHouseOptions {
            url: variable("NOVA_TEST_CLICKHOUSE_URL"),
            database: format!("nova_{of}_{}_{n}", std::process::id()),
            user: variable("NOVA_TEST_CLICKHOUSE_USER"),
            password: Password::new(variable("NOVA_TEST_CLICKHOUSE_PASSWORD")),
            flush_interval_ms: 1,
            advance_interval_ms: 1,
            query_timeout_ms: 30_000,
            ..ClickHouseOptions::default()
        };
        migrate(&options).await.unwrap();
        Self { options }
    }

    pub(crate) async fn views(&self, trending_ttl_ms: i64) -> ClickHouseViews {
        ClickHouseViews::open(ClickHouseOptions { trending_ttl_ms, ..self.options.clone() }).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let client = Client::default()
            .with_url(&self.options.url)
            .with_user(variable("NOVA_TEST_CLICKHOUSE_USER"))
            .with_password(variable("NOVA_TEST_CLICKHOUSE_PASSWORD"));
        let sql = format!("DROP DATABASE IF EXISTS {}", self.options.database);
        let drop = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(client.query_raw(&sql).execute())
        };
        let dropped = std::thread::spawn(drop).join().unwrap();
        assert!(dropped.is_ok() || std::thread::panicking(), "{dropped:?}");
    }
}
