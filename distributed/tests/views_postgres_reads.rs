//! Questions over the views in PostgreSQL, where the contract leaves something open.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "support/postgres.rs"]
mod postgres;

#[path = "views_postgres_reads/kept.rs"]
mod kept;
#[path = "views_postgres_reads/parts.rs"]
mod parts;
#[path = "views_postgres_reads/trouble.rs"]
mod trouble;
#[path = "views_postgres_reads/waiting.rs"]
mod waiting;

use std::sync::Arc;

use nova_distributed::shard::ShardWriter;
use nova_distributed::views::postgres::{PostgresViews, PostgresViewsOptions, ReadOptions};
use nova_testkit::contract::views::Ports;
use postgres::Database;

fn options() -> ReadOptions {
    ReadOptions { connections_max: 4, feed_ranking_ttl_ms: 0, trending_ttl_ms: 0, ..ReadOptions::default() }
}

/// One process of those that share a database.
async fn open(database: &Database, read: ReadOptions) -> PostgresViews {
    let options = PostgresViewsOptions { read, ..PostgresViewsOptions::default() };
    PostgresViews::open(database.pool().await, options).await.unwrap()
}

async fn database() -> Database {
    Database::migrated("pgreads").await
}

fn ports(views: &PostgresViews) -> Ports {
    let writer = ShardWriter::whole(Arc::new(views.clone()));
    Ports { writer: Arc::new(writer), reader: Arc::new(views.clone()) }
}
