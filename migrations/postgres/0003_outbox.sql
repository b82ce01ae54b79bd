-- The outbox is the tail of nova.events behind the relay's cursor. One relay at a time leads: it holds the lease and
-- the epoch, and every change here is made under that epoch, so that a relay that slept through its lease changes nothing.
CREATE TABLE nova.outbox (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Every event up to here is in Kafka, or parked.
    position bigint NOT NULL DEFAULT 0,
    -- One more with every change of the leader.
    epoch bigint NOT NULL DEFAULT 0,
    -- host:process:random; empty when no relay leads.
    owner text COLLATE "C" NOT NULL DEFAULT '',
    lease_until timestamptz NOT NULL DEFAULT 'epoch'
);
INSERT INTO nova.outbox DEFAULT VALUES;

-- Events that Kafka does not take, and all later ones of their streams. The events themselves stay in the log.
CREATE TABLE nova.outbox_parked (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    error text NOT NULL,
    -- How often Kafka was asked to take this one; 0 when it only waits for an earlier one of its stream.
    attempts integer NOT NULL,
    -- Of the first of a stream; null when it is tried again on request only.
    next_attempt_at timestamptz,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    redrive_requested boolean NOT NULL DEFAULT false
);
CREATE INDEX outbox_parked_stream ON nova.outbox_parked (stream, position);
CREATE INDEX outbox_parked_due ON nova.outbox_parked (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX outbox_parked_requested ON nova.outbox_parked (position) WHERE redrive_requested;

-- Which topics the log goes to. Streams would come out of order, and readers would miss the past, if these changed.
CREATE TABLE nova.topics (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    prefix text COLLATE "C" NOT NULL,
    partitions integer NOT NULL
);
