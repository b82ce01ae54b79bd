//! What is said when the store cannot be opened: one line, no secrets, and what to do.

use nova_distributed::views::clickhouse::{
    ClickHouseError, ClickHouseOptions, ClickHouseViews, Password, check_schema, migrate,
};

use crate::support::World;

async fn refused(options: &ClickHouseOptions) -> String {
    let error = ClickHouseViews::open(options.clone()).await.unwrap_err();
    let line = error.to_string();
    assert!(!line.contains('\n') && !line.contains("not the password"), "{line}");
    line
}

#[tokio::test]
async fn what_is_wrong_is_said_in_a_line() {
    let world = World::empty();
    let line = refused(&world.options).await;
    assert!(line.contains("has no database") && line.ends_with("run `nova migrate`"), "{line}");
    world.drop_database().await;
    let wrong = ClickHouseOptions { password: Password::new("not the password"), ..world.options.clone() };
    let line = refused(&wrong).await;
    assert!(line.contains("refuses the user") && line.ends_with("check the user and the password"), "{line}");
    assert!(!format!("{wrong:?}").contains("not the password"));
    // A port that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let nobody = ClickHouseOptions {
        url: format!("http://someone:not the password@127.0.0.1:{port}"),
        ..world.options.clone()
    };
    let line = refused(&nobody).await;
    assert!(line.contains("cannot be reached: connection refused"), "{line}");
    for name in ["", "a b", "x`; DROP DATABASE y"] {
        let options = ClickHouseOptions { database: name.to_owned(), ..world.options.clone() };
        assert!(matches!(migrate(&options).await, Err(ClickHouseError::BadName(_))));
    }
}

#[tokio::test]
async fn a_schema_of_another_version_is_refused() {
    let world = World::empty();
    world.drop_database().await;
    migrate(&world.options).await.unwrap();
    // Again, and by several at once.
    let (one, other) = tokio::join!(migrate(&world.options), migrate(&world.options));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    check_schema(&world.options).await.unwrap();
    let applied: Vec<u32> = world.rows("SELECT version FROM schema_migrations FINAL ORDER BY version").await;
    assert_eq!(applied, [1, 2, 3]);
    world.execute("INSERT INTO schema_migrations (version, name) VALUES (9, 'of tomorrow')").await;
    let line = refused(&world.options).await;
    assert!(line.contains("version 9") && line.ends_with("upgrade Nova"), "{line}");
    world.execute("TRUNCATE TABLE schema_migrations").await;
    world.execute("INSERT INTO schema_migrations (version, name) VALUES (1, 'base')").await;
    let line = refused(&world.options).await;
    assert!(line.contains("version 1") && line.ends_with("run `nova migrate`"), "{line}");
    migrate(&world.options).await.unwrap();
    check_schema(&world.options).await.unwrap();
    world.execute("DROP TABLE schema_migrations").await;
    let line = refused(&world.options).await;
    assert!(line.contains("no views of Nova") && line.ends_with("run `nova migrate`"), "{line}");
}
