//! The log in PostgreSQL: its contract, several processes at once, lost connections, what is told when it cannot be used.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "log/histories.rs"]
mod histories;
#[path = "log/opening.rs"]
mod opening;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "log/processes.rs"]
mod processes;

use std::sync::Arc;

use nova_distributed::log::{PostgresLog, PostgresLogOptions};
use nova_testkit::contract::event_log::Ports;
use postgres::Database;

async fn open_on(database: &Database) -> Arc<PostgresLog> {
    PostgresLog::open(database.pool().await, PostgresLogOptions::default()).await.unwrap()
}

async fn open() -> (Ports, Database) {
    let database = Database::migrated("log").await;
    (Ports::of(open_on(&database).await), database)
}

nova_testkit::event_log_contract!(open);
