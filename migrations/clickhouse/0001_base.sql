-- What says where the views are. Every statement may be run again: a store that has lost a table gets it back.

CREATE TABLE IF NOT EXISTS schema_migrations (
    version UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree ORDER BY version;

-- Which tables of a projection readers see (`live`: posts_g3 is of generation 3), and which a rebuild fills (`next`, 0 when
-- none does). Inserting a row is the switch. A row that is missing, or whose tables are, means that the data is lost: the
-- projection is then filled again from the log.
CREATE TABLE IF NOT EXISTS generations (
    projection_name LowCardinality(String),
    live UInt64,
    next UInt64,
    rebuilds UInt64,
    change UInt64
) ENGINE = ReplacingMergeTree(change) ORDER BY projection_name;

-- How far a projection is in a shard; written after the rows up to there. The highest position counts, so it never goes
-- back. partition_offset: where the Kafka partition goes on, -1 when not known. event, recorded_at: the id of the event at the
-- position, and when it was recorded (Unix, ms), by which the log is compared with the one that the views are of; zero when not known. Where a shard's name begins with `rows:` the
-- position is the number of keys that a table had, with `refill:` that of the shard in the generation before.
CREATE TABLE IF NOT EXISTS cursors (
    projection_name LowCardinality(String),
    generation UInt64,
    shard LowCardinality(String),
    position UInt64,
    partition_offset Int64,
    event UUID,
    recorded_at UInt64
) ENGINE = ReplacingMergeTree(position) ORDER BY (projection_name, generation, shard)
SETTINGS index_granularity = 256;
ALTER TABLE cursors ADD COLUMN IF NOT EXISTS event UUID, ADD COLUMN IF NOT EXISTS recorded_at UInt64;

-- Events that could not be projected; one that is taken off stays as a tombstone. ver: the server's clock.
CREATE TABLE IF NOT EXISTS dead_letters (
    projection_name LowCardinality(String),
    generation UInt64,
    position UInt64,
    stream String,
    kind String,
    error String,
    parked_at DateTime64(3, 'UTC'),
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (projection_name, generation, position);
