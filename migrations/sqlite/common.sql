-- In every view file: how far it is, and the events that wait for an operator.
CREATE TABLE progress (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cursor INTEGER NOT NULL
) STRICT;
INSERT INTO progress (one, cursor) VALUES (1, 0);

CREATE TABLE dead_letters (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    kind TEXT NOT NULL,
    error TEXT NOT NULL,
    parked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_stream ON dead_letters (stream, position);
