//! What goes wrong, and who watches meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::process::Role;
use crate::servers::SERVERS;

/// How long faults go on.
pub(crate) fn duration(default_s: u64) -> Duration {
    let seconds = std::env::var("NOVA_CHAOS_SECONDS")
        .map_or(default_s, |text| text.parse().expect("NOVA_CHAOS_SECONDS is a number"));
    Duration::from_secs(seconds)
}

/// The full form, as before a release.
pub(crate) fn is_full() -> bool {
    duration(0) >= Duration::from_secs(300)
}

/// What is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Process(Role),
    Server(&'static str),
    /// It is not killed but stopped for a while (SIGSTOP): its connections stay and say nothing.
    Frozen(&'static str),
}

/// Every kind of process and of server in turn, in an order that each round has of its own.
fn next_victim(deck: &mut Vec<Victim>, dice: &mut Dice) -> Victim {
    if deck.is_empty() {
        deck.extend(Role::ALL.map(Victim::Process));
        deck.extend(SERVERS.map(Victim::Server));
        // PostgreSQL is many processes; the others are one each.
        deck.extend(["kafka", "redis", "clickhouse"].map(Victim::Frozen));
    }
    deck.swap_remove(dice.below(deck.len() as u64) as usize)
}

/// At random, every 2 to 4 seconds, one process or one server gets kill -9 and is started again. Afterwards everything
/// runs. What was killed.
pub(crate) async fn of_every_kind(
    cluster: &Arc<Cluster>,
    dice: &mut Dice,
    lasting: Duration,
) -> Vec<&'static str> {
    let began = Instant::now();
    let mut done = Vec::new();
    let mut deck = Vec::new();
    let mut server: Option<JoinHandle<()>> = None;
    while began.elapsed() < lasting {
        tokio::time::sleep(Duration::from_millis(2_000 + dice.below(2_000))).await;
        died_of_themselves(cluster);
        let mut victim = next_victim(&mut deck, dice);
        let one_is_away = server.as_ref().is_some_and(|server| !server.is_finished());
        if one_is_away && !matches!(victim, Victim::Process(_)) {
            // One server at a time; meanwhile processes die.
            deck.push(victim);
            victim = Victim::Process(Role::ALL[dice.below(Role::ALL.len() as u64) as usize]);
        }
        match victim {
            Victim::Process(role) => {
                let Some(number) = dice.pick(&cluster.of(role)) else { continue };
                println!("{:5.1} s: kill -9 {} {number}", began.elapsed().as_secs_f64(), role.name());
                cluster.replace(number);
                done.push(role.name());
            }
            Victim::Server(name) => {
                let down = Duration::from_millis(dice.below(1_500));
                println!("{:5.1} s: kill -9 {name}, for {down:.1?}", began.elapsed().as_secs_f64());
                let servers = cluster.servers.clone();
                server = Some(tokio::task::spawn_blocking(move || {
                    let took = servers.kill_and_start(name, down);
                    println!("         {name} answers after another {took:.1?}");
                }));
                done.push(name);
            }
            Victim::Frozen(name) => {
                let stopped =
                    Duration::from_millis(1_000 + dice.below(if is_full() { 14_000 } else { 4_000 }));
                println!("{:5.1} s: {name} stops for {stopped:.1?}", began.elapsed().as_secs_f64());
                let servers = cluster.servers.clone();
                server = Some(tokio::task::spawn_blocking(move || servers.stop_for(name, stopped)));
                done.push(name);
            }
        }
    }
    if let Some(server) = server {
        server.await.unwrap();
    }
    everything_runs(cluster).await;
    done
}

/// Waits until every process is ready; those that a missing server ended are started again.
pub(crate) async fn everything_runs(cluster: &Arc<Cluster>) {
    let began = Instant::now();
    loop {
        died_of_themselves(cluster);
        let numbers: Vec<u32> = Role::ALL.iter().flat_map(|role| cluster.of(*role)).collect();
        if numbers.iter().all(|number| cluster.with(*number, |process| process.address().is_some())) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "not every process is ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A process that has been ready never ends by itself. One that starts may, when a server is not there.
fn died_of_themselves(cluster: &Arc<Cluster>) {
    for end in cluster.supervise() {
        println!("ended by itself, {}", end.words);
        assert!(!end.was_ready, "a process that was ready ended by itself, {}", end.words);
    }
}

/// The relay's cursor, as the database holds it at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Lead {
    pub(crate) position: i64,
    pub(crate) epoch: i64,
    pub(crate) owner: String,
}

impl Lead {
    pub(crate) async fn read(connection: &mut PgConnection) -> Self {
        let row = sqlx::query("SELECT position, epoch, owner FROM nova.outbox").fetch_one(connection).await;
        let row = row.unwrap();
        Self { position: row.get(0), epoch: row.get(1), owner: row.get(2) }
    }

    /// The relay that leads, of these.
    pub(crate) fn leader(&self, cluster: &Cluster) -> Option<u32> {
        let process: u32 = self.owner.split(':').nth(1)?.parse().ok()?;
        cluster
            .of(Role::Relay)
            .into_iter()
            .find(|number| cluster.with(*number, |relay| relay.id()) == process)
    }
}

/// Kills the relay that leads after Kafka has acknowledged what its cursor does not say yet: while somebody else holds the
/// cursor's row, it waits just there. `false`: it had nothing to publish for as long as its lease was good.
pub(crate) async fn kill_between_ack_and_cursor(cluster: &Arc<Cluster>) -> bool {
    const WAITING: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
        AND wait_event_type = 'Lock' AND query LIKE 'UPDATE nova.outbox SET position%'";
    let (mut holder, mut looker) = (connect(cluster).await, connect(cluster).await);
    let (leader, first) = leading(cluster, Duration::from_secs(15), None).await;
    let began = Instant::now();
    while Lead::read(&mut looker).await.position == first.position {
        assert!(began.elapsed() < Duration::from_secs(15), "the cursor stands still: {first:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM nova.outbox FOR UPDATE").execute(&mut *held).await.unwrap();
    let began = Instant::now();
    let mut waiting: Vec<i32> = Vec::new();
    while waiting.is_empty() && began.elapsed() < Duration::from_secs(1) {
        waiting = sqlx::query_scalar(WAITING).fetch_all(&mut looker).await.unwrap();
    }
    cluster.replace(leader);
    // What has been sent to the database would be done there without the relay.
    for session in &waiting {
        sqlx::query("SELECT pg_terminate_backend($1, 5000)")
            .bind(session)
            .execute(&mut looker)
            .await
            .unwrap();
    }
    held.rollback().await.unwrap();
    !waiting.is_empty()
}

pub(crate) async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(&cluster.postgres()).await.unwrap()
}

/// The head of the log, as PostgreSQL has it.
pub(crate) async fn head(cluster: &Cluster) -> u64 {
    position_in(cluster, "nova.head").await
}

/// Everything up to here is in Kafka, or parked.
pub(crate) async fn published_to(cluster: &Cluster) -> u64 {
    position_in(cluster, "nova.outbox").await
}

async fn position_in(cluster: &Cluster, table: &str) -> u64 {
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT position FROM {table}")));
    let position: i64 = query.fetch_one(&mut connect(cluster).await).await.unwrap();
    position.cast_unsigned()
}

/// Waits until one of these relays leads.
pub(crate) async fn leading(cluster: &Cluster, patience: Duration, other_than: Option<u32>) -> (u32, Lead) {
    let began = Instant::now();
    let mut connection = connect(cluster).await;
    loop {
        let lead = Lead::read(&mut connection).await;
        if let Some(number) = lead.leader(cluster).filter(|number| Some(*number) != other_than) {
            return (number, lead);
        }
        assert!(began.elapsed() < patience, "no relay leads after {patience:?}: {lead:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Looks at the relay's cursor every few milliseconds: neither it nor the epoch ever goes back.
pub(crate) struct CursorWatch {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<Lead>>,
}

impl CursorWatch {
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, mut connection) = (Arc::clone(&stop), connect(cluster).await);
        let task = tokio::spawn(async move {
            let mut seen: Vec<Lead> = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let now = Lead::read(&mut connection).await;
                if let Some(before) = seen.last() {
                    let forward = now.position >= before.position && now.epoch >= before.epoch;
                    assert!(forward, "the cursor went back: {before:?}, then {now:?}");
                }
                if seen.last().is_none_or(|before| before.epoch != now.epoch || before.owner != now.owner) {
                    seen.push(now);
                } else if let Some(before) = seen.last_mut() {
                    *before = now;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            seen
        });
        Self { stop, task }
    }

    /// Who led, one after the other, and how far they came.
    pub(crate) async fn leaders(self) -> Vec<Lead> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the cursor never goes back")
    }
}
