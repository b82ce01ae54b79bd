-- Who follows whom; an edge that is off stays, for its version. `was`: whether it was on before its last change.
CREATE TABLE follows (
    follower UUID NOT NULL,
    followee UUID NOT NULL,
    at BIGINT NOT NULL,
    edge BOOLEAN NOT NULL,
    was BOOLEAN NOT NULL,
    v BIGINT NOT NULL,
    PRIMARY KEY (follower, followee)
);
CREATE INDEX follows_by_time ON follows (follower, at, followee) WHERE edge;
CREATE INDEX follows_by_followee ON follows (followee, at, follower) WHERE edge;
-- The edges that are on, from the other end.
CREATE VIEW followers AS SELECT followee, at, follower FROM follows WHERE edge;

CREATE TABLE blocks (
    blocker UUID NOT NULL,
    blocked UUID NOT NULL,
    at BIGINT NOT NULL,
    edge BOOLEAN NOT NULL,
    was BOOLEAN NOT NULL,
    v BIGINT NOT NULL,
    PRIMARY KEY (blocker, blocked)
);
CREATE INDEX blocks_by_time ON blocks (blocker, at, blocked) WHERE edge;
CREATE INDEX blocks_by_blocked ON blocks (blocked, blocker) WHERE edge;

-- Whom someone does not want to be suggested.
CREATE TABLE dismissals (
    dismisser UUID NOT NULL,
    dismissed UUID NOT NULL,
    at BIGINT NOT NULL,
    edge BOOLEAN NOT NULL,
    was BOOLEAN NOT NULL,
    v BIGINT NOT NULL,
    PRIMARY KEY (dismisser, dismissed)
);

-- Derived from `follows` as its edges go on and off, in the same transaction.
CREATE TABLE counts (
    user_id UUID PRIMARY KEY,
    followers BIGINT NOT NULL,
    following BIGINT NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX counts_by_followers ON counts (followers DESC, user_id) WHERE followers > 0;
