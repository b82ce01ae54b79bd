-- The tables of a generation of `graph`; {g} is its number.

CREATE TABLE IF NOT EXISTS follows_g{g} (
    follower UUID,
    followee UUID,
    at DateTime64(3, 'UTC'),
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (follower, followee)
SETTINGS index_granularity = 512, min_age_to_force_merge_seconds = 120;

-- Each block twice, so that both sides of it are found by their id.
CREATE TABLE IF NOT EXISTS blocks_g{g} (
    user_id UUID,
    other_id UUID,
    side Enum8('blocks' = 1, 'blocked_by' = 2),
    at DateTime64(3, 'UTC'),
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (user_id, other_id, side)
SETTINGS index_granularity = 512, min_age_to_force_merge_seconds = 120;

-- view: follows
CREATE OR REPLACE VIEW follows AS SELECT follower, followee, at FROM follows_g{g} FINAL;
