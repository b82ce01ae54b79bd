-- The tables of a generation of `profiles`; {g} is its number. No names, no handles: only who is there.

CREATE TABLE IF NOT EXISTS users_g{g} (
    user_id UUID,
    active UInt8,
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY user_id
SETTINGS index_granularity = 64, min_age_to_force_merge_seconds = 120;

-- view: users
CREATE OR REPLACE VIEW users AS SELECT user_id, active FROM users_g{g} FINAL;
