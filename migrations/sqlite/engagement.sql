-- Likes are edges from a user to a post or a comment; an edge that is off stays, for its version.
CREATE TABLE likes (
    user BLOB NOT NULL,
    target BLOB NOT NULL,
    author BLOB NOT NULL,
    at INTEGER NOT NULL,
    liked INTEGER NOT NULL,
    v INTEGER NOT NULL,
    PRIMARY KEY (user, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE comments (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    post BLOB NOT NULL,
    post_author BLOB NOT NULL,
    parent BLOB,
    author BLOB NOT NULL,
    text TEXT,
    created_at INTEGER NOT NULL,
    edited_at INTEGER,
    deleted INTEGER NOT NULL,
    v INTEGER NOT NULL
) STRICT;
CREATE INDEX comments_by_post ON comments (post, created_at, id) WHERE deleted = 0;
CREATE INDEX comments_by_author ON comments (author, created_at) WHERE deleted = 0;

-- Derived from the two tables above as their rows change, in the same transaction. `target` is a post or a comment;
-- `n` grows with every change of the row.
CREATE TABLE counts (
    target BLOB PRIMARY KEY,
    likes INTEGER NOT NULL,
    comments INTEGER NOT NULL,
    n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
