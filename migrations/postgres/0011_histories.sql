-- Where each session of a relay began to publish. Every record names its session, so that readers know what was published of a
-- history that this database lost when it was restored or failed over.
CREATE TABLE nova.outbox_sessions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- A random number, which no other history has.
    session bigint NOT NULL UNIQUE,
    -- The position behind which it begins.
    begins_at bigint NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The session that began last: no other one moves the cursor.
ALTER TABLE nova.outbox ADD COLUMN session bigint;
