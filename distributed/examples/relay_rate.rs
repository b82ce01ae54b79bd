//! How fast the relay is: a log that is filled beforehand, real servers, until everything is acknowledged and the cursor
//! is at the head. Settings: `NOVA_TEST_POSTGRES_URL` (the database has to be empty), `NOVA_TEST_KAFKA_BROKERS`,
//! `EVENTS`, `BATCH`, `IN_FLIGHT`, `LINGER_MS`, `COMPRESSION`, `RUNS`.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be ends the measurement")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nova_distributed::kafka::{KafkaOptions, ensure_topics};
use nova_distributed::log::{PostgresLog, PostgresLogOptions};
use nova_distributed::postgres::{self, PostgresOptions};
use nova_distributed::relay::{Relay, RelayOptions};
use nova_distributed::topics::{CATEGORIES, Topics};
use nova_eventlog::{Append, EventLog, Expected, Kind, NewEvent, StreamId, Write};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use uuid::Uuid;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn event() -> NewEvent {
    // About 450 bytes in all; half of it like sealed text, half of it like JSON.
    let sealed = format!("{:032x}", rand::random::<u128>()).repeat(4);
    let data =
        format!(r#"{{"post":"{}","author":"{}","sealed":"{sealed}"}}"#, Uuid::new_v4(), Uuid::new_v4());
    let meta = format!(
        r#"{{"actor":{{"user":"{}"}},"correlation_id":"{}","schema_version":1}}"#,
        Uuid::new_v4(),
        Uuid::new_v4()
    );
    NewEvent { kind: Kind::new("PostPublished").unwrap(), data: Bytes::from(data), meta: Bytes::from(meta) }
}

async fn fill(log: &PostgresLog, events: usize) {
    let ids: Vec<Uuid> = (0..2_000).map(|_| Uuid::new_v4()).collect();
    let mut number = 0;
    while number < events {
        let writes = (number..(number + 2_000).min(events)).map(|number| {
            let category = CATEGORIES[number % CATEGORIES.len()];
            let stream = format!("{category}-{}", ids[number % ids.len()]);
            Write { stream: StreamId::new(stream).unwrap(), expected: Expected::Any, events: vec![event()] }
        });
        let append = Append { command_id: Uuid::new_v4(), writes: writes.collect() };
        number += append.writes.len();
        log.append(append).await.unwrap();
    }
}

#[tokio::main]
async fn main() {
    let url = std::env::var("NOVA_TEST_POSTGRES_URL").unwrap();
    let options = PostgresOptions { url, connections_max: 6, ..PostgresOptions::default() };
    let pool = postgres::connect(&options).await.unwrap();
    postgres::migrate(&pool).await.unwrap();
    let log = PostgresLog::open(pool.clone(), PostgresLogOptions::default()).await.unwrap();
    let events = setting("EVENTS", 200_000);
    if log.head() == 0 {
        let begun = Instant::now();
        fill(&log, events).await;
        println!("filled with {events} events in {:.1?}", begun.elapsed());
    }
    let defaults = RelayOptions::default();
    let relay_options = RelayOptions {
        batch_events_max: setting("BATCH", defaults.batch_events_max),
        in_flight_events_max: setting("IN_FLIGHT", defaults.in_flight_events_max),
        linger_ms: setting("LINGER_MS", defaults.linger_ms),
        ..defaults
    };
    for run in 0..setting("RUNS", 3) {
        let topics = Topics { prefix: format!("relay-rate-{}-{run}", std::process::id()), partitions: 4 };
        let mut kafka = KafkaOptions::new(std::env::var("NOVA_TEST_KAFKA_BROKERS").unwrap(), topics);
        let compression = setting("COMPRESSION", "lz4".to_owned());
        kafka.settings.insert("compression.type".to_owned(), compression.clone());
        ensure_topics(&kafka).await.unwrap();
        sqlx::query("UPDATE nova.outbox SET position = 0").execute(&pool).await.unwrap();
        sqlx::query("DELETE FROM nova.topics").execute(&pool).await.unwrap();
        let head = log.head();
        let begun = Instant::now();
        let relay = Relay::start(
            pool.clone(),
            Arc::clone(&log) as Arc<dyn EventLog>,
            log.wakeup(),
            kafka.clone(),
            relay_options.clone(),
        );
        while relay.status().position < head {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let took = begun.elapsed();
        println!(
            "{head} events in {took:.2?}: {:.0}/s (batch {}, in flight {}, linger {} ms, {compression})",
            head as f64 / took.as_secs_f64(),
            relay_options.batch_events_max,
            relay_options.in_flight_events_max,
            relay_options.linger_ms,
        );
        relay.stop().await;
        let admin: AdminClient<DefaultClientContext> = kafka.client("rate", &[], &[]).create().unwrap();
        let names = CATEGORIES.map(|category| kafka.topics.name(category));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = admin.delete_topics(&names, &AdminOptions::new()).await;
    }
}
