//! All attacks at once, over 30 % of all connections, while people use the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::attack::{Attack, Target};
use crate::honest::{Crowd, Record};
use crate::stage::{Stage, attackers};
use crate::stalled::CONNECTION_BYTES;

const HONEST_CLIENTS: usize = 200;
/// Of 1000.
const HOSTILE_CONNECTIONS: usize = 300;
const HOSTILE_ADDRESSES: u8 = 4;
/// What honest clients' requests leave in caches, whose bounds are small here, and in the allocator.
const REST_BYTES: u64 = 96 << 20;
/// The most that may be logged in a second, all lines together.
const LOG_BYTES_PER_SECOND: u64 = 16 << 10;
const WARM: Duration = Duration::from_secs(2);

const SETTINGS: &str = "
[server]
connections_max = 1000
connections_per_address_max = 100
header_timeout_ms = 3000
write_timeout_ms = 3000
[live]
write_timeout_ms = 3000
connections_per_user_max = 100
[quotas]
posts_per_hour = 1000000
messages_per_hour = 1000000
[views]
cache_bytes = 16777216
session_bytes = 8388608
writer_cache_bytes = 2097152
reader_cache_bytes = 262144
[commands]
states_bytes_max = 8388608
";

/// The seconds of the attack, and whether it is the full form.
fn form() -> (u64, bool) {
    let seconds = std::env::var("NOVA_HOSTILE_SECONDS").ok().map(|text| text.parse().unwrap());
    (seconds.unwrap_or(10), seconds.is_some_and(|seconds: u64| seconds >= 600))
}

/// What honest clients saw during one run, and what it cost the server.
struct Spell {
    record: Record,
    attempts: u64,
    /// Resident bytes before it.
    before: u64,
    /// How much more it was at most, and is when all have left.
    grown: u64,
    kept: u64,
    logged: u64,
}

async fn spell(stage: &Stage, seconds: u64, hostile: usize) -> Spell {
    let target = Target::new(stage, 8).await;
    let mut people = Vec::new();
    for number in 0..10 {
        people.push(stage.person(&format!("honest{number}")).await);
    }
    let crowd = Crowd::come(stage, &people, HONEST_CLIENTS);
    tokio::time::sleep(WARM).await;
    let before = stage.resident_bytes();
    let log_before = stage.log().len() as u64;

    let attempts = Arc::new(AtomicU64::new(0));
    let mut attacks = JoinSet::new();
    for number in 0..hostile {
        let (target, attempts) = (target.clone(), Arc::clone(&attempts));
        let from = attackers(HOSTILE_ADDRESSES)[number % usize::from(HOSTILE_ADDRESSES)];
        let attack = Attack::ALL[number % Attack::ALL.len()];
        attacks.spawn(async move {
            loop {
                attempts.fetch_add(1, Ordering::Relaxed);
                let _ = target.attack(attack, from, number).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let (began, mut grown) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        target.say().await;
        grown = grown.max(stage.resident_bytes().saturating_sub(before));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    attacks.shutdown().await;
    let record = crowd.leave().await;
    let kept = stage.resident_bytes().saturating_sub(before);
    let logged = stage.log().len() as u64 - log_before;
    let attempts = attempts.load(Ordering::Relaxed);
    println!(
        "{seconds} s, {attempts} hostile connections made, {} honest answers: p50 {:?}, p99 {:?}, max {:?}; memory grew by {} MiB, \
         of which {} are left at the end, {logged} bytes were logged",
        record.latency_us.len(),
        record.percentile(50.0),
        record.percentile(99.0),
        record.percentile(100.0),
        grown >> 20,
        kept >> 20,
    );
    assert_eq!(record.failures, Vec::<String>::new());
    Spell { record, attempts, before, grown, kept, logged }
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_clients_are_served_while_every_attack_goes_on() {
    let (seconds, is_full) = form();
    // A part of what honest clients create stays in memory, attack or not: in ten minutes that is much.
    let of_people = if is_full { spell(&Stage::start(SETTINGS, None), seconds, 0).await.kept } else { 0 };
    let stage = Stage::start(SETTINGS, None);
    let attacked = spell(&stage, seconds, HOSTILE_CONNECTIONS).await;

    let (answers, p99) = (attacked.record.latency_us.len(), attacked.record.percentile(99.0));
    assert!(answers > HONEST_CLIENTS as u64, "{answers}");
    assert!(attacked.attempts > HOSTILE_CONNECTIONS as u64, "{}", attacked.attempts);
    // The short form shares two cores with the other attacks of this suite, in a debug build: it only finds clients that hang.
    let p99_max = if is_full { Duration::from_millis(50) } else { Duration::from_secs(5) };
    assert!(p99 < p99_max, "{p99:?}");
    let rest = of_people + REST_BYTES;
    let (grown, most) = (attacked.grown, HOSTILE_CONNECTIONS as u64 * CONNECTION_BYTES + rest);
    assert!(grown <= most, "{} MiB more, and not {} MiB", grown >> 20, most >> 20);
    let logged = attacked.logged;
    assert!(logged <= LOG_BYTES_PER_SECOND * (seconds + 10), "{logged} bytes were logged: {}", stage.log());
    stage.memory_falls_to(attacked.before + rest).await;
    stage.connections_fall_to(0.0, Duration::from_secs(30)).await;
}
