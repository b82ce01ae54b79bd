//! The servers below: those of the test run, which are not touched, or a set that may be killed.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

/// Where the servers are.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    pub(crate) postgres: String,
    pub(crate) redis: String,
    pub(crate) kafka: String,
    pub(crate) clickhouse: String,
    pub(crate) clickhouse_user: String,
    pub(crate) clickhouse_password: String,
    /// Of `deploy/local/servers`, for a set that may be killed.
    folder: Option<PathBuf>,
}

/// A server that does nothing.
pub(crate) struct Frozen(Servers, &'static str);

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.signal(self.1, "-CONT");
    }
}

pub(crate) const SERVERS: [&str; 4] = ["postgres", "redis", "kafka", "clickhouse"];

impl Servers {
    /// Those of the test run.
    pub(crate) fn given() -> Self {
        let get = |name: &str| {
            let name = format!("NOVA_TEST_{name}");
            std::env::var(&name).unwrap_or_else(|_| {
                panic!("{name} is not set: `eval \"$(deploy/local/servers up)\"` starts servers and sets it")
            })
        };
        Self::of(get, None)
    }

    /// A set that may be killed.
    pub(crate) fn own() -> Self {
        let folder = std::env::var_os("NOVA_CHAOS_SERVERS")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("chaos-servers"), PathBuf::from);
        let up = servers(&folder).arg("up").stderr(Stdio::piped()).output().unwrap();
        let (printed, told) = (String::from_utf8_lossy(&up.stdout), String::from_utf8_lossy(&up.stderr));
        assert!(up.status.success(), "the servers in {} are not up: {told}", folder.display());
        let get = |name: &str| {
            let start = format!("export NOVA_TEST_{name}=");
            let line = printed.lines().find_map(|line| line.strip_prefix(&start));
            line.unwrap_or_else(|| panic!("no {start} in {printed}")).trim_matches('\'').to_owned()
        };
        Self::of(get, Some(folder))
    }

    fn of(get: impl Fn(&str) -> String, folder: Option<PathBuf>) -> Self {
        Self {
            postgres: get("POSTGRES_URL"),
            redis: get("REDIS_URL"),
            kafka: get("KAFKA_BROKERS"),
            clickhouse: get("CLICKHOUSE_URL"),
            clickhouse_user: get("CLICKHOUSE_USER"),
            clickhouse_password: get("CLICKHOUSE_PASSWORD"),
            folder,
        }
    }

    fn command(&self, command: &str, name: &str) -> Command {
        let folder = self.folder.as_ref().expect("only servers of our own may be killed");
        let mut servers = servers(folder);
        servers.args([command, name]);
        servers
    }

    fn signal(&self, name: &str, signal: &str) {
        let pid = self.command("pid", name).output().unwrap();
        let pid = String::from_utf8_lossy(&pid.stdout).trim().to_owned();
        assert!(pid.parse::<u32>().is_ok(), "{name} has no pid: {pid:?}");
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// It does nothing for so long (SIGSTOP). Blocks until it goes on.
    pub(crate) fn stop_for(&self, name: &str, stopped: Duration) {
        self.signal(name, "-STOP");
        std::thread::sleep(stopped);
        self.signal(name, "-CONT");
    }

    /// kill -9, and it is started again `after` that. Blocks until it answers; how long that took.
    pub(crate) fn kill_and_start(&self, name: &str, after: Duration) -> Duration {
        self.kill(name);
        std::thread::sleep(after);
        self.start(name)
    }

    /// kill -9.
    pub(crate) fn kill(&self, name: &str) {
        self.signal(name, "-9");
    }

    /// It does nothing (SIGSTOP) for as long as what is returned is held.
    pub(crate) fn freeze(&self, name: &'static str) -> Frozen {
        self.signal(name, "-STOP");
        Frozen(self.clone(), name)
    }

    /// Blocks until it answers; how long that took.
    pub(crate) fn start(&self, name: &str) -> Duration {
        let began = Instant::now();
        let started = self.command("start", name).output().unwrap();
        assert!(
            started.status.success(),
            "{name} does not come back: {}",
            String::from_utf8_lossy(&started.stderr)
        );
        began.elapsed()
    }

    /// The address of one database of the server.
    pub(crate) fn database(&self, name: &str) -> String {
        let (server, _) = self.postgres.rsplit_once('/').expect("a database's address");
        format!("{server}/{name}")
    }

    pub(crate) async fn sql(&self, statement: &str) {
        let mut connection = PgConnection::connect(&self.postgres).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// One of Redis' databases that nothing else uses.
    pub(crate) fn redis_database(&self, number: u8) -> String {
        let (server, _) = self.redis.rsplit_once('/').expect("redis://host:port/0");
        format!("{server}/{number}")
    }

    /// Sends one command to one of Redis' databases; its answer's first line.
    pub(crate) fn redis(&self, database: u8, command: &str) -> String {
        use std::io::{BufRead as _, BufReader, Write as _};
        let place = self.redis.trim_start_matches("redis://").split('/').next().unwrap();
        let mut connection = std::net::TcpStream::connect(place).unwrap();
        write!(connection, "SELECT {database}\r\n{command}\r\n").unwrap();
        let mut lines = BufReader::new(connection).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "+OK");
        lines.next().unwrap().unwrap()
    }

    /// Whether ClickHouse answers the least that there is to ask within a second.
    pub(crate) async fn clickhouse_answers(&self) -> bool {
        let asked = tokio::time::timeout(Duration::from_secs(1), self.clickhouse("SELECT 1"));
        asked.await.is_ok_and(|answer| answer == "1\n")
    }

    /// Sends one statement to ClickHouse.
    pub(crate) async fn clickhouse(&self, statement: &str) -> String {
        let client: hyper_util::client::legacy::Client<_, http_body_util::Full<bytes::Bytes>> =
            hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        let request = axum::http::Request::post(format!("{}/", self.clickhouse))
            .header("X-ClickHouse-User", &self.clickhouse_user)
            .header("X-ClickHouse-Key", &self.clickhouse_password)
            .body(bytes::Bytes::from(statement.to_owned()).into())
            .unwrap();
        let answer = client.request(request).await.unwrap();
        let status = answer.status();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(status.is_success(), "{statement}: {body}");
        body
    }
}

fn servers(folder: &std::path::Path) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/local/servers"));
    command.arg("--dir").arg(folder).stdin(Stdio::null());
    // Those of the test run are others.
    for name in [
        "POSTGRES_URL",
        "REDIS_URL",
        "KAFKA_BROKERS",
        "CLICKHOUSE_URL",
        "CLICKHOUSE_USER",
        "CLICKHOUSE_PASSWORD",
    ] {
        command.env_remove(format!("NOVA_TEST_{name}"));
    }
    command
}
