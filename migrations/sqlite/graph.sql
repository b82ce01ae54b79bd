-- Who follows whom; an edge that is off stays, for its version.
CREATE TABLE follows (
    follower BLOB NOT NULL,
    followee BLOB NOT NULL,
    at INTEGER NOT NULL,
    edge INTEGER NOT NULL,
    v INTEGER NOT NULL,
    PRIMARY KEY (follower, followee)
) STRICT, WITHOUT ROWID;
-- The edges that are on, from the other end. A table rather than an index, so that a large step can fill each in its
-- own order.
CREATE TABLE followers (
    followee BLOB NOT NULL,
    at INTEGER NOT NULL,
    follower BLOB NOT NULL,
    PRIMARY KEY (followee, at, follower)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    blocker BLOB NOT NULL,
    blocked BLOB NOT NULL,
    at INTEGER NOT NULL,
    edge INTEGER NOT NULL,
    v INTEGER NOT NULL,
    PRIMARY KEY (blocker, blocked)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_blocked ON blocks (blocked, blocker) WHERE edge = 1;

-- Whom someone does not want to be suggested.
CREATE TABLE dismissals (
    dismisser BLOB NOT NULL,
    dismissed BLOB NOT NULL,
    at INTEGER NOT NULL,
    edge INTEGER NOT NULL,
    v INTEGER NOT NULL,
    PRIMARY KEY (dismisser, dismissed)
) STRICT, WITHOUT ROWID;

-- Derived from `follows` as its edges go on and off, in the same transaction.
CREATE TABLE counts (
    user BLOB PRIMARY KEY,
    followers INTEGER NOT NULL,
    following INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX counts_by_followers ON counts (followers DESC, user) WHERE followers > 0;
