-- The tables of a generation of `posts`; {g} is its number. No texts. ver is the position of the event in the log, so what
-- comes late or twice changes nothing; tombstones (is_deleted) stay for that reason: never OPTIMIZE ... CLEANUP.
-- Not partitioned: a key is in one part of the table whatever its time, and a rebuild over years makes few parts.

-- By author, for feeds.
CREATE TABLE IF NOT EXISTS posts_g{g} (
    author_id UUID,
    created_at DateTime64(3, 'UTC'),
    post_id UUID,
    visibility Enum8('public' = 0, 'followers' = 1, 'private' = 2),
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (author_id, created_at, post_id)
SETTINGS index_granularity = 128, min_age_to_force_merge_seconds = 120;

-- By time, for what trends: its last two days are read without the rest.
CREATE TABLE IF NOT EXISTS posts_by_time_g{g} (
    created_at DateTime64(3, 'UTC'),
    post_id UUID,
    author_id UUID,
    visibility Enum8('public' = 0, 'followers' = 1, 'private' = 2),
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (created_at, post_id)
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 120;

-- By id, for deletions, which do not say who wrote a post and when.
CREATE TABLE IF NOT EXISTS post_keys_g{g} (
    post_id UUID,
    author_id UUID,
    created_at DateTime64(3, 'UTC'),
    visibility Enum8('public' = 0, 'followers' = 1, 'private' = 2),
    state Enum8('there' = 0, 'deleted' = 1, 'purged' = 2),
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY post_id
SETTINGS index_granularity = 256, min_age_to_force_merge_seconds = 120;

-- view: posts
CREATE OR REPLACE VIEW posts AS
SELECT post_id, author_id, created_at, visibility FROM posts_g{g} FINAL;
