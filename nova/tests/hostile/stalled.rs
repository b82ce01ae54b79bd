//! Clients that ask and do not read, on every path that writes.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::attack::{Attack, Target};
use crate::stage::{Stage, attackers};

const CONNECTIONS: usize = 24;
/// The default of `server.connection_buffer_bytes`.
const BUFFER_BYTES: u64 = 131_072;
/// What one connection may take: requests that were read, answers that were not sent, and the answer that is being written.
pub(crate) const CONNECTION_BYTES: u64 = 3 * BUFFER_BYTES;
/// What the server takes for other reasons meanwhile: caches, the allocator, the messages themselves.
const REST_BYTES: u64 = 40 << 20;
/// The write timeout below, twenty times over for a busy machine.
const CLOSED_WITHIN: Duration = Duration::from_secs(30);

const SETTINGS: &str = "
[server]
write_timeout_ms = 1500
[live]
write_timeout_ms = 1500
queue_bytes_max = 262144
";

#[tokio::test(flavor = "multi_thread")]
async fn unread_answers_take_bounded_memory_and_are_given_up_on_every_path() {
    let stage = Stage::start(SETTINGS, None);
    let target = Target::new(&stage, 3).await;
    for attack in Attack::STALLED {
        stalls(&stage, &target, attack).await;
    }
    let closed = stage.metric("http_connections_closed_total", "write_timeout").await;
    assert!(closed >= CONNECTIONS as f64, "{closed} were closed for it");
}

async fn stalls(stage: &Stage, target: &Target, attack: Attack) {
    let before = stage.resident_bytes();
    let mut clients = JoinSet::new();
    for number in 0..CONNECTIONS {
        let target = target.clone();
        let from = attackers(4)[number % 4];
        clients.spawn(async move { target.attack(attack, from, number).await });
    }
    let speaking = (attack == Attack::UnreadStream).then(|| {
        let target = target.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                target.say().await;
            }
        })
    });
    let (began, most) = (Instant::now(), CONNECTIONS as u64 * CONNECTION_BYTES + REST_BYTES);
    // The server closes every one of them, although none of them reads or goes.
    while !clients.is_empty() {
        let grown = stage.resident_bytes().saturating_sub(before);
        assert!(grown <= most, "{attack:?}: {} MiB more, and not {} MiB", grown >> 20, most >> 20);
        assert!(began.elapsed() < CLOSED_WITHIN, "{attack:?}: {} are still open", clients.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
        while let Some(ended) = clients.try_join_next() {
            ended.unwrap().expect_err("it ends only with its connection");
        }
    }
    if let Some(speaking) = speaking {
        speaking.await.unwrap();
    }
    stage.connections_fall_to(0.0, CLOSED_WITHIN).await;
    stage.memory_falls_to(before + REST_BYTES).await;
}
