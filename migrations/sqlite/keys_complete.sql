-- In the file of the keys, of any version: up to which event of the log every subject is known to have a row in
-- `subjects`, and how many rows it had then.
CREATE TABLE IF NOT EXISTS complete (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    event BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    subjects INTEGER NOT NULL
) STRICT;
