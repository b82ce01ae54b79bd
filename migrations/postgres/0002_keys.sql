-- The keys of each subject, wrapped under the master key; null once they have been destroyed. Such a row stays for ever.
CREATE TABLE nova.subject_keys (
    subject uuid PRIMARY KEY,
    wrapped bytea
);

-- Other secrets of the installation, wrapped likewise.
CREATE TABLE nova.secrets (
    name text COLLATE "C" PRIMARY KEY,
    wrapped bytea NOT NULL
);
