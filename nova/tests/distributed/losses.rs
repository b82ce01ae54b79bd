//! Stores that lose part of what was written to them and go on answering: rows of ClickHouse, keys of Redis. It is noticed,
//! answers come from elsewhere and say so, and the store is filled again from the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::check::{all_equals_a_replay, all_is_well, caught_up};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::load::Town;
use crate::process::Role;
use crate::servers::Servers;

const PATIENCE: Duration = Duration::from_secs(60);
/// That people have done before anything is lost.
const COMMANDS: usize = 150;

/// Waits until an answer is as it should be.
async fn until(town: &Town, path: &str, what: &str, mut good: impl FnMut(&Value) -> bool) -> Value {
    let (began, (_, token)) = (Instant::now(), &town.people[0]);
    loop {
        let body = town.cluster.query(token, path).await.ok();
        if good(&body) {
            println!("{what} after {:.1?}", began.elapsed());
            return body;
        }
        assert!(began.elapsed() < PATIENCE, "not {what} after {PATIENCE:?}: {body}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is_up(health: &Value, store: &str) -> bool {
    let all = health["dependencies"].as_array().unwrap();
    all.iter().any(|one| one["name"] == store && one["status"] == "up")
}

async fn town_with_a_past(cluster: &Arc<Cluster>) -> Arc<Town> {
    cluster.start(&Role::ALL, 1).await;
    let town = Town::found(cluster).await;
    let busy = town.busy(&mut Dice::of_this_run());
    let began = Instant::now();
    while town.ledger.counts().0 < COMMANDS && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    busy.rest().await;
    caught_up(cluster, PATIENCE).await;
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated_tables_in_clickhouse_are_filled_again() {
    let more = [("NOVA__CLICKHOUSE__ROWS_CHECK_MS", "1000"), ("NOVA__VIEWS__FEED_RANKING_TTL_MS", "0")];
    let cluster = Arc::new(Cluster::found(Servers::given, &more).await);
    let town = town_with_a_past(&cluster).await;
    let (servers, name) = (&cluster.servers, &cluster.name);
    let number = async |sql: String| servers.clickhouse(&sql).await.trim().parse::<u64>().unwrap();
    let began = Instant::now();
    for table in ["posts", "engagement", "follows"] {
        // Its keys have been counted.
        let counted = format!("SELECT count() FROM {name}.cursors WHERE shard LIKE 'rows:{table}_g%'");
        while number(counted.clone()).await == 0 {
            assert!(began.elapsed() < PATIENCE, "{table} is not counted");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let posts = number(format!("SELECT count() FROM {name}.posts")).await;
    assert!(posts > 0);
    let live = async |projection: &str| {
        let sql = format!("SELECT live FROM {name}.generations FINAL WHERE projection_name = '{projection}'");
        number(sql).await
    };
    // Nothing fills it yet: what is short is seen.
    let projector = cluster.of(Role::Projectors)[0];
    cluster.with(projector, |process| process.signal("STOP"));
    let before = live("posts").await;
    for (table, projection) in [("posts", "posts"), ("follows", "graph")] {
        servers.clickhouse(&format!("TRUNCATE TABLE {name}.{table}_g{}", live(projection).await)).await;
    }
    until(&town, "/health/dependencies", "noticed", |health| !is_up(health, "clickhouse")).await;
    until(&town, "/feed", "degraded", |feed| feed["degraded"] == true && feed["source"] != "clickhouse")
        .await;
    let noticed = Instant::now();
    while live("posts").await == before {
        assert!(noticed.elapsed() < PATIENCE, "no other generation is filled");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cluster.with(projector, |process| process.signal("CONT"));
    until(&town, "/health/dependencies", "whole", |health| is_up(health, "clickhouse")).await;
    until(&town, "/feed", "back", |feed| feed["degraded"] == false && feed["source"] == "clickhouse").await;
    caught_up(&cluster, PATIENCE).await;
    assert_eq!(number(format!("SELECT count() FROM {name}.posts")).await, posts);
    all_equals_a_replay(&town).await;
}

/// Of Redis' databases, the one that this test uses.
const REDIS_DATABASE: u8 = 10;

/// The server has so much less memory than it uses.
const EVICTED_BYTES: u64 = 100_000;

/// Puts the server's settings back.
struct Memory(Servers);

impl Memory {
    fn used(&self) -> u64 {
        let used = "return tonumber(string.match(redis.call('INFO', 'memory'), 'used_memory:(%d+)'))";
        let answer = self.0.redis(REDIS_DATABASE, &format!("EVAL \"{used}\" 0"));
        answer.trim_start_matches(':').parse().unwrap_or_else(|_| panic!("{answer}"))
    }

    fn set(&self, maxmemory: u64, policy: &str) {
        for command in [format!("maxmemory {maxmemory}"), format!("maxmemory-policy {policy}")] {
            assert_eq!(self.0.redis(REDIS_DATABASE, &format!("CONFIG SET {command}")), "+OK");
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.set(0, "noeviction");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evicted_follow_edges_in_redis_are_noticed_and_filled_again() {
    let servers = Servers::given();
    let url = servers.redis_database(REDIS_DATABASE);
    let memory = Memory(servers.clone());
    let cluster = Arc::new(Cluster::found(|| servers, &[("NOVA__REDIS__URL", &url)]).await);
    let town = town_with_a_past(&cluster).await;
    until(&town, "/timeline", "from Redis", |page| page["source"] == "redis" && page["degraded"] == false)
        .await;
    let before = timelines(&town).await;
    // What nobody has used for longest goes, whatever it is.
    memory.set(memory.used() - EVICTED_BYTES, "allkeys-lru");
    until(&town, "/timeline", "degraded", |page| page["degraded"] == true && page["source"] == "postgres")
        .await;
    assert_eq!(timelines(&town).await, before, "PostgreSQL knows them all");
    until(&town, "/health/dependencies", "down", |health| !is_up(health, "redis")).await;
    let began = Instant::now();
    // There is room again, but what has gone is gone.
    memory.set(0, "allkeys-lru");
    while began.elapsed() < Duration::from_secs(4) {
        let page = town.cluster.query(&town.people[0].1, "/timeline").await.ok();
        assert_eq!((&page["degraded"], &page["source"]), (&true.into(), &"postgres".into()), "{page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    memory.set(0, "volatile-lru");
    until(&town, "/timeline", "from Redis again", |page| {
        page["source"] == "redis" && page["degraded"] == false
    })
    .await;
    caught_up(&cluster, PATIENCE).await;
    assert_eq!(timelines(&town).await, before);
    all_is_well(&town).await;
    assert_eq!(cluster.servers.redis(REDIS_DATABASE, "FLUSHDB"), "+OK");
}

/// The posts on everybody's timeline, as they are at this moment.
async fn timelines(town: &Town) -> Vec<Value> {
    let mut all = Vec::new();
    for (_, token) in &town.people {
        let page = town.cluster.query(token, "/timeline?limit=100").await.ok();
        let posts = page["items"].as_array().unwrap().iter();
        all.push(posts.map(|post| post["id"].clone()).collect());
    }
    all
}
