-- In every view file, of any version: the event that stands at the cursor in the log which the view was filled from.
CREATE TABLE IF NOT EXISTS history (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    event BLOB NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;
