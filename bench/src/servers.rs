//! The distributed profile on real servers, whose addresses are in the environment (`deploy/local/servers up` sets
//! them). Everything is in databases, topics and keys of its own, which are dropped at the end.
//!
//! The servers run on the same machine and take their share of its cores: figures are of all of it together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nova::compose::Product;
use nova::config::{Config, Overrides};
use nova::profile::Roles;
use nova_distributed::postgres::{self, PgPool, PostgresOptions};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::table::Table;

mod append;
mod fan_out;
pub(crate) mod own;
mod pipeline;
mod ranking;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which parts.
    #[arg(long, value_delimiter = ',', default_value = "append,relay,views,ranking,fan-out")]
    parts: Vec<Part>,
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of each run of appends.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Events that are relayed and projected.
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Size of the data set that is ranked.
    #[arg(long, default_value_t = 1_000_000)]
    posts: u64,
    #[arg(long, default_value_t = 10_000_000)]
    likes: u64,
    /// Followers of the author whose post is fanned out.
    #[arg(long, default_value_t = 100_000)]
    followers: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Append,
    Relay,
    Views,
    Ranking,
    FanOut,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::new();
    for part in &arguments.parts {
        match part {
            Part::Append => append::run(arguments, &mut table).await?,
            Part::Relay => pipeline::relay(arguments, &mut table).await?,
            Part::Views => pipeline::views(arguments, &mut table).await?,
            Part::Ranking => ranking::run(arguments, &mut table).await?,
            Part::FanOut => fan_out::run(arguments, &mut table).await?,
        }
    }
    table.print();
    Ok(())
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name)
        .with_context(|| format!("{name} is not set: eval \"$(deploy/local/servers up)\" sets it"))
}

/// An installation of its own on the servers.
struct Installation {
    config: Config,
    admin: PgPool,
    name: String,
}

impl Installation {
    async fn new() -> anyhow::Result<Self> {
        let name = format!("nova_bench_{}", Uuid::new_v4().simple());
        let url = variable("NOVA_TEST_POSTGRES_URL")?;
        let admin =
            postgres::connect(&PostgresOptions { url: url.clone(), ..PostgresOptions::default() }).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await?;
        let Some((server, _)) = url.rsplit_once('/') else {
            bail!("NOVA_TEST_POSTGRES_URL names no database")
        };
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder)?;
        let text = format!(
            "profile = \"distributed\"\n[data]\ndir = {folder:?}\n[kafka]\nbrokers = {:?}\ntopic_prefix = {name:?}\n\
             [clickhouse]\nurl = {:?}\ndatabase = {name:?}\nuser = {:?}\n[redis]\nurl = {:?}\nkey_prefix = \"{name}:\"\n",
            variable("NOVA_TEST_KAFKA_BROKERS")?,
            variable("NOVA_TEST_CLICKHOUSE_URL")?,
            variable("NOVA_TEST_CLICKHOUSE_USER")?,
            variable("NOVA_TEST_REDIS_URL")?,
        );
        let file = folder.join("nova.toml");
        std::fs::write(&file, text)?;
        let mut config = Config::load(Some(&file), &Overrides::default())?;
        config.postgres.url = format!("{server}/{name}").into();
        config.clickhouse.password = variable("NOVA_TEST_CLICKHOUSE_PASSWORD")?.into();
        config.keys.master_key =
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff".to_owned().into();
        nova::compose::migrate(&config).await?;
        Ok(Self { config, admin, name })
    }

    async fn open(&self, roles: Roles) -> anyhow::Result<Product> {
        Product::open(self.config.clone(), roles).await
    }

    /// Leaves nothing in PostgreSQL; the rest goes with the servers.
    async fn remove(self) -> anyhow::Result<()> {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&self.admin).await?;
        let _ = std::fs::remove_dir_all(std::env::temp_dir().join(&self.name));
        Ok(())
    }
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<Duration> {
    let began = Instant::now();
    while !done().await? {
        if began.elapsed() > Duration::from_secs(600) {
            bail!("{what} takes longer than ten minutes");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(began.elapsed())
}

type Log = Arc<dyn nova_eventlog::EventLog>;
