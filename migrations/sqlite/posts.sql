-- Posts. `state`: 0 there, 1 deleted (the text is kept for a restore), 2 purged (nothing is kept but that it was).
-- `visibility`: 0 public, 1 followers, 2 private. `media`: for each what it is (1 byte) and its id (16).
CREATE TABLE posts (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    author BLOB NOT NULL,
    visibility INTEGER NOT NULL,
    media BLOB NOT NULL,
    text TEXT,
    created_at INTEGER NOT NULL,
    edited_at INTEGER,
    state INTEGER NOT NULL,
    deleted_at INTEGER,
    v INTEGER NOT NULL
) STRICT;
CREATE INDEX posts_by_author ON posts (author, created_at, id) WHERE state = 0;
-- All that is held in memory of recent posts, so that loading it reads nothing else.
CREATE INDEX posts_by_time ON posts (created_at, id, author, visibility) WHERE state = 0;
CREATE INDEX posts_to_purge ON posts (deleted_at, id) WHERE state = 1;

-- Posts in state 0.
CREATE TABLE author_counts (
    author BLOB PRIMARY KEY,
    posts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Posts in state 0, by `posts.n`. Keeps no copy of the text; what leaves it is overwritten.
CREATE VIRTUAL TABLE posts_fts USING fts5 (text, content = '', tokenize = 'ascii');
INSERT INTO posts_fts (posts_fts, rank) VALUES ('secure-delete', 1);
