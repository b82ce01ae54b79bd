//! Limits of a group's member, and the settings of its client that follow from them.

use rdkafka::ClientConfig;

use crate::kafka::KafkaOptions;

/// How the members of a group share the partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The broker shares them out (KIP-848). Needs brokers of version 4.
    #[default]
    Consumer,
    /// One of the members shares them out, cooperatively. For brokers of version 3.
    Classic,
}

/// What a member of a group is to do, and how much of this process it may take.
#[derive(Debug, Clone)]
pub struct GroupOptions {
    pub group_id: String,
    /// Whose topics to follow.
    pub categories: Vec<&'static str>,
    pub protocol: GroupProtocol,
    /// Records of one partition that may wait for its follower. More than the follower takes at once, so that it always
    /// finds some.
    pub shard_events_max: usize,
    /// Bytes of one partition that may wait for its follower. One record more than fits may wait.
    pub shard_bytes_max: usize,
    /// Bytes that the client may hold beside these, for all partitions together: what it has fetched ahead.
    pub fetch_bytes_max: usize,
    /// How long a partition that is taken away is held until what is under way has been saved. Others wait for it.
    pub revoke_wait_ms: u64,
    /// How long a broker may take to say where a partition begins and ends.
    pub probe_timeout_ms: u64,
    /// A member that does not run for this long is replaced by the others.
    pub poll_interval_ms_max: u64,
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            categories: Vec::new(),
            protocol: GroupProtocol::default(),
            shard_events_max: 4_096,
            shard_bytes_max: 4 << 20,
            fetch_bytes_max: 16 << 20,
            revoke_wait_ms: 2_000,
            probe_timeout_ms: 5_000,
            poll_interval_ms_max: 60_000,
        }
    }
}

impl GroupOptions {
    /// Kafka's record of how far the group is stays empty, and where to begin is always said: a partition that cannot
    /// be read from there is an error, never read from elsewhere.
    pub(super) fn consumer(&self, kafka: &KafkaOptions) -> ClientConfig {
        let kib = (self.fetch_bytes_max / 1_024).max(1).to_string();
        let bytes = self.fetch_bytes_max.max(1 << 20).to_string();
        let mut config = kafka.client(
            "feed",
            &[
                ("queued.max.messages.kbytes", &kib),
                ("fetch.max.bytes", &bytes),
                // The default of a second would be added to the delay whenever a queue has been full.
                ("fetch.queue.backoff.ms", "10"),
                ("check.crcs", "true"),
                ("topic.metadata.refresh.interval.ms", "60000"),
            ],
            &[
                ("group.id", &self.group_id),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "error"),
                ("max.poll.interval.ms", &self.poll_interval_ms_max.to_string()),
            ],
        );
        match self.protocol {
            GroupProtocol::Consumer => config.set("group.protocol", "consumer"),
            GroupProtocol::Classic => config
                .set("group.protocol", "classic")
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("heartbeat.interval.ms", "1000")
                .set("session.timeout.ms", "10000"),
        };
        config
    }

    /// Of no group, only to ask.
    pub(super) fn prober(&self, kafka: &KafkaOptions) -> ClientConfig {
        kafka.client("feed-probe", &[], &[])
    }
}
