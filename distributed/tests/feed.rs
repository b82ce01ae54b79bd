//! The feed on a real Kafka. What the relay does is done here by hand, so that each test decides what stands where; the
//! log is the embedded one, which is the same port.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "feed/following.rs"]
mod following;
#[path = "feed/histories.rs"]
mod histories;
#[path = "feed/members.rs"]
mod members;
#[path = "feed/mishaps.rs"]
mod mishaps;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "feed/program.rs"]
mod program;
#[path = "feed/world.rs"]
mod world;
