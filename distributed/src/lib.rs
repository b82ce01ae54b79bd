//! The distributed profile: the log in PostgreSQL, its relay to Kafka, views in ClickHouse, Redis and PostgreSQL. Each
//! part is used through the ports of the rooms it serves; nothing outside of here knows that these servers exist.
//!
//! Reading order: [`topics`] (what stands in Kafka), [`shard`] (how the views' stores share the work).

pub mod topics;

pub mod shard;

pub mod views;
