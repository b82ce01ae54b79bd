-- People. `v` is the version of the last change, here and in every other view; ids are the 16 bytes of a UUID, times
-- milliseconds since the Unix epoch.
CREATE TABLE users (
    id BLOB PRIMARY KEY,
    handle TEXT NOT NULL,
    display_name TEXT NOT NULL,
    bio TEXT,
    created_at INTEGER,
    active INTEGER NOT NULL,
    v INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Not unique: between the change that gives a handle up and the one that takes it, in whichever order they come, two
-- people may have it.
CREATE INDEX users_by_handle ON users (handle, v) WHERE handle <> '';
