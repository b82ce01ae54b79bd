-- `entity`: 0 user, 1 post, 2 comment, 3 message. A deletion is known by its version.
CREATE TABLE deletions (
    v BIGINT PRIMARY KEY,
    entity SMALLINT NOT NULL,
    id UUID NOT NULL,
    owner UUID NOT NULL,
    deleted_at BIGINT NOT NULL,
    deleted_by UUID,
    reason TEXT,
    correlation UUID NOT NULL,
    causation UUID,
    restored_at BIGINT
);
CREATE INDEX deletions_by_thing ON deletions (entity, id, v);
CREATE INDEX deletions_by_time ON deletions (deleted_at, v);
CREATE INDEX deletions_by_deleter ON deletions (deleted_by, deleted_at, v);
