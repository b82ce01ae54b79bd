//! What is told when the log cannot be used: one line that says where, what, and what to do.

use nova_distributed::postgres::{PostgresError, check_schema, connect, migrate};

use crate::postgres::Database;

async fn refusal(database: &Database, url: impl Fn(&str) -> String) -> PostgresError {
    let mut options = database.options();
    options.url = url(&options.url);
    options.connect_ms_max = 3_000;
    let error = connect(&options).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
    error
}

#[tokio::test]
async fn what_is_wrong_with_the_address_is_told() {
    let database = Database::create("log").await;
    let error = refusal(&database, |_| "not an address".to_owned()).await;
    assert_eq!(error, PostgresError::Url);

    // Nobody listens on the port of the discard service.
    let error = refusal(&database, |_| "postgres://nova:secret@127.0.0.1:9/nova".to_owned()).await;
    assert!(matches!(&error, PostgresError::Unreachable { place, .. } if place == "127.0.0.1:9"), "{error}");

    let error = refusal(&database, |url| url.replace(":nova@", ":secret@")).await;
    assert!(matches!(&error, PostgresError::Refused { user, .. } if user == "nova"), "{error}");

    let error = refusal(&database, |url| format!("{url}_not")).await;
    let missing = format!("{}_not", database.name);
    assert!(matches!(&error, PostgresError::NoDatabase { database, .. } if *database == missing), "{error}");

    let error = refusal(&database, |url| format!("{url}?sslmode=require")).await;
    assert!(matches!(error, PostgresError::Tls { .. }), "{error}");

    let shown = format!("{:?}", database.options());
    assert!(!shown.contains(":nova@"), "{shown}");
}

#[tokio::test]
async fn a_schema_of_another_version_is_not_worked_with() {
    let database = Database::create("log").await;
    let pool = database.pool().await;
    let missing = check_schema(&pool).await.unwrap_err();
    assert!(matches!(missing, PostgresError::SchemaMissing { .. }), "{missing}");
    assert!(missing.to_string().contains("run `nova migrate`"), "{missing}");

    migrate(&pool).await.unwrap();
    check_schema(&pool).await.unwrap();
    migrate(&pool).await.unwrap();

    let last = "(SELECT max(version) FROM nova.migrations)";
    let change = async |sql: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    };
    change(format!("UPDATE nova.migrations SET version = 999999 WHERE version = {last}")).await;
    let newer = check_schema(&pool).await.unwrap_err();
    assert!(matches!(newer, PostgresError::SchemaNewer { found: 999_999, .. }), "{newer}");
    assert!(newer.to_string().contains("upgrade Nova"), "{newer}");
    assert!(matches!(migrate(&pool).await, Err(PostgresError::SchemaNewer { found: 999_999, .. })));

    change(format!("DELETE FROM nova.migrations WHERE version = {last}")).await;
    let older = check_schema(&pool).await.unwrap_err();
    assert!(matches!(older, PostgresError::SchemaOlder { .. }), "{older}");
    assert!(older.to_string().contains("run `nova migrate`"), "{older}");

    change("UPDATE nova.migrations SET checksum = 'other'".to_owned()).await;
    assert!(matches!(migrate(&pool).await, Err(PostgresError::SchemaOther { version: 1, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_migrate_at_once() {
    let database = Database::create("log").await;
    let pool = database.pool().await;
    let all = futures::future::join_all((0..4).map(|_| migrate(&pool))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    check_schema(&pool).await.unwrap();
}
