//! The distributed profile: the log in PostgreSQL, its relay to Kafka, views in ClickHouse, Redis and PostgreSQL. Each
//! part is used through the ports of the rooms it serves; nothing outside of here knows that these servers exist.
//!
//! Reading order: [`postgres`] (connections, schema), [`log`] and [`keys`] (what lives there and nowhere else),
//! [`topics`] (what stands in Kafka), [`kafka`] and [`relay`] (how it gets there), [`feed`] (how it comes from there),
//! [`client_events`] (what goes there without the log), [`live`] (what is told at once), [`shard`] (how the views' stores share the work), [`stalls`] (which of it stands still), [`views`] (the stores, and the answers).

pub mod postgres;

pub mod log;

pub mod keys;

pub mod topics;

pub mod health;

pub mod kafka;
pub mod relay;

pub mod feed;

pub mod client_events;

pub mod live;

pub mod shard;

pub mod stalls;

pub mod views;
