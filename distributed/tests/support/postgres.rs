//! A database of its own for each test, on the server that `NOVA_TEST_POSTGRES_URL` names.

use std::sync::atomic::{AtomicU32, Ordering};

use nova_distributed::postgres::{self, PostgresOptions};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Dropped with everything in it when the test is over.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) name: String,
    server: String,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// Empty. `of` says whose it is.
    pub(crate) async fn create(of: &str) -> Self {
        let server = std::env::var("NOVA_TEST_POSTGRES_URL")
            .expect("NOVA_TEST_POSTGRES_URL must name a PostgreSQL server for tests: ./test.sh starts one");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("nova_{of}_{}_{number}", std::process::id());
        let database = Self { name, server };
        database.administer(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name)).await;
        database.administer(&format!("CREATE DATABASE {}", database.name)).await;
        database
    }

    /// With Nova's schema.
    pub(crate) async fn migrated(of: &str) -> Self {
        let database = Self::create(of).await;
        postgres::migrate(&database.pool().await).await.unwrap();
        database
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        PostgresOptions {
            url: format!("{server}/{}", self.name),
            connections_max: 5,
            acquire_ms_max: 20_000,
            ..PostgresOptions::default()
        }
    }

    pub(crate) async fn pool(&self) -> PgPool {
        postgres::connect(&self.options()).await.unwrap()
    }

    /// On the server, outside of this database.
    pub(crate) async fn administer(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(self.administer(&sql));
            });
        });
    }
}
