//! The local keyring: durable, wrapped, and final about destruction.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

use std::path::Path;
use std::sync::Arc;

use nova_embedded::{KeyringError, LocalKeyring, load_master_key};
use nova_events::seal::Place;
use nova_events::wrapping::{MasterKey, MasterKeyError};
use nova_events::{Class, KeyError, Keyring, UserId};
use uuid::Uuid;

const PLACE: Place<'static> =
    Place { stream: "user-1", event_id: Uuid::from_u128(1), kind: "UserRegistered", version: 1 };

fn subject(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn open(dir: &Path) -> LocalKeyring {
    LocalKeyring::open(dir, &MasterKey::new([9; 32]), 100).unwrap()
}

async fn sealed(keyring: &LocalKeyring, n: u128, class: Class) -> Vec<u8> {
    let key = keyring.key_to_seal(subject(n), class).await.unwrap();
    key.seal(subject(n), class, &PLACE, b"a name").unwrap()
}

#[tokio::test]
async fn what_was_sealed_opens_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = open(dir.path());
    // One that never was here may be lost: it does not read as destroyed.
    let missing = keyring.key_to_open(subject(1), Class::Identity).await;
    assert!(matches!(missing, Err(KeyError::Missing(who)) if who == subject(1)));
    assert!(keyring.cached(subject(1), Class::Identity).is_none());
    let identity = sealed(&keyring, 1, Class::Identity).await;
    let content = sealed(&keyring, 1, Class::Content).await;
    let name = keyring.name_hash("ada");
    assert!(keyring.cached(subject(1), Class::Identity).is_some());
    drop(keyring);
    let keyring = open(dir.path());
    for (class, sealed) in [(Class::Identity, &identity), (Class::Content, &content)] {
        let key = keyring.key_to_open(subject(1), class).await.unwrap().unwrap();
        assert_eq!(key.open(&PLACE, sealed).unwrap(), b"a name");
    }
    let messages = keyring.key_to_open(subject(1), Class::Messages).await.unwrap().unwrap();
    assert!(messages.open(&PLACE, &content).is_err(), "each class has a key of its own");
    assert_eq!(keyring.name_hash("ada"), name);
    assert_ne!(keyring.name_hash("adb"), name);
    assert!(name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()));
}

#[tokio::test]
async fn a_destroyed_subject_never_has_keys_again() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = open(dir.path());
    sealed(&keyring, 1, Class::Identity).await;
    sealed(&keyring, 2, Class::Identity).await;
    keyring.destroy(subject(1)).await.unwrap();
    keyring.destroy(subject(3)).await.unwrap();
    for keyring in [keyring, open_again(dir.path())] {
        for n in [1, 3] {
            for class in Class::ALL {
                assert!(keyring.cached(subject(n), class).is_none());
                assert!(keyring.key_to_open(subject(n), class).await.unwrap().is_none());
                let refused = keyring.key_to_seal(subject(n), class).await;
                assert!(matches!(refused, Err(KeyError::Destroyed(who)) if who == subject(n)));
            }
        }
        assert!(keyring.key_to_open(subject(2), Class::Identity).await.unwrap().is_some());
    }
}

/// The file is locked while a keyring has it: this one reads a copy, as a restored backup would.
fn open_again(dir: &Path) -> LocalKeyring {
    let copy = dir.join("copy");
    std::fs::create_dir_all(&copy).unwrap();
    std::fs::copy(dir.join("keys.db"), copy.join("keys.db")).unwrap();
    open(&copy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_ask_at_once_get_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Arc::new(open(dir.path()));
    let tasks: Vec<_> = (0..400u128)
        .map(|n| {
            let keyring = Arc::clone(&keyring);
            tokio::spawn(async move { (n % 40, sealed(&keyring, n % 40, Class::Content).await) })
        })
        .collect();
    for task in tasks {
        let (n, sealed) = task.await.unwrap();
        let key = keyring.key_to_open(subject(n), Class::Content).await.unwrap().unwrap();
        assert_eq!(key.open(&PLACE, &sealed).unwrap(), b"a name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_comes_back_while_it_is_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Arc::new(open(dir.path()));
    for n in 0..30 {
        sealed(&keyring, n, Class::Content).await;
        let reading = {
            let keyring = Arc::clone(&keyring);
            tokio::spawn(async move {
                for _ in 0..50 {
                    let _ = keyring.key_to_open(subject(n), Class::Content).await;
                    let _ = keyring.key_to_seal(subject(n), Class::Content).await;
                }
            })
        };
        keyring.destroy(subject(n)).await.unwrap();
        assert!(keyring.cached(subject(n), Class::Content).is_none());
        reading.await.unwrap();
        assert!(keyring.cached(subject(n), Class::Content).is_none());
    }
}

#[test]
fn the_wrong_master_key_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let refused = LocalKeyring::open(dir.path(), &MasterKey::new([8; 32]), 100);
    assert!(matches!(refused, Err(KeyringError::OtherMasterKey)), "{refused:?}");
}

#[test]
fn the_master_key_is_made_once_and_missed_when_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    let file = keys.join("master.key");
    let master = load_master_key(&keys).unwrap();
    drop(LocalKeyring::open(&keys, &master, 100).unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    #[cfg(unix)]
    for path in [&file, &keys.join("keys.db")] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    drop(LocalKeyring::open(&keys, &load_master_key(&keys).unwrap(), 100).unwrap());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    std::fs::write(&file, "too short").unwrap();
    assert!(matches!(load_master_key(&keys), Err(MasterKeyError::Malformed { .. })));
    std::fs::remove_file(&file).unwrap();
    let missing = load_master_key(&keys).unwrap_err();
    assert!(matches!(missing, MasterKeyError::Missing { .. }));
    assert!(missing.to_string().contains("NOVA_MASTER_KEY"), "{missing}");
    assert!(!file.exists(), "no other key is put in its place");
}
