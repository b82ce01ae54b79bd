//! Many connections: more than there are descriptors, and more of one address than its share.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::stage::{HOME, Stage, attackers};
use crate::wire::{PATIENCE, connect, exchange, loopback, read_answer, request};

/// A new client is answered within this, however many idle ones there are.
const NEWCOMER: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn more_idle_clients_than_descriptors_do_not_stop_commands() {
    // Long enough that no idle connection ends by itself while the test runs.
    let stage = Stage::start("[server]\nheader_timeout_ms = 120000\n", Some(1_024));
    let person = stage.person("ada").await;
    assert!(stage.log().contains("fewer connections than configured"), "{}", stage.log());
    let mut crowd = JoinSet::new();
    for number in 0..1_100 {
        let (from, to) = (attackers(8)[number % 8], stage.address);
        crowd.spawn(async move {
            loop {
                // It comes back whenever it is closed.
                if let Ok(stream) = connect(from, to).await {
                    let _ = stream.readable().await;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for number in 0..10 {
        let began = Instant::now();
        person.post("/posts", &json!({"text": format!("post {number}")})).await;
        assert!(began.elapsed() < NEWCOMER, "{:?}", began.elapsed());
    }
    let max = stage.metric("http_connections_max", "").await;
    assert!((16.0..1_024.0).contains(&max), "{max}");
    assert!(stage.metric("http_connections_open", "").await <= max);
    assert!(stage.metric("http_connections_closed_total", "idle").await > 0.0);
    let log = stage.log();
    assert!(!log.contains("could not be accepted") && log.len() < 32_768, "{log}");
    crowd.shutdown().await;
    stage.connections_fall_to(0.0, Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_every_place() {
    let settings = "[server]\nconnections_max = 100\nconnections_per_address_max = 40\n[live]\nconnections_per_user_max = 1000\n";
    let stage = Stage::start(settings, None);
    let person = stage.person("ada").await;
    // Streams are never idle: none of these connections can be closed for new ones.
    let stream = request("GET", "/api/v1/stream", &person.token, "");
    let (mut held, mut refused) = (Vec::new(), 0);
    for _ in 0..150 {
        let mut client = connect(loopback(100), stage.address).await.unwrap();
        let _ = client.write_all(&stream).await;
        let answered = tokio::time::timeout(NEWCOMER, read_answer(&mut client, true)).await;
        match answered.expect("a connection is served or refused").map(|answer| answer.status) {
            Ok(200) => held.push(client),
            // A reset may overtake the answer.
            Ok(429) | Err(_) => refused += 1,
            Ok(status) => panic!("{status}"),
        }
    }
    assert_eq!((held.len(), refused), (40, 110));
    assert_eq!(stage.metric("http_connections_refused_total", "address").await, 110.0);
    let began = Instant::now();
    let answer = exchange(HOME, stage.address, &request("GET", "/health/live", "", "")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(began.elapsed() < NEWCOMER, "{:?}", began.elapsed());
    // A place of a connection that has gone is free again.
    held.clear();
    stage.connections_fall_to(0.0, Duration::from_secs(30)).await;
    let again = exchange(loopback(100), stage.address, &request("GET", "/health/live", "", "")).await;
    assert_eq!(again.unwrap().status, 200);
}

#[test]
fn start_is_refused_when_descriptors_leave_no_place_for_connections() {
    let data = tempfile::tempdir().unwrap();
    let script = "ulimit -n 200; exec \"$@\"";
    let mut server = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_nova"), "--data"])
        .arg(data.path())
        .args(["--listen", "127.0.0.1:0", "serve"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while server.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = server.kill();
    let output = server.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(error.contains("may open 200 files") && error.contains("ulimit -n"), "{error}");
}
