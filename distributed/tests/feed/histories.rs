//! A log that lost its end, while Kafka still has the records of what it lost.

use std::sync::Arc;

use bytes::Bytes;
use nova_distributed::feed::{AssignedShard, Assignment, KafkaGroup};
use nova_distributed::relay::Sessions;
use nova_distributed::topics::{event_headers, of_session};
use nova_eventlog::Recorded;
use sqlx::postgres::PgPool;
use tokio::sync::mpsc;

use crate::postgres::Database;
use crate::world::{Reader, World, one};

/// One partition, and what PostgreSQL knows of the relay.
struct Town {
    world: World,
    pool: PgPool,
    sessions: Arc<Sessions>,
    _database: Database,
}

impl Town {
    /// With 60 events that session 1 has published.
    async fn new(name: &str) -> Self {
        let world = World::new(name, &["post"], 1).await;
        let database = Database::migrated("feed").await;
        let pool = database.pool().await;
        let sessions = Arc::new(Sessions::new(pool.clone()));
        let town = Self { world, pool, sessions, _database: database };
        town.begins(1, 0).await;
        town.world.append_many(60, 10).await;
        town.publish(1, &town.world.in_log().await);
        town
    }

    async fn begins(&self, session: i64, at: i64) {
        let sql = "INSERT INTO nova.outbox_sessions (session, begins_at) VALUES ($1, $2)";
        sqlx::query(sql).bind(session).bind(at).execute(&self.pool).await.unwrap();
    }

    /// Records that can be told from what the log has at their positions.
    fn publish(&self, session: i64, events: &[Recorded]) {
        for event in events {
            let key = Some(event.stream.as_str().as_bytes());
            let headers = of_session(event_headers(event, false), session);
            self.world.send("post", 0, key, Some(b"from Kafka"), Some(headers));
        }
        self.world.flush();
    }

    async fn join(&self) -> (KafkaGroup, mpsc::Receiver<Assignment>, AssignedShard) {
        let sessions = Arc::clone(&self.sessions);
        let (group, mut assignments) = self.world.join_knowing(self.world.options("g"), sessions);
        let shard = one(&mut assignments).await;
        (group, assignments, shard)
    }
}

/// The same commands, as they had been appended before the log lost them.
fn before(events: &[Recorded]) -> Vec<Recorded> {
    events
        .iter()
        .map(|event| Recorded { recorded_at_ms: event.recorded_at_ms - 1, ..event.clone() })
        .collect()
}

fn from_kafka(events: &[Recorded]) -> Vec<Recorded> {
    events.iter().map(|event| Recorded { data: Bytes::from_static(b"from Kafka"), ..event.clone() }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_session_publishes_again_is_left_out() {
    let town = Town::new("superseded").await;
    town.world.append_many(40, 10).await;
    let events = town.world.in_log().await;
    town.publish(1, &before(&events[60..90]));
    town.begins(2, 60).await;
    town.publish(2, &events[60..]);
    let (group, _assignments, shard) = town.join().await;
    shard.offsets.note(10, 10);
    let mut reader = Reader::new(&shard.feed, 10, 7);
    reader.until(100).await;
    assert_eq!(reader.events(), from_kafka(&events[10..]));
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_known_is_passed_by_on_the_way_of_the_log() {
    let town = Town::new("unknown").await;
    town.world.append_many(40, 10).await;
    let events = town.world.in_log().await;
    town.publish(9, &before(&events[60..70]));
    town.publish(1, &events[60..]);
    let (group, _assignments, shard) = town.join().await;
    shard.offsets.note(10, 10);
    let mut reader = Reader::new(&shard.feed, 10, 7);
    reader.until(100).await;
    let read = reader.events();
    let positions: Vec<u64> = read.iter().map(|event| event.position).collect();
    assert_eq!(positions, (11..=100).collect::<Vec<_>>());
    assert_eq!(read[50..], events[60..], "what comes behind it is the log's");
    group.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_has_handed_out_what_is_lost_reads_no_further() {
    let town = Town::new("handed-out").await;
    let (group, _assignments, shard) = town.join().await;
    let mut reader = Reader::new(&shard.feed, 0, 7);
    reader.until(60).await;
    town.world.append_many(20, 10).await;
    let events = town.world.in_log().await;
    // The same ids at the same positions: people have repeated what they had been told was done.
    town.publish(1, &before(&events[60..70]));
    reader.until(70).await;
    town.begins(2, 60).await;
    town.publish(2, &events[60..]);
    let error = loop {
        if let Err(error) = reader.next().await {
            break error;
        }
    };
    assert!(error.to_string().contains("the log is of another history"), "{error}");
    assert_eq!(reader.position, 70, "nothing of the next session was handed out");
    assert_eq!(town.sessions.is_lost().await, "it has another event at position 70");
    // Nor does one that begins again, with what it remembers.
    let again = Reader::new(&shard.feed, 70, 7).next().await;
    assert!(again.is_err(), "{again:?}");
    group.stop().await;
}
