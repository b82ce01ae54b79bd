//! The distributed profile as it is deployed: every role in processes of its own, on real servers. Processes and servers are
//! killed, stopped and started while people use the product, and afterwards
//!
//! * nothing that was acknowledged is missing, nothing is there twice, nothing is there in part;
//! * Kafka has each stream in order and complete, whatever is repeated;
//! * every view of every store answers as a replay of the log does.
//!
//! The tests run one at a time. `NOVA_CHAOS_SECONDS` makes the faults last longer, `NOVA_CHAOS_SEED` repeats a run's choices
//! (not its timing), `NOVA_CHAOS_SPELLS` says how often PostgreSQL is read-only for a while, `NOVA_CHAOS_SERVERS` names a
//! folder of `deploy/local/servers` whose servers may be killed; without it the tests that kill servers start their own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod bad_starts;
mod check;
#[expect(dead_code, reason = "shared with the stories of the embedded profile, which use all of it")]
#[path = "../it/client.rs"]
mod client;
mod cluster;
mod degraded;
mod dice;
mod events_kill;
mod faults;
mod gauges;
mod hangs_kill;
mod histories_kill;
mod kafka;
mod kill;
mod kit_kill;
mod ledger;
mod live;
mod live_kill;
mod live_stage;
mod load;
mod log;
mod losses;
#[path = "../it/media/bucket.rs"]
mod media_bucket;
#[expect(dead_code, reason = "shared with the stories of the embedded profile, which use all of it")]
#[path = "../it/media/bytes.rs"]
mod media_bytes;
mod media_kill;
#[path = "../it/race.rs"]
mod messages_race;
mod missing_topics;
mod model;
mod poison;
mod process;
mod race;
mod read_only;
mod servers;
#[expect(dead_code, reason = "shared with the stories of the embedded profile, which use all of it")]
#[path = "../it/socket.rs"]
mod socket;
mod storms;
mod tokens;
mod topics;
mod views;
