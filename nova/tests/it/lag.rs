//! What answers and readiness say while views are behind the log.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nova::config::Config;
use nova_http::Role;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::User;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);
/// Of the files of the views.
const PAGE_BYTES: usize = 4_096;

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What readiness says of one thing.
fn check<'a>(ready: &'a Value, name: &str) -> &'a Value {
    let checks = ready["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

/// Ada and bob, who follows her and whom she has written to.
async fn town(world: &World) -> [User; 2] {
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    bob.follows(&ada).await;
    ada.publishes("before").await;
    bob.items("/timeline").await;
    [ada, bob]
}

/// Serves the folder again, and nothing fills its views until [`World::project`].
async fn served_again(
    data: TempDir,
    users: [User; 2],
    change: impl FnOnce(&mut Config),
) -> (World, [User; 2]) {
    let world = World::without_projectors(data, change).await;
    let users = users.map(|user| world.api.as_user(user.id, user.token));
    (world, users)
}

/// The timeline has so many posts and is not degraded.
fn assert_current(timeline: &Value, posts: usize) {
    assert_eq!((&timeline["degraded"], timeline["items"].as_array().unwrap().len()), (&json!(false), posts));
}

#[tokio::test(flavor = "multi_thread")]
async fn views_that_stand_still_are_degraded_and_not_ready() {
    let world = World::start().await;
    let users = town(&world).await;
    let data = world.stop().await;
    let (mut world, [ada, bob]) = served_again(data, users, |config| config.queries.ready_lag_ms = 200).await;
    assert_current(&bob.get("/timeline").await.ok(), 1);
    let ready = world.api.ask("GET", "/health/ready").send().await.ok();
    assert_eq!(check(&ready, "log_writable")["status"], "up");
    assert_eq!(check(&ready, "disk_reserve")["status"], "up");

    let written_at = Utc::now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let late = ada.publishes("after").await;
    let new = world.someone("carol").await;
    until(async || bob.get("/timeline").await.body["degraded"] == true).await;
    let lagging = bob.get("/timeline").await;
    assert_eq!(lagging.headers["nova-degraded"], "true");
    let as_of: DateTime<Utc> = lagging.body["as_of"].as_str().unwrap().parse().unwrap();
    assert!(as_of <= written_at, "{as_of} is not when the last event that they hold was recorded");
    let ready = world.api.ask("GET", "/health/ready").send().await;
    assert_eq!(ready.status, 503);
    assert_eq!(check(&ready.body, "projection/posts")["status"], "not_ready", "{}", ready.body);
    assert_eq!(check(&ready.body, "log_writable")["status"], "up");
    let ranked = async || bob.get("/feed").await.ok()["items"].as_array().unwrap().len();
    assert_eq!(ranked().await, 1, "what was there before");
    // A thing that is not found may exist.
    bob.get(&format!("/posts/{late}")).await.problem(503, "views_behind");
    new.get("/users/me").await.problem(503, "views_behind");

    world.project();
    until(async || world.api.ask("GET", "/health/ready").send().await.status == 200).await;
    assert_eq!(ranked().await, 2, "a ranking of views that were behind is not kept");
    assert_eq!(new.look("/users/me").await.ok()["handle"], "carol");
    assert_current(&bob.see("/timeline").await, 2);
    world.stranger(Role::User).get("/users/me").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_that_are_too_many_events_behind_are_so_at_once() {
    let world = World::start().await;
    let users = town(&world).await;
    let data = world.stop().await;
    let (mut world, [ada, bob]) = served_again(data, users, |config| {
        config.queries.ready_lag_ms = 3_600_000;
        config.queries.ready_lag_events_max = 3;
    })
    .await;
    for text in ["one", "two", "three"] {
        ada.publishes(text).await;
    }
    assert_eq!(bob.get("/timeline").await.ok()["degraded"], false);
    assert_eq!(world.api.ask("GET", "/health/ready").send().await.status, 200);
    ada.publishes("four").await;
    assert_eq!(bob.get("/timeline").await.ok()["degraded"], true);
    until(async || world.api.ask("GET", "/health/ready").send().await.status == 503).await;
    world.project();
    until(async || world.api.ask("GET", "/health/ready").send().await.status == 200).await;
    assert_current(&bob.see("/timeline").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_that_are_gone_give_no_empty_answer() {
    let world = World::start().await;
    let users = town(&world).await;
    let data = world.stop().await;
    std::fs::remove_dir_all(data.path().join("views")).unwrap();
    let (mut world, [ada, bob]) = served_again(data, users, |_| {}).await;
    for path in ["/users/me", "/feed", "/timeline", "/conversations"] {
        bob.get(path).await.problem(503, "views_behind");
    }
    assert_eq!(world.api.ask("GET", "/health/ready").send().await.status, 503);
    world.project();
    // From here on every answer that does not say that it is degraded has everything, the kept ranking too.
    until(async || {
        let (me, feed) = (ada.get("/users/me").await, bob.get("/feed").await);
        assert!([200, 503].contains(&me.status.as_u16()), "{}", me.body);
        let full = feed.body["items"].as_array().is_some_and(|items| items.len() == 1);
        assert!(full || feed.status == 503 || feed.body["degraded"] == true, "{}", feed.body);
        me.status == 200 && full
    })
    .await;
    until(async || world.api.ask("GET", "/health/ready").send().await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_below_its_reserve_is_not_ready() {
    let world = World::with(|config| config.data.disk_reserve_bytes = u64::MAX).await;
    let ready = world.api.ask("GET", "/health/ready").send().await;
    assert_eq!(
        (ready.status.as_u16(), check(&ready.body, "disk_reserve")["status"].as_str()),
        (503, Some("down"))
    );
    assert_eq!(check(&ready.body, "projection/posts")["status"], "up");
}

/// Every page of the file but the first, whose header says that it is a database.
fn damage(file: &Path, byte: u8) {
    let mut bytes = std::fs::read(file).unwrap();
    assert!(bytes.len() > 2 * PAGE_BYTES, "{file:?} has {} bytes", bytes.len());
    bytes[PAGE_BYTES..].fill(byte);
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_view_is_not_ready_until_it_is_filled_again() {
    for byte in [0xA5, 0x00] {
        let world = World::start().await;
        let users = town(&world).await;
        let data = world.stop().await;
        damage(&data.path().join("views/posts.g1.db"), byte);
        let (mut world, [ada, bob]) = served_again(data, users, |_| {}).await;
        // A read notices the damage, and no answer is incomplete.
        for path in ["/timeline", "/feed", &format!("/users/{}/posts", ada.id)] {
            bob.get(path).await.problem(503, "views_behind");
        }
        let ready = world.api.ask("GET", "/health/ready").send().await;
        assert_eq!(ready.status, 503, "{}", ready.body);
        assert_eq!(check(&ready.body, "projection/posts")["status"], "not_ready", "{}", ready.body);
        assert_eq!(check(&ready.body, "projection/graph")["status"], "up", "{}", ready.body);
        world.project();
        until(async || world.api.ask("GET", "/health/ready").send().await.status == 200).await;
        assert_current(&bob.see("/timeline").await, 1);
    }
}
