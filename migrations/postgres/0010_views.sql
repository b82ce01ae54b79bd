-- What is known of the views that are kept here. Their own tables are in a schema for each projection, `v_posts` and so
-- on, made from `views/*.sql` by whoever finds them missing; `v_posts_next` is what a rebuild fills.
CREATE SCHEMA IF NOT EXISTS nova;

-- Every filling of a view has a number of its own, never used again: one that is begun, begun anew, or filled again
-- because its tables were lost.
CREATE TABLE nova.view_generations (
    projection TEXT COLLATE "C" PRIMARY KEY,
    -- Counts the rebuilds.
    generation BIGINT NOT NULL,
    live_number BIGINT NOT NULL,
    -- Null: no rebuild is going on.
    next_number BIGINT,
    last_number BIGINT NOT NULL
);

-- How far each filling is in each shard. `kafka_offset`: everything before it is at or below `position`.
CREATE TABLE nova.view_cursors (
    projection TEXT COLLATE "C" NOT NULL,
    generation_number BIGINT NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    kafka_offset BIGINT,
    PRIMARY KEY (projection, generation_number, shard)
) WITH (fillfactor = 50);

-- Events that wait for an operator.
CREATE TABLE nova.view_dead_letters (
    projection TEXT COLLATE "C" NOT NULL,
    generation_number BIGINT NOT NULL,
    position BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    error TEXT NOT NULL,
    parked_at BIGINT NOT NULL,
    PRIMARY KEY (projection, generation_number, position)
);
CREATE INDEX view_dead_letters_by_stream ON nova.view_dead_letters (projection, generation_number, stream);
