//! The server under attack, what an operator sees of it, and the people who use it.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nova_events::UserId;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::wire::{Answer, exchange, loopback, request};

/// Where operators and honest people come from.
pub(crate) const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How long a condition may take that a slow machine still reaches.
const SETTLED: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    data: TempDir,
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Stage {
    /// Starts a server with these lines of configuration, and with so many file descriptors at most if the number is given.
    pub(crate) fn start(settings: &str, descriptors_max: Option<u32>) -> Self {
        raise_own_limit();
        let data = tempfile::tempdir().unwrap();
        let child = spawn(data.path(), settings, descriptors_max);
        let mut stage = Self { data, child, address: SocketAddr::from(([0; 4], 0)) };
        let mut lines = BufReader::new(stage.child.stdout.take().unwrap()).lines();
        let ready = lines.find_map(|line| Some(line.unwrap().strip_prefix("ready http://")?.to_owned()));
        stage.address = ready.unwrap_or_else(|| panic!("no server: {}", stage.log())).parse().unwrap();
        stage
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(log_path(self.data.path())).unwrap()
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the server lives");
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
    }

    /// The value of a metric, all its series that contain `label` together.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let answer = exchange(HOME, self.address, &request("GET", "/metrics", "", "")).await.unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        let series = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until the server's memory is down to this.
    pub(crate) async fn memory_falls_to(&self, bytes: u64) {
        let began = Instant::now();
        while self.resident_bytes() > bytes {
            let now = self.resident_bytes() >> 20;
            assert!(began.elapsed() < SETTLED, "{now} MiB after {SETTLED:?}, and not {} MiB", bytes >> 20);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until no more than so many connections are open.
    pub(crate) async fn connections_fall_to(&self, most: f64, within: Duration) {
        let began = Instant::now();
        loop {
            // The connection that asks is one of them.
            let open = self.metric("http_connections_open", "").await - 1.0;
            if open <= most {
                return;
            }
            assert!(began.elapsed() < within, "{open} connections are open after {within:?}, and not {most}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Registers somebody.
    pub(crate) async fn person(&self, handle: &str) -> Person {
        let id = UserId::make();
        let output = Command::new(env!("CARGO_BIN_EXE_nova"))
            .arg("--data")
            .arg(self.data.path())
            .args(["token", "--user", &id.to_string()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let token = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let person = Person { id, token, server: self.address };
        person.post("/users", &json!({"handle": handle, "display_name": handle})).await;
        person
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(data: &Path, settings: &str, descriptors_max: Option<u32>) -> Child {
    let config = data.join("hostile.toml");
    std::fs::write(&config, settings).unwrap();
    let log = std::fs::File::create(log_path(data)).unwrap();
    let limit = descriptors_max.map(|most| format!("ulimit -n {most}; ")).unwrap_or_default();
    Command::new("sh")
        .args(["-c", &format!("{limit}exec \"$@\""), "sh", env!("CARGO_BIN_EXE_nova"), "--config"])
        .arg(&config)
        .arg("--data")
        .arg(data)
        .args(["--listen", "127.0.0.1:0", "serve"])
        // Its answers are as large as any.
        .env("NOVA__SERVER__PUBLIC_ROUTES", "[docs, admin, metrics]")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn log_path(data: &Path) -> PathBuf {
    data.join("hostile.log")
}

/// The sockets of all clients are this process's.
fn raise_own_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) token: String,
    server: SocketAddr,
}

impl Person {
    /// Sends a command and returns the answer's body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, &body.to_string()).await;
        assert!(
            (200..300).contains(&answer.status),
            "{path}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        answer.json()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let bytes = request(method, &format!("/api/v1{path}"), &self.token, body);
        exchange(HOME, self.server, &bytes).await.unwrap()
    }

    /// Starts a group with others, and returns its id.
    pub(crate) async fn group(&self, others: &[Self]) -> String {
        let members: Vec<_> = others.iter().map(|other| other.id).collect();
        let body = json!({"kind": "group", "title": "hostile", "members": members});
        self.post("/conversations", &body).await["id"].as_str().unwrap().to_owned()
    }
}

/// Addresses that attacks come from.
pub(crate) fn attackers(count: u8) -> Vec<Ipv4Addr> {
    (0..count).map(|number| loopback(100 + number)).collect()
}
