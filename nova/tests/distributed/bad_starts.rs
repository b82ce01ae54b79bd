//! Starts that cannot go well: each process ends soon, says in one line what is wrong and what to do, and tells nobody a
//! password.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::cluster::Cluster;
use crate::faults;
use crate::process::{Process, Role};
use crate::servers::Servers;
use crate::topics;

const PATIENCE: Duration = Duration::from_secs(10);
const PASSWORD: &str = "kept-secret-4711";
/// Nothing listens there.
const NOWHERE: &str = "127.0.0.1:1";

/// The roles that need a store.
const ALL: &[Role] = &Role::ALL;
const OF_KAFKA: &[Role] = &[Role::Relay, Role::Projectors];
const OF_VIEWS: &[Role] = &[Role::Projectors, Role::QueryApi];

/// Starts these roles at once, each with `changed` in its environment. What is told must hold all of `words`.
async fn end_badly(
    failures: &mut Vec<String>,
    cluster: &Cluster,
    what: &str,
    roles: &[Role],
    changed: &[(&str, &str)],
    words: &[&str],
) {
    let started = roles.iter().map(|role| {
        let mut command = cluster.command();
        for (key, value) in changed {
            command.env(format!("NOVA__{key}"), value);
        }
        let files = cluster.folder().join(format!("bad-{}", role.name()));
        Process::start(command, &[role.name()], &files)
    });
    let mut wrong = Vec::new();
    for mut process in started.collect::<Vec<_>>() {
        let began = std::time::Instant::now();
        while process.ended().is_none() && began.elapsed() < PATIENCE && process.address().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (status, told) = (process.ended(), process.told());
        // Beside what it logged on the way.
        let lines: Vec<_> = told.lines().filter(|line| !line.starts_with("{\"timestamp\"")).collect();
        let good = status.is_some_and(|status| matches!(status.code(), Some(1 | 2)))
            && lines.len() == 1
            && lines[0].starts_with("nova: ")
            && words.iter().all(|word| told.contains(word))
            && !told.contains(PASSWORD);
        if !good {
            wrong.push(format!("{:?}: {status:?}, {} lines: {told}", process.args, lines.len()));
        }
    }
    println!("{what}: {}", if wrong.is_empty() { "well told".to_owned() } else { wrong.join("\n  ") });
    failures.extend(wrong.into_iter().map(|wrong| format!("{what}: {wrong}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_says_in_one_line_what_to_do() {
    let cluster = Arc::new(Cluster::found(Servers::given, &[]).await);
    let mut failures = Vec::new();
    let here = cluster.postgres();
    let (_, server) = here.split_once('@').unwrap();
    let nowhere = format!("postgres://nova:{PASSWORD}@{NOWHERE}/nova");
    end_badly(&mut failures, &cluster, "no PostgreSQL", ALL, &[("POSTGRES__URL", &nowhere)], &[NOWHERE])
        .await;
    let wrong = format!("postgres://nova:{PASSWORD}@{server}");
    end_badly(
        &mut failures,
        &cluster,
        "PostgreSQL's password",
        ALL,
        &[("POSTGRES__URL", &wrong)],
        &["password"],
    )
    .await;
    let missing = format!("{here}_that_is_not_there");
    end_badly(
        &mut failures,
        &cluster,
        "no such database",
        ALL,
        &[("POSTGRES__URL", &missing)],
        &["_that_is_not_there"],
    )
    .await;
    let (empty, name) = (format!("{here}_empty"), format!("{}_empty", cluster.name));
    cluster.servers.sql(&format!("CREATE DATABASE {name}")).await;
    end_badly(&mut failures, &cluster, "not migrated", ALL, &[("POSTGRES__URL", &empty)], &["nova migrate"])
        .await;
    cluster.servers.sql(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
    end_badly(&mut failures, &cluster, "no master key", ALL, &[("KEYS__MASTER_KEY", "")], &["master_key"])
        .await;

    let kafka = [("KAFKA__BROKERS", NOWHERE)];
    end_badly(&mut failures, &cluster, "no Kafka", OF_KAFKA, &kafka, &[NOWHERE, "kafka.brokers"]).await;
    let clickhouse = [("CLICKHOUSE__URL", "http://127.0.0.1:1")];
    end_badly(&mut failures, &cluster, "no ClickHouse", OF_VIEWS, &clickhouse, &[NOWHERE]).await;
    let wrong = [("CLICKHOUSE__PASSWORD", PASSWORD)];
    end_badly(
        &mut failures,
        &cluster,
        "ClickHouse's password",
        OF_VIEWS,
        &wrong,
        &["ClickHouse", "password"],
    )
    .await;
    let redis = [("REDIS__URL", "redis://:kept-secret-4711@127.0.0.1:1/0")];
    end_badly(&mut failures, &cluster, "no Redis", OF_VIEWS, &redis, &[NOWHERE]).await;

    // What this build does not have is named.
    let tls = [("REDIS__URL", "rediss://:kept-secret-4711@127.0.0.1:1/0")];
    end_badly(&mut failures, &cluster, "TLS to Redis", OF_VIEWS, &tls, &["rediss://", "TLS"]).await;
    let settings = format!("{}/tls.toml", cluster.folder().display());
    for (protocol, mechanism, words) in
        [("ssl", "PLAIN", "TLS"), ("sasl_ssl", "PLAIN", "TLS"), ("sasl_plaintext", "SCRAM-SHA-256", "SCRAM")]
    {
        let text = format!(
            "[kafka.settings]\n\"security.protocol\" = \"{protocol}\"\n\"sasl.mechanism\" = \"{mechanism}\"\n"
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = cluster.command();
        let ended = command.args(["--config", &settings, "relay"]).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        let good = !ended.status.success() && told.contains("kafka.settings") && told.contains(words);
        failures.extend((!good).then(|| format!("{protocol}: {told}")));
    }
    let key_file = [("AUTH__KEY_FILE", "/nowhere/token.pkcs8")];
    end_badly(&mut failures, &cluster, "no token key", ALL, &key_file, &["auth.key_file", "/nowhere"]).await;

    // A user of the log without a row in nova.subject_keys.
    let mut connection = faults::connect(&cluster).await;
    let somebody = Uuid::from_u128(4_711);
    let registered = "INSERT INTO nova.events (position, event_id, command_id, ordinal, stream, category, revision, kind, recorded_at, \
                                  data, meta) \
         VALUES (1, $1, $1, 0, 'user-' || $1, 'user', 0, 'UserRegistered', 0, '', '')";
    sqlx::query(registered).bind(somebody).execute(&mut connection).await.unwrap();
    let words = ["nova.subject_keys", &somebody.to_string()];
    end_badly(&mut failures, &cluster, "lost keys", ALL, &[], &words).await;
    sqlx::query("DELETE FROM nova.events").execute(&mut connection).await.unwrap();

    topics::delete_all(&cluster.servers.kafka, &cluster.name).await;
    end_badly(&mut failures, &cluster, "no topics", OF_KAFKA, &[], &["nova migrate"]).await;

    // The schema of another version.
    let newer =
        "INSERT INTO nova.migrations (version, description, installed_on, success, checksum, execution_time)
        SELECT 9999, 'of the future', now(), true, ''::bytea, 0";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    end_badly(&mut failures, &cluster, "a newer schema", ALL, &[], &["pgrade"]).await;
    let migrated = cluster.try_run(&["migrate"]);
    assert!(!migrated.status.success(), "nothing is migrated back");
    let older = "DELETE FROM nova.migrations WHERE version >= 10";
    sqlx::query(older).execute(&mut connection).await.unwrap();
    end_badly(&mut failures, &cluster, "an older schema", ALL, &[], &["nova migrate"]).await;

    assert!(
        failures.is_empty(),
        "{} starts end otherwise than they should:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
