//! A closed account: every request and every live session of it ends, whatever its token's role, until its owner comes back.

use std::time::{Duration, Instant};

use nova_http::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::User;
use crate::socket::{Socket, Told};
use crate::world::World;

/// A second, on a machine that may be five times slower.
const IN_TIME: Duration = Duration::from_secs(5);

/// Reads what an event stream says until these words come. Returns how long that took.
async fn until_streamed(stream: &mut TcpStream, words: &str) -> Duration {
    let began = Instant::now();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains(words) {
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut buffer)).await;
        let read = read.unwrap_or_else(|_| panic!("{words:?} does not come: {text}")).unwrap();
        assert!(read > 0, "the stream ended: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    began.elapsed()
}

async fn stream_of(user: &User) -> TcpStream {
    let mut stream = TcpStream::connect(user.api.address).await.unwrap();
    let request =
        format!("GET /api/v1/stream HTTP/1.1\r\nhost: nova\r\nauthorization: Bearer {}\r\n\r\n", user.token);
    stream.write_all(request.as_bytes()).await.unwrap();
    until_streamed(&mut stream, "200 OK").await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_and_live_session_ends_until_the_owner_comes_back() {
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let roles = [Role::Moderator, Role::Auditor, Role::Operator].map(|role| world.again_as(&ada, role));
    let group = ada.starts_group("group", &[&bob]).await;
    let (mut socket, mut as_auditor) = (Socket::of(&ada).await, Socket::of(&roles[1]).await);
    socket.subscribe(group, -1).await;
    let mut stream = stream_of(&ada).await;
    let mut of_bob = Socket::of(&bob).await;

    ada.delete("/users/me").await.ok();
    let began = Instant::now();
    for user in roles.iter().chain([&ada]) {
        for path in
            ["/feed", "/users/me", "/conversations", "/audit/deletions", "/admin/projections", "/stream"]
        {
            user.get(path).await.problem(403, "account_deactivated");
        }
        user.post("/posts", json!({"text": "a ghost"})).await.problem(403, "account_deactivated");
    }
    for socket in [&mut socket, &mut as_auditor] {
        let closed = loop {
            match socket.next().await {
                Told::Frame(_) => {}
                Told::Closed(frame) => break frame.expect("a reason"),
            }
        };
        assert_eq!((u16::from(closed.code), closed.reason.as_str()), (4003, "account_deactivated"));
    }
    until_streamed(&mut stream, "the account is deactivated").await;
    println!("a closed account's requests and sessions had ended after {:.1?}", began.elapsed());
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
    // A token that comes in the first frame.
    let mut late = Socket::open(&ada.api, None).await;
    late.op(json!({"op": "auth", "token": ada.token})).await;
    let Told::Closed(Some(closed)) = late.next().await else { panic!("it is let in") };
    assert_eq!(u16::from(closed.code), 4003);
    of_bob.op(json!({"op": "ping"})).await;
    of_bob.until("pong").await;

    // Closing it once more is no error; nor is coming back, and then everything is as it was.
    ada.delete("/users/me").await.ok();
    ada.post("/users", json!({"handle": "ada", "display_name": "ADA"})).await.ok();
    ada.get("/feed").await.ok();
    let mut again = Socket::of(&ada).await;
    again.subscribe(group, -1).await;
    ada.publishes("back again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_knows_from_its_start_which_accounts_are_closed() {
    let world = World::start().await;
    let [ada, bob, eve] = world.someones(["ada", "bob", "eve"]).await;
    for user in [&ada, &bob] {
        user.delete("/users/me").await.ok();
    }
    bob.post("/users", json!({"handle": "bob", "display_name": "BOB"})).await.ok();
    let data = world.stop().await;
    let world = World::in_folder(data, |_| {}).await;
    world.again_as(&ada, Role::User).get("/feed").await.problem(403, "account_deactivated");
    world.again_as(&ada, Role::Auditor).get("/audit/deletions").await.problem(403, "account_deactivated");
    for user in [&bob, &eve] {
        world.again_as(user, Role::User).get("/feed").await.ok();
    }
}
