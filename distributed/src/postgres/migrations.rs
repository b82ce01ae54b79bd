//! Nova's schema: what is there and what should be.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, SqlSafeStr as _};

use super::{PostgresError, Server};

/// In order. Never changed once released, only added to.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "log", include_str!("../../../migrations/postgres/0001_log.sql")),
    (2, "keys", include_str!("../../../migrations/postgres/0002_keys.sql")),
    (3, "outbox", include_str!("../../../migrations/postgres/0003_outbox.sql")),
    (10, "views", include_str!("../../../migrations/postgres/0010_views.sql")),
    (11, "histories", include_str!("../../../migrations/postgres/0011_histories.sql")),
];

const TABLE: &str = "nova.migrations";

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.create_schema("nova");
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

/// Brings the schema up to date. Whoever else migrates meanwhile is waited for.
pub async fn migrate(pool: &PgPool) -> Result<(), PostgresError> {
    // A connection of its own: the lock belongs to it and is given back when it closes, whatever happens.
    let options = pool.connect_options();
    let server = Server::of(&options);
    let unbounded = options.as_ref().clone().options([("statement_timeout", "0")]);
    let mut connection =
        PgConnection::connect_with(&unbounded).await.map_err(|error| server.refusal(&error))?;
    let done = migrator().run_direct(None, &mut connection, false).await;
    let _ = connection.close().await;
    done.map_err(|error| match error {
        MigrateError::VersionMissing(version) => server.newer(version),
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => server.altered(version),
        MigrateError::Execute(error) => server.refusal(&error),
        MigrateError::ExecuteMigration(error, version) => {
            server.other(format!("migration {version} failed: {}", super::sql_problem(&error)))
        }
        _ => server.other("the migrations cannot be run"),
    })
}

/// Whether the schema is the one this program works with.
pub async fn check_schema(pool: &PgPool) -> Result<(), PostgresError> {
    let server = Server::of(&pool.connect_options());
    let applied: Vec<i64> =
        match sqlx::query_scalar("SELECT version FROM nova.migrations WHERE success ORDER BY version")
            .fetch_all(pool)
            .await
        {
            Ok(applied) => applied,
            Err(sqlx::Error::Database(refusal))
                if refusal.code().is_some_and(|code| matches!(&*code, "42P01" | "3F000")) =>
            {
                return Err(server.missing());
            }
            Err(error) => return Err(server.refusal(&error)),
        };
    let known = |version: &i64| MIGRATIONS.iter().any(|(known, _, _)| known == version);
    if let Some(found) = applied.iter().find(|version| !known(version)) {
        return Err(server.newer(*found));
    }
    match MIGRATIONS.iter().find(|(version, _, _)| !applied.contains(version)) {
        Some((missing, _, _)) => Err(server.older(*missing)),
        None => Ok(()),
    }
}
