-- `entity`: 0 user, 1 post, 2 comment, 3 message. A deletion is known by its version.
CREATE TABLE deletions (
    v INTEGER PRIMARY KEY,
    entity INTEGER NOT NULL,
    id BLOB NOT NULL,
    owner BLOB NOT NULL,
    deleted_at INTEGER NOT NULL,
    deleted_by BLOB,
    reason TEXT,
    correlation BLOB NOT NULL,
    causation BLOB,
    restored_at INTEGER
) STRICT;
CREATE INDEX deletions_by_thing ON deletions (entity, id, v);
CREATE INDEX deletions_by_time ON deletions (deleted_at, v);
CREATE INDEX deletions_by_deleter ON deletions (deleted_by, deleted_at, v);
