//! The keyring in PostgreSQL: durable, wrapped, one for all processes, and final about destruction.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "support/postgres.rs"]
mod postgres;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_distributed::keys::{PostgresKeyring, PostgresKeyringError, PostgresKeyringOptions};
use nova_events::seal::Place;
use nova_events::wrapping::MasterKey;
use nova_events::{Class, KeyError, Keyring, UserId, streams};
use postgres::Database;
use uuid::Uuid;

const PLACE: Place<'static> =
    Place { stream: "user-1", event_id: Uuid::from_u128(1), kind: "UserRegistered", version: 1 };
const SOON: Duration = Duration::from_secs(20);

fn subject(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

async fn open_with(database: &Database, options: &PostgresKeyringOptions) -> Arc<PostgresKeyring> {
    PostgresKeyring::open(database.pool().await, &MasterKey::new([9; 32]), options).await.unwrap()
}

/// Why it is not opened with this master key, in one line.
async fn refused(database: &Database, master: [u8; 32]) -> PostgresKeyringError {
    let options = PostgresKeyringOptions::default();
    let opened = PostgresKeyring::open(database.pool().await, &MasterKey::new(master), &options).await;
    let refused = opened.unwrap_err();
    assert!(!refused.to_string().contains('\n'), "{refused}");
    refused
}

async fn open(database: &Database) -> Arc<PostgresKeyring> {
    let keyring = open_with(database, &PostgresKeyringOptions::default()).await;
    // It keeps keys only once it hears of destructions.
    let probe = subject(u128::MAX);
    keyring.key_to_seal(probe, Class::Identity).await.unwrap();
    until("keys are kept", async || {
        keyring.key_to_open(probe, Class::Identity).await.unwrap();
        keyring.cached(probe, Class::Identity).is_some()
    })
    .await;
    keyring
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < SOON, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn sealed(keyring: &PostgresKeyring, n: u128, class: Class) -> Vec<u8> {
    let key = keyring.key_to_seal(subject(n), class).await.unwrap();
    key.seal(subject(n), class, &PLACE, b"a name").unwrap()
}

async fn assert_gone(keyring: &PostgresKeyring, n: u128) {
    for class in Class::ALL {
        assert!(keyring.cached(subject(n), class).is_none());
        assert!(keyring.key_to_open(subject(n), class).await.unwrap().is_none());
        let refused = keyring.key_to_seal(subject(n), class).await;
        assert!(matches!(refused, Err(KeyError::Destroyed(who)) if who == subject(n)));
    }
}

#[tokio::test]
async fn what_one_process_seals_another_opens() {
    let database = Database::migrated("keys").await;
    let (one, other) = (open(&database).await, open(&database).await);
    // One that never was here may be lost: it does not read as destroyed.
    let missing = one.key_to_open(subject(1), Class::Identity).await;
    assert!(matches!(missing, Err(KeyError::Missing(who)) if who == subject(1)));
    assert!(one.cached(subject(1), Class::Identity).is_none());
    let identity = sealed(&one, 1, Class::Identity).await;
    let content = sealed(&other, 1, Class::Content).await;
    assert!(one.cached(subject(1), Class::Identity).is_some());
    for keyring in [&one, &other, &open(&database).await] {
        for (class, sealed) in [(Class::Identity, &identity), (Class::Content, &content)] {
            let key = keyring.key_to_open(subject(1), class).await.unwrap().unwrap();
            assert_eq!(key.open(&PLACE, sealed).unwrap(), b"a name");
        }
        let messages = keyring.key_to_open(subject(1), Class::Messages).await.unwrap().unwrap();
        assert!(messages.open(&PLACE, &content).is_err(), "each class has a key of its own");
        let name = keyring.name_hash("ada");
        assert_eq!(name, one.name_hash("ada"));
        assert_ne!(name, keyring.name_hash("adb"));
        assert!(name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}

#[tokio::test]
async fn what_one_process_destroys_no_other_uses() {
    let database = Database::migrated("keys").await;
    let (one, other) = (open(&database).await, open(&database).await);
    for n in [1, 2] {
        sealed(&one, n, Class::Identity).await;
        sealed(&other, n, Class::Identity).await;
        assert!(other.cached(subject(n), Class::Identity).is_some());
    }
    one.destroy(subject(1)).await.unwrap();
    one.destroy(subject(3)).await.unwrap();
    assert_gone(&one, 1).await;
    until("the other process forgets", async || other.cached(subject(1), Class::Identity).is_none()).await;
    for keyring in [&one, &other, &open(&database).await] {
        assert_gone(keyring, 1).await;
        assert_gone(keyring, 3).await;
        assert!(keyring.key_to_open(subject(2), Class::Identity).await.unwrap().is_some());
    }
}

/// Without hearing, nothing is kept; and what is kept does not get old.
#[tokio::test]
async fn who_cannot_hear_keeps_no_keys() {
    let database = Database::migrated("keys").await;
    let keyring = open(&database).await;
    sealed(&keyring, 1, Class::Content).await;
    assert!(keyring.cached(subject(1), Class::Content).is_some());
    let listening = "query LIKE 'LISTEN%'";
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE";
    database.administer(&format!("{sql} datname = '{}' AND {listening}", database.name)).await;
    until("keys are forgotten", async || keyring.cached(subject(1), Class::Content).is_none()).await;
    until("it hears again", async || {
        keyring.key_to_open(subject(1), Class::Content).await.unwrap();
        keyring.cached(subject(1), Class::Content).is_some()
    })
    .await;

    let forgetful = PostgresKeyringOptions { cached_ms_max: 0, ..PostgresKeyringOptions::default() };
    let forgetful = open_with(&database, &forgetful).await;
    for _ in 0..20 {
        assert!(forgetful.key_to_open(subject(1), Class::Content).await.unwrap().is_some());
        assert!(forgetful.cached(subject(1), Class::Content).is_none());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_ask_at_once_get_the_same_key() {
    let database = Database::migrated("keys").await;
    let keyrings = [open(&database).await, open(&database).await, open(&database).await];
    let tasks: Vec<_> = (0..600u128)
        .map(|n| {
            let keyring = Arc::clone(&keyrings[n as usize % 3]);
            tokio::spawn(async move { (n % 40, sealed(&keyring, n % 40, Class::Content).await) })
        })
        .collect();
    for task in tasks {
        let (n, sealed) = task.await.unwrap();
        let key = keyrings[0].key_to_open(subject(n), Class::Content).await.unwrap().unwrap();
        assert_eq!(key.open(&PLACE, &sealed).unwrap(), b"a name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_comes_back_while_it_is_destroyed() {
    let database = Database::migrated("keys").await;
    let (one, other) = (open(&database).await, open(&database).await);
    for n in 0..20 {
        sealed(&one, n, Class::Content).await;
        let reading: Vec<_> = [&one, &other]
            .into_iter()
            .map(|keyring| {
                let keyring = Arc::clone(keyring);
                tokio::spawn(async move {
                    for _ in 0..50 {
                        let _ = keyring.key_to_open(subject(n), Class::Content).await;
                        let _ = keyring.key_to_seal(subject(n), Class::Content).await;
                    }
                })
            })
            .collect();
        one.destroy(subject(n)).await.unwrap();
        assert!(one.cached(subject(n), Class::Content).is_none());
        for reading in reading {
            reading.await.unwrap();
        }
        assert!(one.cached(subject(n), Class::Content).is_none());
        until("the other forgets", async || other.cached(subject(n), Class::Content).is_none()).await;
        assert_gone(&other, n).await;
    }
}

#[tokio::test]
async fn the_wrong_master_key_is_told_at_once() {
    let database = Database::migrated("keys").await;
    let keyring = open(&database).await;
    sealed(&keyring, 1, Class::Content).await;
    let refused = refused(&database, [8; 32]).await;
    assert!(matches!(refused, PostgresKeyringError::OtherMasterKey), "{refused}");
}

/// Appends the first event of user `n`, at position `n`.
async fn registered(database: &Database, n: u128) {
    sqlx::query(
        "INSERT INTO nova.events (position, event_id, command_id, ordinal, stream, category, revision, kind, recorded_at, \
                                  data, meta) \
         VALUES ($1, $2, $2, 0, $3, 'user', 0, 'UserRegistered', 0, '', '')",
    )
    .bind(i64::try_from(n).unwrap())
    .bind(Uuid::from_u128(n))
    .bind(streams::user(subject(n)).to_string())
    .execute(&database.pool().await)
    .await
    .unwrap();
}

#[tokio::test]
async fn keys_that_lack_somebody_of_the_log_are_refused() {
    let database = Database::migrated("keys").await;
    let keyring = open(&database).await;
    for n in 1..=3 {
        sealed(&keyring, n, Class::Identity).await;
        registered(&database, n).await;
    }
    // An erased user has a tombstone.
    keyring.destroy(subject(2)).await.unwrap();
    drop(keyring);
    drop(open(&database).await);

    let pool = database.pool().await;
    let rows = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM nova.subject_keys").fetch_one(&pool).await.unwrap()
    };
    sqlx::query("CREATE TABLE kept AS TABLE nova.subject_keys").execute(&pool).await.unwrap();
    // Keys are lost, then also a tombstone: without it new keys would be made for an erased user.
    for lost in [3, 2] {
        sqlx::query("DELETE FROM nova.subject_keys WHERE subject = $1")
            .bind(subject(lost).0)
            .execute(&pool)
            .await
            .unwrap();
        let before = rows().await;
        let refused = refused(&database, [9; 32]).await;
        let PostgresKeyringError::Missing { subject: who, position } = refused else { panic!("{refused}") };
        assert_eq!((who, u128::from(position)), (subject(lost), lost));
        let words = refused.to_string();
        assert!(words.contains(&who.0.to_string()) && words.contains("nova.subject_keys"), "{words}");
        assert_eq!(rows().await, before, "no keys are made");
    }
    sqlx::query("INSERT INTO nova.subject_keys SELECT * FROM kept ON CONFLICT DO NOTHING")
        .execute(&pool)
        .await
        .unwrap();
    let keyring = open(&database).await;
    assert_gone(&keyring, 2).await;
    sealed(&keyring, 3, Class::Identity).await;
}

#[tokio::test]
async fn lost_connections_are_made_again() {
    let database = Database::migrated("keys").await;
    let keyring = open(&database).await;
    for n in 0..5 {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        database.administer(&format!("{sql} = '{}'", database.name)).await;
        sealed(&keyring, n, Class::Content).await;
        keyring.destroy(subject(n + 100)).await.unwrap();
    }
}
