//! The views in PostgreSQL: what every store of views must do, and what this one must do because many write at once and
//! the server may forget the latest.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "support/postgres.rs"]
mod postgres;

#[path = "views_postgres/store.rs"]
mod store;
#[path = "views_postgres/together.rs"]
mod together;

use std::sync::Arc;

use nova_distributed::shard::{ShardStore, ShardWriter};
use nova_distributed::views::postgres::{PostgresViews, PostgresViewsOptions, ReadOptions};
use nova_testkit::contract::views::Ports;
use postgres::Database;

mod the_contract {
    async fn alone() -> (super::Ports, super::Database) {
        let database = super::Database::migrated("pgviews").await;
        let views = super::open(&database).await;
        let store: super::Arc<dyn super::ShardStore> = super::Arc::new(views.clone());
        let ports = super::Ports {
            writer: super::Arc::new(super::ShardWriter::whole(store)),
            reader: super::Arc::new(views),
        };
        (ports, database)
    }

    nova_testkit::views_contract!(alone);
}

/// One process of those that share a database.
async fn open(database: &Database) -> PostgresViews {
    // The contract wants ranked lists worked out whenever they are asked for.
    let read = ReadOptions {
        connections_max: 4,
        feed_ranking_ttl_ms: 0,
        trending_ttl_ms: 0,
        ..ReadOptions::default()
    };
    let options = PostgresViewsOptions { read, ..PostgresViewsOptions::default() };
    PostgresViews::open(database.pool().await, options).await.unwrap()
}
