-- In every view: which filling it is (`nova.view_generations`). Tables that are not there, or are those of another
-- filling, are noticed by it. Times are milliseconds since the Unix epoch, `v` is the version of the last change.
CREATE TABLE marker (
    one BOOLEAN PRIMARY KEY CHECK (one),
    generation_number BIGINT NOT NULL,
    schema_version INTEGER NOT NULL
);
