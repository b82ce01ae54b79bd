//! What lies in the data folder: who may read it, and whether it is what was acknowledged, of one history, with its keys.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nova_events::UserId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Api, User};
use crate::media::bytes::png;
use crate::media::uploaded;
use crate::process::{Process, err, nova, out};
use crate::shutdown::registered;

const PATIENCE: Duration = Duration::from_secs(60);

fn stop(mut server: Process) {
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() { copy(&path, &to) } else { assert!(fs::copy(&path, &to).is_ok()) }
    }
}

/// Puts another folder in the place of this one.
fn replace(place: &Path, by: &Path) {
    fs::remove_dir_all(place).unwrap();
    copy(by, place);
}

/// The folder and everything in it, with their metadata. Files that disappear meanwhile are skipped.
fn walk(place: &Path, all: &mut Vec<(PathBuf, Metadata)>) {
    let Ok(found) = place.metadata() else { return };
    all.push((place.to_owned(), found));
    for entry in fs::read_dir(place).into_iter().flatten() {
        walk(&entry.unwrap().path(), all);
    }
}

fn mode(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o777
}

fn newest_segment(data: &Path) -> PathBuf {
    let files = fs::read_dir(data.join("log")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|is| is == "events")).max().unwrap()
}

/// Asks until it is so.
async fn soon(what: &str, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Does not start; what it says on stderr.
fn refused(data: &Path) -> String {
    let output = nova(data, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    err(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_the_data_folder_is_for_its_owner_whatever_the_umask() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    for umask in ["000", "022"] {
        let server = Process::behind(&format!("umask {umask}"), &data, &["serve"]);
        let ada = registered(&data, &server, &format!("ada{umask}")).await;
        let post = ada.publishes("only for some").await;
        let group = ada.starts_group("a group", &[]).await;
        ada.says(group, "a private message").await;
        uploaded(&ada, &png()).await;
        let view = json!({"kind": "view", "subject": {"type": "post", "id": post}});
        ada.post("/events", json!({"events": [view]})).await.ok();
        let mut all = Vec::new();
        // While it runs, with the journals of the views, and later.
        walk(&data, &mut all);
        let is_journal = |path: &Path| path.extension().is_some_and(|is| is == "db-wal");
        assert!(all.iter().any(|(path, _)| is_journal(path)), "{all:?}");
        stop(server);
        walk(&data, &mut all);
        let rebuilt = nova(&data, &["projections", "rebuild", "posts"]);
        assert!(rebuilt.status.success(), "{}", err(&rebuilt));
        walk(&data, &mut all);
        assert!(all.len() > 30, "{all:?}");
        for (path, found) in &all {
            let right = if found.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(found), right, "umask {umask}: {}", path.display());
        }
        for part in ["log", "keys", "views", "media", "client-events"] {
            assert!(data.join(part).is_dir(), "{part}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_is_open_to_others_is_one_warning_that_names_the_remedy() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    stop(Process::start(&data, &["serve"]));
    let said = |name: &str| {
        let file = parent.path().join(name);
        stop(Process::telling(&data, &["serve"], "warn", fs::File::create(&file).unwrap()));
        fs::read_to_string(file).unwrap()
    };
    assert!(!said("closed").contains("chmod"));
    let mut all = Vec::new();
    walk(&data, &mut all);
    for (path, found) in &all {
        let open = if found.is_dir() { 0o755 } else { 0o644 };
        // A signing key that others can read is refused, not warned of.
        if !path.ends_with("keys/token.pkcs8") {
            fs::set_permissions(path, fs::Permissions::from_mode(open)).unwrap();
        }
    }
    let said = said("open");
    let remedy = format!("chmod -R go-rwx {}", data.display());
    assert_eq!(said.matches(&remedy).count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_that_are_gone_refuse_the_start_and_are_named() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let server = Process::start(data, &["serve"]);
    let ada = registered(data, &server, "ada").await;
    for n in 0..6 {
        ada.publishes(&format!("post {n}")).await;
    }
    drop(server); // kill -9
    let whole = tempfile::tempdir().unwrap();
    copy(data, whole.path());
    let segment = newest_segment(data);
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 3_000..].fill(0);
    fs::write(&segment, &bytes).unwrap();

    let said = refused(data);
    assert!(said.contains("the acknowledged events at positions"), "{said}");
    assert!(said.contains("cut_damaged_tail") && said.lines().count() == 1, "{said}");
    let verified = nova(data, &["log", "verify"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(err(&verified).contains("are missing"), "{}", err(&verified));
    assert_eq!(fs::read(&segment).unwrap(), bytes, "a refused start changes nothing");

    // The whole file again, and it starts.
    fs::copy(newest_segment(whole.path()), &segment).unwrap();
    let verified = nova(data, &["log", "verify"]);
    assert!(verified.status.success(), "{}", err(&verified));
    assert!(out(&verified).contains("cannot find a deliberate change"), "{}", out(&verified));
    stop(Process::start(data, &["serve"]));

    // Or the owner gives them up.
    fs::write(&segment, &bytes).unwrap();
    let file = data.join("cut.toml");
    fs::write(&file, "[log]\ncut_damaged_tail = true\n").unwrap();
    stop(Process::start(data, &["--config", file.to_str().unwrap(), "serve"]));
    stop(Process::start(data, &["serve"]));
}

async fn sees(user: &User, post: Uuid) -> bool {
    user.get(&format!("/posts/{post}")).await.status == 200
}

/// What the start said of views of another history.
fn other_histories(said: &Path) -> usize {
    fs::read_to_string(said).unwrap().matches("from another history").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn views_of_another_installation_are_filled_again() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let said = tempfile::tempdir().unwrap();
    let server = Process::start(here.path(), &["serve"]);
    let ada = registered(here.path(), &server, "ada").await;
    let ghost = ada.publishes("of the other installation").await;
    ada.see(&format!("/posts/{ghost}")).await;
    stop(server);
    let server = Process::start(there.path(), &["serve"]);
    let bob = registered(there.path(), &server, "bob").await;
    let mut posts = Vec::new();
    for n in 0..10 {
        posts.push(bob.publishes(&format!("bob's {n}")).await);
    }
    stop(server);

    // A longer log: the position of the views alone says nothing.
    replace(&there.path().join("views"), &here.path().join("views"));
    let first = said.path().join("first");
    let server = Process::telling(there.path(), &["serve"], "warn", fs::File::create(&first).unwrap());
    let bob = Api::new(server.address).as_user(bob.id, token(there.path(), bob.id));
    for post in posts {
        soon("bob's posts are there", async || sees(&bob, post).await).await;
    }
    assert!(!sees(&bob, ghost).await, "a post of another installation is shown");
    assert!(other_histories(&first) > 0);
    stop(server);
    // And only once.
    let second = said.path().join("second");
    stop(Process::telling(there.path(), &["serve"], "warn", fs::File::create(&second).unwrap()));
    assert_eq!(other_histories(&second), 0);
}

fn token(data: &Path, user: UserId) -> String {
    out(&nova(data, &["token", "--user", &user.to_string()])).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn views_beside_a_restored_log_that_went_on_otherwise_are_filled_again() {
    let data = tempfile::tempdir().unwrap();
    let (data, backup) = (data.path(), tempfile::tempdir().unwrap());
    let server = Process::start(data, &["serve"]);
    let ada = registered(data, &server, "ada").await;
    let kept = ada.publishes("before the backup").await;
    stop(server);
    copy(data, backup.path());
    let again = |server: &Process| Api::new(server.address).as_user(ada.id, token(data, ada.id));

    let server = Process::start(data, &["serve"]);
    let ada_then = again(&server);
    let ghost = ada_then.publishes("lost with the disk").await;
    ada_then.see(&format!("/posts/{ghost}")).await;
    stop(server);
    let views = tempfile::tempdir().unwrap();
    copy(&data.join("views"), views.path());

    for part in ["log", "keys", "views"] {
        replace(&data.join(part), &backup.path().join(part));
    }
    let server = Process::start(data, &["serve"]);
    let ada_then = again(&server);
    let mut posts = vec![kept];
    for n in 0..5 {
        posts.push(ada_then.publishes(&format!("after the restore {n}")).await);
    }
    stop(server);

    replace(&data.join("views"), views.path());
    let server = Process::start(data, &["serve"]);
    let ada_then = again(&server);
    for post in posts {
        soon("the posts are there", async || sees(&ada_then, post).await).await;
    }
    assert!(!sees(&ada_then, ghost).await, "a post that is in no log is shown");
    stop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_lack_one_of_the_log_refuse_the_start() {
    let data = tempfile::tempdir().unwrap();
    let (data, old) = (data.path(), tempfile::tempdir().unwrap());
    let server = Process::start(data, &["serve"]);
    registered(data, &server, "ada").await;
    stop(server);
    let keys = data.join("keys");
    copy(&keys, old.path());
    let server = Process::start(data, &["serve"]);
    let bob = registered(data, &server, "bob").await;
    stop(server);
    let whole = tempfile::tempdir().unwrap();
    copy(&keys, whole.path());
    let names_bob_and_the_remedy = |said: &str| {
        assert!(said.contains(&bob.id.to_string()), "{said}");
        assert!(said.contains("Put back the keys") && said.lines().count() == 1, "{said}");
    };

    // Copied before the log.
    fs::copy(old.path().join("keys.db"), keys.join("keys.db")).unwrap();
    names_bob_and_the_remedy(&refused(data));
    // A row that is gone from a file that says that it is complete.
    fs::copy(whole.path().join("keys.db"), keys.join("keys.db")).unwrap();
    let file = rusqlite::Connection::open(keys.join("keys.db")).unwrap();
    assert_eq!(file.execute("DELETE FROM subjects WHERE id = ?1", [bob.id.0.as_bytes()]).unwrap(), 1);
    drop(file);
    names_bob_and_the_remedy(&refused(data));
    // No file at all: none is made.
    fs::remove_file(keys.join("keys.db")).unwrap();
    assert!(refused(data).contains("Put back the keys"));
    assert!(!keys.join("keys.db").exists());

    // The right ones again; a copy made in the right order is as good.
    fs::copy(whole.path().join("keys.db"), keys.join("keys.db")).unwrap();
    stop(Process::start(data, &["serve"]));

    // Given up on purpose, bob is there without a name, and is not asked about again.
    fs::copy(old.path().join("keys.db"), keys.join("keys.db")).unwrap();
    let file = data.join("give-up.toml");
    fs::write(&file, "[keys]\ngive_up_missing = true\n").unwrap();
    stop(Process::start(data, &["--config", file.to_str().unwrap(), "serve"]));
    stop(Process::start(data, &["serve"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_that_was_acknowledged_and_health_says_it() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    // No file may grow beyond 6 MB, or 12 MB, as the shell counts: the second segment is larger.
    let server = Process::behind("trap '' XFSZ; ulimit -f 12000", data, &["serve"]);
    let mut people = Vec::new();
    for n in 0..8 {
        people.push(registered(data, &server, &format!("person_{n}")).await);
    }
    let text = "x".repeat(9_000);
    let began = Instant::now();
    let mut acknowledged = Vec::new();
    let health = Api::new(server.address);
    let log_is_down = async || {
        let url = format!("http://{}/health/dependencies", server.address);
        let answer = health.ask_at("GET", &url).send().await;
        let all = answer.body["dependencies"].as_array().cloned().unwrap_or_default();
        all.iter().any(|one: &Value| one["name"] == "log" && one["status"] == "down")
    };
    // A busy server refuses too, and has a log that is up.
    let full = loop {
        let posts = people.iter().map(|person| person.post("/posts", json!({"text": text})));
        let answers = futures::future::join_all(posts).await;
        let refused = answers.iter().any(|answer| answer.status == 503);
        let ids = answers.iter().filter(|answer| answer.status == 201);
        acknowledged.extend(ids.map(|answer| answer.body["id"].as_str().unwrap().to_owned()));
        if refused && log_is_down().await {
            break true;
        }
        if began.elapsed() > 2 * PATIENCE {
            break false;
        }
    };
    assert!(full, "{} posts, and the disk is never full", acknowledged.len());
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    soon("readiness says that nothing can be written", async || {
        let ready = health.ask("GET", "/health/ready").send().await;
        let checks = ready.body["checks"].as_array().cloned().unwrap_or_default();
        let down = |one: &Value| one["name"] == "log_writable" && one["status"] == "down";
        ready.status == 503 && checks.iter().any(down)
    })
    .await;
    people[0].get("/users/me").await.ok();
    drop(server);

    let server = Process::start(data, &["serve"]);
    let reader = Api::new(server.address).as_user(people[0].id, token(data, people[0].id));
    for id in &acknowledged {
        soon("an acknowledged post is there", async || {
            reader.get(&format!("/posts/{id}")).await.status == 200
        })
        .await;
    }
    reader.publishes("there is room again").await;
    stop(server);
}
