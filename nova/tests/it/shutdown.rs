//! The end of a server, wanted and unwanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nova_events::UserId;
use serde_json::json;

use crate::client::User;
use crate::document::truth;
use crate::process::{Process, nova, out};

pub(crate) async fn registered(data: &std::path::Path, server: &Process, handle: &str) -> User {
    let id = UserId::make();
    let token = out(&nova(data, &["token", "--user", &id.to_string()]));
    let user = truth::client(server.address).as_user(id, token.trim().to_owned());
    user.post("/users", json!({"handle": handle, "display_name": handle})).await.ok();
    user
}

/// Publishes until the server is gone; what it acknowledged.
fn busy(user: &User, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Vec<String>> {
    let (user, stop) = (user.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let asked = tokio::spawn({
                let user = user.clone();
                // A request to a server that has gone panics in the client, and that is its end.
                async move { user.post("/posts", json!({"text": "still here"})).await }
            });
            let Ok(answer) = asked.await else { break };
            if answer.status == 201 {
                acknowledged.push(answer.body["id"].as_str().unwrap().to_owned());
            }
        }
        acknowledged
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sigterm_answers_what_was_asked_and_keeps_all_of_it() {
    ends_and_keeps("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kill_9_keeps_what_was_acknowledged() {
    ends_and_keeps("KILL").await;
}

async fn ends_and_keeps(signal: &str) {
    let data = tempfile::tempdir().unwrap();
    let mut server = Process::start(data.path(), &["serve"]);
    let user = registered(data.path(), &server, "ada").await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8).map(|_| busy(&user, &stop)).collect();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let asked = Instant::now();
    server.signal(signal);
    let (code, rest) = tokio::task::block_in_place(|| server.wait());
    let took = asked.elapsed();
    stop.store(true, Ordering::SeqCst);
    if signal == "TERM" {
        assert_eq!(code, Some(0), "{}", server.told());
        assert!(took < Duration::from_secs(8), "{took:?}");
        assert_eq!(rest, "", "stdout holds nothing but what it says when it is ready");
    }
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    assert!(!acknowledged.is_empty());

    let verified = nova(data.path(), &["log", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    // The views go on from where they were while questions are answered already: it is said what they must hold.
    let position = user.api.position();
    assert!(position > 0);
    let server = Process::start(data.path(), &["serve"]);
    let user = truth::client(server.address).as_user(user.id, user.token);
    let mut there = user.all(&format!("/users/{}/posts?after={position}", user.id), "id").await;
    there.sort();
    for id in &acknowledged {
        assert!(there.binary_search(id).is_ok(), "{id} was acknowledged");
    }
    // Each client may have been cut off once before its answer.
    assert!(there.len() <= acknowledged.len() + 8, "{} of {}", there.len(), acknowledged.len());
    assert!(there.windows(2).all(|two| two[0] != two[1]), "and nothing is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_server_stops_at_once_and_lets_the_next_one_in() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut server = Process::start(data.path(), &["serve"]);
        // A connection that is kept open without asking anything must not hold it up.
        let _idle = std::net::TcpStream::connect(server.address).unwrap();
        let asked = Instant::now();
        server.signal("TERM");
        assert_eq!(server.wait().0, Some(0));
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    }
}
