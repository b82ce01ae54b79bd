//! What everything that speaks to Kafka shares: where it is, how its clients are made, and the topics themselves.
//!
//! * A setting given by the operator holds for every client, except those on which the order or the safety of records
//!   depends: those are set last.
//! * The topics' number of partitions is fixed when they are created. A topic with another number is an error, never
//!   adapted to: streams would come out of order.
//! * Errors are one line: which brokers, what is wrong, what to do. They never hold a setting's value.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::topics::Topics;

mod admin;
mod context;
mod features;
mod retire;

pub use admin::{check_topics, ensure_topics};
pub(crate) use admin::{missing_topic, missing_topics};
pub use context::KafkaContext;
pub use features::check_settings;
pub use retire::names;
pub(crate) use retire::{replaced, retire};

/// Where Kafka is, and what belongs to Nova there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaOptions {
    /// `host:port`, several with commas between them. Some are enough: the others are learned from those.
    pub brokers: String,
    pub topics: Topics,
    /// Copies of each partition, for topics that are created; at least 1. With 3, a write needs 2 of them.
    pub replication: i32,
    /// For how long Kafka keeps records, in milliseconds, for topics that are created. It does not have to be long: the
    /// views read what is older from the log.
    pub retention_ms: u64,
    /// Further settings of librdkafka for every client, such as `security.protocol`.
    pub settings: BTreeMap<String, String>,
}

impl KafkaOptions {
    pub const RETENTION_MS: u64 = 7 * 24 * 3_600_000;

    /// One copy of each partition, seven days of records, no further settings.
    pub fn new(brokers: impl Into<String>, topics: Topics) -> Self {
        Self {
            brokers: brokers.into(),
            topics,
            replication: 1,
            retention_ms: Self::RETENTION_MS,
            settings: BTreeMap::new(),
        }
    }

    /// The settings of a client. `defaults` may be changed by the operator, `fixed` may not.
    pub fn client(&self, role: &str, defaults: &[(&str, &str)], fixed: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("nova-{role}"))
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("log.connection.close", "false");
        for (key, value) in defaults {
            config.set(*key, *value);
        }
        for (key, value) in &self.settings {
            config.set(key, value);
        }
        for (key, value) in fixed {
            config.set(*key, *value);
        }
        config.set_log_level(RDKafkaLogLevel::Info);
        config
    }
}

/// Errors that a record gets for what it is: another one would be taken.
pub(crate) fn about_the_record(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::InvalidRecord | Code::InvalidTimestamp
    )
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum KafkaSetupError {
    #[error(
        "the Kafka brokers {brokers} cannot be reached: {problem}; check kafka.brokers and that they run"
    )]
    Unreachable { brokers: String, problem: String },
    #[error(
        "the Kafka brokers {brokers} refuse who we are: {problem}; check the user, the password and security.protocol in kafka.settings"
    )]
    Authentication { brokers: String, problem: String },
    #[error("kafka.settings: {key}: {problem}")]
    Setting { key: String, problem: String },
    #[error(
        "kafka.settings: {key} needs {lacks}, which this build of Nova does not have: use another value, such as plaintext on a private network"
    )]
    NotInBuild { key: &'static str, lacks: &'static str },
    #[error("the topic {topic} is missing in Kafka at {brokers}: run `nova migrate`")]
    Missing { topic: String, brokers: String },
    #[error(
        "the topic {topic} has {actual} partitions but kafka.partitions is {configured}; the number cannot change: set it back to {actual}, or use another kafka.prefix"
    )]
    Partitions { topic: String, actual: usize, configured: i32 },
    #[error("cannot create the topic {topic}: {problem}")]
    Create { topic: String, problem: String },
    #[error(
        "kafka.partitions and kafka.replication have to be at least 1 (they are {partitions} and {replication})"
    )]
    Counts { partitions: i32, replication: i32 },
    #[error("Kafka at {brokers}: {problem}")]
    Other { brokers: String, problem: String },
}

impl KafkaSetupError {
    /// Why a client could not be made.
    pub(crate) fn of_client(options: &KafkaOptions, error: &KafkaError) -> Self {
        admin::setup_error(options, error, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_settings_hold_except_for_fixed_ones() {
        let topics = Topics { prefix: "nova".to_owned(), partitions: 4 };
        let mut options = KafkaOptions::new("one:9092", topics);
        for key in ["linger.ms", "acks", "socket.keepalive.enable"] {
            options.settings.insert(key.to_owned(), "7".to_owned());
        }
        let config = options.client("relay", &[("linger.ms", "1"), ("batch.size", "9")], &[("acks", "all")]);
        assert_eq!(config.get("bootstrap.servers"), Some("one:9092"));
        assert_eq!(config.get("linger.ms"), Some("7"));
        assert_eq!(config.get("socket.keepalive.enable"), Some("7"));
        assert_eq!(config.get("batch.size"), Some("9"));
        assert_eq!(config.get("acks"), Some("all"));
    }
}
