-- Likes are edges from a user to a post or a comment; an edge that is off stays, for its version. `was`: whether it was
-- on before its last change, so that the statement that changes it can say what became of it.
CREATE TABLE likes (
    user_id UUID NOT NULL,
    target UUID NOT NULL,
    author UUID NOT NULL,
    at BIGINT NOT NULL,
    liked BOOLEAN NOT NULL,
    was BOOLEAN NOT NULL,
    v BIGINT NOT NULL,
    PRIMARY KEY (user_id, target)
);

CREATE TABLE comments (
    id UUID PRIMARY KEY,
    post UUID NOT NULL,
    post_author UUID NOT NULL,
    parent UUID,
    author UUID NOT NULL,
    text TEXT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted BOOLEAN NOT NULL,
    v BIGINT NOT NULL
);
CREATE INDEX comments_by_post ON comments (post, created_at, id) WHERE NOT deleted;
CREATE INDEX comments_by_author ON comments (author, created_at) WHERE NOT deleted;

-- Derived from the two tables above as their rows change, in the same transaction. `target` is a post or a comment;
-- `n` grows with every change of the row.
CREATE TABLE counts (
    target UUID PRIMARY KEY,
    likes BIGINT NOT NULL,
    comments BIGINT NOT NULL,
    n BIGINT NOT NULL
) WITH (fillfactor = 70);
