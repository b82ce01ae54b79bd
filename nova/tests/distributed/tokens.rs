//! Tokens on machines that share no folder.

use std::time::{Duration, Instant};

use nova_events::UserId;

use crate::client::Api;
use crate::cluster::Cluster;
use crate::process::{Process, Role};
use crate::servers::Servers;

const READY: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_with_folders_of_their_own_accept_each_others_tokens() {
    let cluster = Cluster::found(Servers::given, &[]).await;
    let user = UserId::make().to_string();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // Of an earlier version, which made a key in each folder: it does not matter any more.
    let leftover = folders[1].path().join("keys/token.pkcs8");
    nova_http::Issuer::open_or_create(&leftover).unwrap();
    let tokens = folders.each_ref().map(|folder| {
        let mut command = cluster.command_in(folder.path());
        let signed = command.args(["token", "--user", &user]).output().unwrap();
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
        String::from_utf8(signed.stdout).unwrap().trim().to_owned()
    });
    for (n, folder) in folders.iter().enumerate() {
        let files = folder.path().join("query-api");
        let mut process = Process::start(cluster.command_in(folder.path()), &[Role::QueryApi.name()], &files);
        let began = Instant::now();
        let address = loop {
            if let Some(address) = process.address() {
                break address;
            }
            assert!(began.elapsed() < READY && process.ended().is_none(), "{}", process.last_words());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let api = Api::new(address);
        for token in &tokens {
            let answer = api.ask("GET", "/timeline").token(token).try_send().await.unwrap();
            assert!(answer.status.is_success(), "at process {n}: {} {}", answer.status, answer.body);
        }
        assert_eq!(process.told().contains("are not accepted"), n == 1, "{}", process.told());
    }
}
