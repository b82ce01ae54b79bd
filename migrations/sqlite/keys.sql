-- The keys of each subject, wrapped under the master key; null once they have been destroyed.
CREATE TABLE subjects (
    id BLOB PRIMARY KEY,
    wrapped BLOB
) STRICT, WITHOUT ROWID;

-- Other secrets of the installation, wrapped likewise.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;
