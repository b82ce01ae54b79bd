//! An installation of its own on given servers, and any number of processes of each role. All of it ends with the test.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nova_events::UserId;
use nova_events::wrapping::MasterKey;
use nova_http::{Issuer, Role as May, VerifierOptions};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::client::{Answer, Api, Ask};
use crate::process::{Process, Role};
use crate::servers::Servers;

/// The processes of one test are enough for a small machine.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Of each topic: enough for two processes to share the work.
pub(crate) const PARTITIONS: i32 = 2;

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const READY: Duration = Duration::from_secs(60);
const TTL: Duration = Duration::from_secs(24 * 3600);
/// Of one attempt; a stopped process never answers.
const ATTEMPT: Duration = Duration::from_secs(4);

pub(crate) struct Cluster {
    pub(crate) servers: Servers,
    /// Of its database, topics and keys.
    pub(crate) name: String,
    data: TempDir,
    environment: Vec<(String, String)>,
    /// What is set for the processes of one role alone.
    of_role: Mutex<HashMap<Role, Vec<(String, String)>>>,
    processes: Mutex<BTreeMap<u32, (Role, Process)>>,
    started: AtomicU32,
    apis: Mutex<HashMap<SocketAddr, Api>>,
    turn: AtomicUsize,
    /// Attempts by what came of them: a status, or none (0).
    attempts: Mutex<BTreeMap<u16, u64>>,
    /// The last attempt that brought no answer, or none that can be used.
    last_failure: Mutex<String>,
    issuer: Issuer,
    operator: String,
    auditor: String,
    _alone: tokio::sync::MutexGuard<'static, ()>,
}

/// The end of a process that nobody asked to end.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) was_ready: bool,
    pub(crate) words: String,
}

impl Cluster {
    /// A new installation: schemas and topics, and no process yet. `more` is set in the environment of all of them.
    pub(crate) async fn found(servers: impl FnOnce() -> Servers, more: &[(&str, &str)]) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let servers = tokio::task::block_in_place(servers);
        let name = format!("chaos_{}", &Uuid::new_v4().simple().to_string()[..12]);
        servers.sql(&format!("CREATE DATABASE {name}")).await;
        let data = tempfile::tempdir().unwrap();
        let master = MasterKey::parse(MASTER_KEY).unwrap();
        let issuer = Issuer::derived(&master, VerifierOptions::default()).unwrap();
        let token = |may| issuer.issue(UserId::make(), may, TTL).unwrap();
        let mut environment = environment(&servers, &name);
        // What is compared here are the best answers: a busy machine gets its time, and stores that were killed are soon asked
        // again.
        for store in ["CLICKHOUSE", "REDIS", "POSTGRES"] {
            environment.push((format!("NOVA__RESILIENCE__{store}_CALL_MS"), "5000".to_owned()));
            environment.push((format!("NOVA__RESILIENCE__{store}_OPEN_MS"), "1000".to_owned()));
        }
        environment.push(("NOVA__QUERIES__READ_MS_MAX".to_owned(), "20000".to_owned()));
        environment.push(("NOVA__SERVER__PUBLIC_ROUTES".to_owned(), "[docs, admin, metrics]".to_owned()));
        environment.push(("NOVA__HTTP__ADAPTIVE_LIMIT".to_owned(), "false".to_owned()));
        let lifted = nova::config::WITHOUT_CLIENT_LIMITS;
        environment.extend(lifted.map(|(key, value)| (key.to_owned(), value.to_owned())));
        environment.extend(more.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())));
        let cluster = Self {
            operator: token(May::Operator),
            auditor: token(May::Auditor),
            servers,
            name,
            data,
            environment,
            of_role: Mutex::default(),
            processes: Mutex::default(),
            started: AtomicU32::new(0),
            apis: Mutex::default(),
            turn: AtomicUsize::new(0),
            attempts: Mutex::default(),
            last_failure: Mutex::default(),
            issuer,
            _alone: alone,
        };
        cluster.run(&["migrate"]);
        cluster
    }

    /// The program with this installation's configuration.
    pub(crate) fn command(&self) -> Command {
        self.command_in(self.data.path())
    }

    /// The same with a data folder of its own, as on another machine.
    pub(crate) fn command_in(&self, data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nova"));
        command.arg("--data").arg(data).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs it to its end.
    pub(crate) fn try_run(&self, args: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.command().args(args).output().unwrap())
    }

    /// Runs it to its good end; what it printed.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = self.try_run(args);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "nova {args:?}: {}: {told}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Processes of this role that are started from now on have this in their environment.
    pub(crate) fn set_for(&self, role: Role, key: &str, value: String) {
        self.of_role.lock().entry(role).or_default().push((key.to_owned(), value));
    }

    /// Starts a process and does not wait until it is ready.
    pub(crate) fn launch(&self, role: Role, args: &[&str]) -> u32 {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let files = self.data.path().join(format!("{}-{number}", role.name()));
        let mut all = vec![role.name()];
        all.extend(args);
        let mut command = self.command();
        command.envs(self.of_role.lock().get(&role).into_iter().flatten().map(|(key, value)| (key, value)));
        let process = Process::start(command, &all, &files);
        self.processes.lock().insert(number, (role, process));
        number
    }

    /// Starts `count` processes of each of the roles, and waits until they are ready.
    pub(crate) async fn start(&self, roles: &[Role], count: usize) {
        let launched: Vec<_> =
            (0..count).flat_map(|_| roles.iter().map(|role| self.launch(*role, &[]))).collect();
        for number in launched {
            self.ready(number).await;
        }
    }

    pub(crate) async fn ready(&self, number: u32) {
        let began = Instant::now();
        loop {
            let state = self.with(number, |process| match (process.address(), process.ended()) {
                (Some(_), _) => Ok(true),
                (None, None) => Ok(false),
                (None, Some(status)) => Err(format!("{status}: {}", process.told())),
            });
            match state {
                Ok(true) => return,
                Ok(false) => assert!(began.elapsed() < READY, "process {number} is not ready in {READY:?}"),
                Err(ended) => panic!("process {number} ended before it was ready: {ended}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[track_caller]
    pub(crate) fn with<T>(&self, number: u32, look: impl FnOnce(&mut Process) -> T) -> T {
        let mut processes = self.processes.lock();
        let (_, process) = processes.get_mut(&number).expect("a process of this number");
        look(process)
    }

    /// The processes of a role, by number.
    pub(crate) fn of(&self, role: Role) -> Vec<u32> {
        let processes = self.processes.lock();
        processes.iter().filter(|(_, (its, _))| *its == role).map(|(number, _)| *number).collect()
    }

    pub(crate) fn kill(&self, number: u32) {
        // Its files stay in the folder.
        self.processes.lock().remove(&number);
    }

    /// Waits until a process has ended well that was asked to at `asked`, and forgets it. How long it took.
    pub(crate) async fn has_left(&self, number: u32, asked: Instant, within: Duration) -> Duration {
        loop {
            if let Some(status) = self.with(number, Process::ended) {
                let took = asked.elapsed();
                self.with(number, |process| {
                    assert!(status.success(), "{status}: {}", process.last_words());
                });
                self.kill(number);
                return took;
            }
            assert!(
                asked.elapsed() < within,
                "process {number}, which was asked to leave, does not: {}",
                self.with(number, |process| process.last_words())
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// kill -9 and another one like it, which may not be ready yet.
    pub(crate) fn replace(&self, number: u32) -> u32 {
        let (role, process) = self.processes.lock().remove(&number).expect("a process of this number");
        let args = process.args.clone();
        drop(process);
        let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
        self.launch(role, &args)
    }

    /// Starts those again that ended by themselves, as a supervisor would.
    pub(crate) fn supervise(&self) -> Vec<End> {
        let mut processes = self.processes.lock();
        let ends = processes.iter_mut().filter_map(|(number, (_, process))| {
            let status = process.ended()?;
            let words = format!("{status}: {}", process.last_words());
            Some((*number, End { was_ready: process.address().is_some(), words }))
        });
        let ends: Vec<_> = ends.collect();
        drop(processes);
        let restarted = ends.into_iter().map(|(number, end)| {
            self.replace(number);
            end
        });
        restarted.collect()
    }

    /// Those of a role that are ready.
    pub(crate) fn living(&self, role: Role) -> Vec<Api> {
        let mut processes = self.processes.lock();
        let of_role = processes.values_mut().filter(|(its, _)| *its == role);
        let addresses: Vec<_> = of_role.filter_map(|(_, process)| process.address()).collect();
        let mut apis = self.apis.lock();
        addresses
            .into_iter()
            .map(|address| apis.entry(address).or_insert_with(|| Api::new(address)).clone())
            .collect()
    }

    /// Asks the living processes of a role in turn until one answers. What may be repeated is repeated as it was, with
    /// its idempotency key. `None`: nobody answered in time.
    pub(crate) async fn ask(
        &self,
        role: Role,
        patience: Duration,
        make: impl Fn(&Api) -> Ask,
    ) -> Option<Answer> {
        let began = Instant::now();
        while began.elapsed() < patience {
            let apis = self.living(role);
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            if let Some(api) = apis.get(turn % apis.len().max(1)) {
                let answer = tokio::time::timeout(ATTEMPT, make(api).try_send()).await.ok().flatten();
                let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
                *self.attempts.lock().entry(status).or_default() += 1;
                match answer {
                    Some(answer) if !answer.status.is_server_error() => return Some(answer),
                    refused => {
                        let said = refused.map(|answer| answer.body["detail"].to_string());
                        *self.last_failure.lock() =
                            format!("{role:?} {status}: {}", said.unwrap_or_default());
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        None
    }

    /// Attempts by what came of them: a status, or none (0).
    pub(crate) fn attempts(&self) -> BTreeMap<u16, u64> {
        self.attempts.lock().clone()
    }

    /// Why people wait, for a message: attempts by what came of them, and the last that failed.
    pub(crate) fn trouble(&self) -> String {
        format!("attempts by status: {:?}; last: {}", self.attempts(), self.last_failure.lock())
    }

    /// What a query answers to someone, when everything is well.
    pub(crate) async fn query(&self, token: &str, path: &str) -> Answer {
        let patience = Duration::from_secs(30);
        let answer = self.ask(Role::QueryApi, patience, |api| api.ask("GET", path).token(token)).await;
        answer.unwrap_or_else(|| panic!("{path} is not answered within {patience:?}; {}", self.trouble()))
    }

    /// A command of someone's, repeated with its key until a process answers.
    pub(crate) async fn submit(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let (key, patience) = (Uuid::new_v4().to_string(), Duration::from_secs(60));
        let asked = self.ask(Role::CommandApi, patience, |api| {
            api.ask(method, path).token(token).header("idempotency-key", &key).json(body)
        });
        asked
            .await
            .unwrap_or_else(|| panic!("{path} is not answered within {patience:?}; {}", self.trouble()))
    }

    /// A job of a running query-api, when it has ended.
    pub(crate) async fn job(&self, body: &Value) -> Value {
        let api = self.living(Role::QueryApi).into_iter().next().unwrap();
        let started = api.ask("POST", "/admin/jobs").token(&self.operator).json(body).send().await.ok();
        let (path, began) = (format!("/admin/jobs/{}", started["id"].as_str().unwrap()), Instant::now());
        loop {
            let job = api.ask("GET", &path).token(&self.operator).send().await.ok();
            if job["state"] != "running" {
                return job;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{job}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn token(&self, user: UserId) -> String {
        self.issuer.issue(user, May::User, TTL).unwrap()
    }

    pub(crate) fn operator(&self) -> &str {
        &self.operator
    }

    pub(crate) fn auditor(&self) -> &str {
        &self.auditor
    }

    /// The address of its database.
    pub(crate) fn postgres(&self) -> String {
        self.servers.database(&self.name)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.data.path().to_owned()
    }
}

fn environment(servers: &Servers, name: &str) -> Vec<(String, String)> {
    let keys = [
        ("PROFILE", "distributed".to_owned()),
        ("KEYS__MASTER_KEY", MASTER_KEY.to_owned()),
        ("POSTGRES__URL", servers.database(name)),
        ("POSTGRES__CONNECTIONS_MAX", "4".to_owned()),
        ("POSTGRES__READ_CONNECTIONS_MAX", "4".to_owned()),
        ("KAFKA__BROKERS", servers.kafka.clone()),
        ("KAFKA__TOPIC_PREFIX", name.to_owned()),
        ("KAFKA__PARTITIONS", PARTITIONS.to_string()),
        ("CLICKHOUSE__URL", servers.clickhouse.clone()),
        ("CLICKHOUSE__DATABASE", name.to_owned()),
        ("CLICKHOUSE__USER", servers.clickhouse_user.clone()),
        ("CLICKHOUSE__PASSWORD", servers.clickhouse_password.clone()),
        ("REDIS__URL", servers.redis.clone()),
        ("REDIS__KEY_PREFIX", format!("{name}:")),
        ("RELAY__LEASE_MS", "2000".to_owned()),
    ];
    keys.into_iter().map(|(key, value)| (format!("NOVA__{key}"), value)).collect()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut processes = std::mem::take(&mut *self.processes.lock());
        if std::thread::panicking() {
            for (_, process) in processes.values() {
                eprintln!("{}", process.last_words());
            }
        }
        processes.clear();
        let (servers, name) = (self.servers.clone(), self.name.clone());
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(clean_up(&servers, &name));
        });
        if cleaned.join().is_err() {
            eprintln!("{} is left on the servers", self.name);
        }
    }
}

async fn clean_up(servers: &Servers, name: &str) {
    servers.sql(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    servers.clickhouse(&format!("DROP DATABASE IF EXISTS {name}")).await;
    let delete = format!(
        "EVAL \"local c='0' repeat local r=redis.call('SCAN',c,'MATCH',ARGV[1],'COUNT',1000) c=r[1] for _,k in \
         ipairs(r[2]) do redis.call('UNLINK',k) end until c=='0' return 1\" 0 \"{name}:*\""
    );
    assert_eq!(servers.redis(0, &delete), ":1");
    crate::topics::delete_all(&servers.kafka, name).await;
}
