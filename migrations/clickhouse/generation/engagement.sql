-- The tables of a generation of `engagement`; {g} is its number. Edges, not increments: whatever is counted is counted from
-- them, so redelivery cannot count twice.

-- Likes of posts and comments, by post. item_id: the comment; nil for a like.
CREATE TABLE IF NOT EXISTS engagement_g{g} (
    post_id UUID,
    kind Enum8('like' = 1, 'comment' = 2),
    user_id UUID,
    item_id UUID,
    at DateTime64(3, 'UTC'),
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (post_id, kind, user_id, item_id)
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 120;

-- How many there are, counted again whenever an edge of the post has changed. ver: the server's clock when the count began.
CREATE TABLE IF NOT EXISTS post_counters_g{g} (
    post_id UUID,
    likes UInt64,
    comments UInt64,
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY post_id
SETTINGS index_granularity = 64, min_age_to_force_merge_seconds = 120;

-- Who did something with what whom wrote: likes of posts and of comments, and comments.
CREATE TABLE IF NOT EXISTS interactions_g{g} (
    user_id UUID,
    author_id UUID,
    kind Enum8('like' = 1, 'comment' = 2, 'comment_like' = 3),
    item_id UUID,
    at DateTime64(3, 'UTC'),
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (user_id, author_id, kind, item_id)
SETTINGS index_granularity = 512, min_age_to_force_merge_seconds = 120;

-- By id, for deletions, which do not say what a comment was on.
CREATE TABLE IF NOT EXISTS comment_keys_g{g} (
    comment_id UUID,
    post_id UUID,
    post_author UUID,
    author_id UUID,
    created_at DateTime64(3, 'UTC'),
    deleted UInt8,
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY comment_id
SETTINGS index_granularity = 256, min_age_to_force_merge_seconds = 120;

-- view: engagement
CREATE OR REPLACE VIEW engagement AS
SELECT post_id, kind, user_id, item_id, at FROM engagement_g{g} FINAL;

-- view: post_counters
CREATE OR REPLACE VIEW post_counters AS
SELECT post_id, likes, comments FROM post_counters_g{g} FINAL;
