-- Posts. `state`: 0 there, 1 deleted (the text is kept for a restore), 2 purged (nothing is kept but that it was).
-- `visibility`: 0 public, 1 followers, 2 private. `media`: for each what it is (1 byte) and its id (16).
CREATE TABLE posts (
    id UUID PRIMARY KEY,
    author UUID NOT NULL,
    visibility SMALLINT NOT NULL,
    media BYTEA NOT NULL,
    text TEXT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    state SMALLINT NOT NULL,
    deleted_at BIGINT,
    v BIGINT NOT NULL,
    -- The words of the text of a post in state 0, as the program splits and folds them; null for any other.
    tsv TSVECTOR
);
CREATE INDEX posts_by_author ON posts (author, created_at, id) INCLUDE (visibility) WHERE state = 0;
CREATE INDEX posts_by_time ON posts (created_at, id) INCLUDE (author, visibility) WHERE state = 0;
CREATE INDEX posts_to_purge ON posts (deleted_at, id) WHERE state = 1;
CREATE INDEX posts_by_word ON posts USING GIN (tsv) WITH (gin_pending_list_limit = 1024) WHERE tsv IS NOT NULL;

-- Posts in state 0, derived as their rows change, in the same transaction.
CREATE TABLE author_counts (
    author UUID PRIMARY KEY,
    posts BIGINT NOT NULL
) WITH (fillfactor = 70);
