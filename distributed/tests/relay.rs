//! The relay against real servers: everything arrives, in order, whoever leads and whatever goes wrong.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "relay/brokers.rs"]
mod brokers;
#[path = "relay/delivery.rs"]
mod delivery;
#[path = "relay/leading.rs"]
mod leading;
#[path = "relay/parking.rs"]
mod parking;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "relay/world.rs"]
mod world;
