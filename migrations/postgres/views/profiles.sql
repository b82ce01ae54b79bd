-- People.
CREATE TABLE users (
    id UUID PRIMARY KEY,
    handle TEXT COLLATE "C" NOT NULL,
    display_name TEXT NOT NULL,
    bio TEXT,
    created_at BIGINT,
    active BOOLEAN NOT NULL,
    v BIGINT NOT NULL
);
-- Not unique: between the change that gives a handle up and the one that takes it, in whichever order they come, two
-- people may have it.
CREATE INDEX users_by_handle ON users (handle, v) WHERE handle <> '';
