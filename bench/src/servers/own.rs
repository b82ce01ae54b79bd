//! An installation for processes of the program: a database of its own, a prefix for topics and keys, and the environment that
//! says so.

use std::path::Path;

use anyhow::{Context as _, bail};
use nova_distributed::postgres::{self, PgPool, PostgresOptions};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::variable;
use crate::http::server::nova_program;

#[derive(Clone)]
pub(crate) struct Own {
    admin: PgPool,
    name: String,
    /// For every process of it.
    pub(crate) variables: Vec<(String, String)>,
}

impl Own {
    /// With schemas and topics, and nothing in them.
    pub(crate) async fn new(data: &Path) -> anyhow::Result<Self> {
        let name = format!("nova_bench_{}", Uuid::new_v4().simple());
        let url = variable("NOVA_TEST_POSTGRES_URL")?;
        let admin =
            postgres::connect(&PostgresOptions { url: url.clone(), ..PostgresOptions::default() }).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await?;
        let Some((server, _)) = url.rsplit_once('/') else {
            bail!("NOVA_TEST_POSTGRES_URL names no database")
        };
        let keys = [
            ("PROFILE", "distributed".to_owned()),
            ("KEYS__MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
            ("POSTGRES__URL", format!("{server}/{name}")),
            ("KAFKA__BROKERS", variable("NOVA_TEST_KAFKA_BROKERS")?),
            ("KAFKA__TOPIC_PREFIX", name.clone()),
            ("CLICKHOUSE__URL", variable("NOVA_TEST_CLICKHOUSE_URL")?),
            ("CLICKHOUSE__DATABASE", name.clone()),
            ("CLICKHOUSE__USER", variable("NOVA_TEST_CLICKHOUSE_USER")?),
            ("CLICKHOUSE__PASSWORD", variable("NOVA_TEST_CLICKHOUSE_PASSWORD")?),
            ("REDIS__URL", variable("NOVA_TEST_REDIS_URL")?),
            ("REDIS__KEY_PREFIX", format!("{name}:")),
        ];
        let variables: Vec<(String, String)> =
            keys.into_iter().map(|(key, value)| (format!("NOVA__{key}"), value)).collect();
        let migrating = tokio::process::Command::new(nova_program()?)
            .arg("--data")
            .arg(data)
            .arg("migrate")
            .envs(variables.iter().map(|(key, value)| (key, value)))
            .output();
        let migrated = migrating.await.context("cannot start nova migrate")?;
        if !migrated.status.success() {
            bail!("nova migrate: {}", String::from_utf8_lossy(&migrated.stderr));
        }
        Ok(Self { admin, name, variables })
    }

    /// How many transactions the database has seen. Comes with a delay of up to a second.
    pub(crate) async fn transactions(self) -> anyhow::Result<i64> {
        let asked = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1";
        Ok(sqlx::query(asked).bind(&self.name).fetch_one(&self.admin).await?.try_get(0)?)
    }

    /// Leaves nothing in PostgreSQL; the rest goes with the servers.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&self.admin).await?;
        Ok(())
    }
}
