//! The same with the client for TypeScript (`clients/typescript`): it keeps its own records, in a process of Node, and
//! everybody's hold every event once and in order, and everything that its outbox has sent.
//!
//! The variables are those of `live_kill`. `./test.sh` installs Node; elsewhere `deploy/local/servers tools` does.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::dice::Dice;
use crate::faults::duration;
use crate::live_stage::{Doors, Group, PATIENCE, Stage, number};
use crate::process::Role;

/// One address in front of those that come and go, as a balancer would be.
async fn in_front_of(doors: Arc<Doors>, mut dice: Dice) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let door = doors.any(&mut dice);
            tokio::spawn(async move {
                let Some(door) = door else { return };
                let Ok(mut server) = TcpStream::connect(door).await else { return };
                // However it ends, it has ended.
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    format!("http://{address}")
}

async fn npm(arguments: &[&str]) {
    let done = Command::new(arguments[0])
        .args(&arguments[1..])
        .current_dir(kit())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}; `deploy/local/servers tools` installs Node"));
    let told = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {told}");
}

fn kit() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../clients/typescript")
}

struct Swarm {
    process: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Swarm {
    /// Returns when all are connected.
    async fn start(setting: &Value) -> Self {
        if !kit().join("node_modules").exists() {
            npm(&["npm", "ci", "--no-audit", "--no-fund"]).await;
        }
        npm(&["node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]).await;
        let mut process = Command::new("node")
            .args(["--enable-source-maps", "build/test/e2e/swarm.js"])
            .current_dir(kit())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let asks = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut swarm = Self { process, asks, answers };
        swarm.ask(&setting.to_string()).await;
        assert_eq!(swarm.answer().await, "ready");
        swarm
    }

    async fn ask(&mut self, line: &str) {
        self.asks.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE * 2, self.answers.next_line());
        let line = line.await.expect("the clients answer").unwrap();
        line.expect("the clients have not failed; above is what they said")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_for_typescript_is_told_everything_once_and_in_order() {
    let mut dice = Dice::of_this_run();
    let (clients, conversations) = (number("NOVA_LIVE_CLIENTS", 20), number("NOVA_LIVE_CONVERSATIONS", 5));
    let rate = number("NOVA_LIVE_RATE", 20).max(1);
    let mut stage = Stage::set().await;
    let groups = stage.groups(clients, conversations).await;
    let commands = stage.cluster.living(Role::CommandApi).into_iter().next().unwrap();
    let person = |(n, group, token): (usize, &Group, &String)| json!({"handle": format!("someone_{n}"), "token": token, "conversations": [group.conversation]});
    let members = groups.iter().flat_map(|group| group.members.iter().map(move |(_, token)| (group, token)));
    let people: Vec<Value> =
        members.enumerate().map(|(n, (group, token))| person((n, group, token))).collect();
    let queries = in_front_of(Arc::clone(&stage.doors), dice.split()).await;
    let every_ms = Duration::from_secs_f64(clients as f64 / rate as f64).as_millis() as u64;
    let setting = json!({"queries": queries, "commands": format!("http://{}", commands.address), "every_ms": every_ms, "people": people});
    let mut swarm = Swarm::start(&setting).await;

    let began = Instant::now();
    let seen = stage.faults(&mut dice, duration(30)).await;
    let took = began.elapsed();
    assert!(seen.len() > 4, "hardly anything was broken: nothing was tested: {seen:?}");
    swarm.ask("enough").await;
    let tally: Value = serde_json::from_str(&swarm.answer().await).unwrap();
    let status = swarm.process.wait().await.unwrap();
    assert!(status.success(), "{status}");
    let number = |name: &str| tally[name].as_u64().unwrap();
    assert!(number("messages") > clients as u64, "something was said: {tally}");
    println!(
        "{clients} clients in {conversations} conversations, {} messages in {took:.0?} with {} faults: {} events told, \
         each once, in order; {} attempts to send, {} connections",
        number("messages"),
        seen.len(),
        number("told"),
        number("attempts"),
        number("connections")
    );
}
