//! A closed account ends in every process of the distributed profile, by the log alone: no process has the others' memory,
//! and nothing waits for Kafka or for a view.

use std::time::{Duration, Instant};

use nova_command_api::Context;
use nova_domain::Command;
use nova_domain::user::{Deactivate, Register};
use nova_events::UserId;
use nova_http::Role;
use uuid::Uuid;

use crate::client::{Api, User};
use crate::installations::{Distributed, Installation as _};
use crate::socket::{Socket, Told};

/// A second, on a machine that may be five times slower.
const IN_TIME: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_account_ends_in_every_process() {
    let servers = Distributed::open().await;
    let ada = UserId::make();
    let does = async |command: Command| {
        let context = Context::imported(ada, Uuid::now_v7(), chrono::Utc::now().timestamp_millis());
        servers.writer().executor().execute(context, command).await.unwrap();
    };
    let register = || {
        let (handle, display_name) = ("ada".to_owned(), "Ada".to_owned());
        let handle_key = servers.writer().executor().handle_key(&handle);
        Command::from(Register { handle, handle_key, display_name, bio: None })
    };
    does(register()).await;
    let issued = |role| servers.writer().issuer().issue(ada, role, Duration::from_secs(3_600)).unwrap();
    let apis: Vec<Api> = servers.addresses().into_iter().map(Api::new).collect();
    let users: Vec<User> = apis.iter().map(|api| api.as_user(ada, issued(Role::User))).collect();
    let mut sockets = Vec::new();
    for user in &users {
        user.get("/users/me/blocks").await.ok();
        sockets.push(Socket::of(user).await);
    }

    does(Deactivate::default().into()).await;
    let began = Instant::now();
    for (user, socket) in users.iter().zip(&mut sockets) {
        until(user, 403, began).await;
        let answered = began.elapsed();
        let Told::Closed(Some(closed)) = socket.next().await else { panic!("the session goes on") };
        assert_eq!((u16::from(closed.code), closed.reason.as_str()), (4003, "account_deactivated"));
        println!("refused after {answered:.1?}, closed after {:.1?}", began.elapsed());
        assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
        let auditor = user.api.as_user(ada, issued(Role::Auditor));
        auditor.get("/audit/deletions").await.problem(403, "account_deactivated");
    }

    does(register()).await;
    let began = Instant::now();
    for user in &users {
        until(user, 200, began).await;
    }
    println!("let in again after {:.1?}", began.elapsed());
    servers.end().await;
}

async fn until(user: &User, status: u16, began: Instant) {
    while user.get("/users/me/blocks").await.status != status {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not become {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
