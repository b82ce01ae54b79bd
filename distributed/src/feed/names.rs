//! The metrics of the feed.

/// Partitions that this member holds, by group.
pub(super) const ASSIGNED: &str = "kafka_group_assigned_partitions";
/// Partitions given and taken, by group: each time counts once, however many partitions.
pub(super) const REBALANCES: &str = "kafka_group_rebalances_total";
/// Partitions that wait for their follower, by group.
pub(super) const PAUSED: &str = "kafka_shard_paused";
/// What waits for followers, by group.
pub(super) const QUEUED_BYTES: &str = "kafka_group_queued_bytes";
/// Clients that did not fetch what they could, and were replaced, by group.
pub(super) const STUCK: &str = "kafka_clients_stuck_total";
/// Records that no relay wrote, by category.
pub(super) const FOREIGN: &str = "kafka_foreign_records_total";
