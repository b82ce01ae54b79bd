-- `kind`: 0 direct, 1 group.
CREATE TABLE conversations (
    id BLOB PRIMARY KEY,
    kind INTEGER NOT NULL,
    title TEXT,
    created_at INTEGER NOT NULL,
    v INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `role`: 0 member, 1 admin, null: not a member any more.
CREATE TABLE members (
    user BLOB NOT NULL,
    conversation BLOB NOT NULL,
    role INTEGER,
    joined_at INTEGER NOT NULL,
    v INTEGER NOT NULL,
    PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_conversation ON members (conversation, user);

-- Apart from `conversations`, because messages may come before the conversation does.
CREATE TABLE activity (
    conversation BLOB PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    last_at INTEGER
) STRICT, WITHOUT ROWID;

-- `type`: 0 text, 1 encrypted, 2 audio, 3 image, 4 video.
CREATE TABLE messages (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    conversation BLOB NOT NULL,
    seq INTEGER NOT NULL,
    sender BLOB NOT NULL,
    type INTEGER NOT NULL,
    text TEXT,
    encrypted TEXT,
    nonce TEXT,
    reply_to BLOB,
    media BLOB,
    created_at INTEGER NOT NULL,
    edited_at INTEGER,
    deleted INTEGER NOT NULL,
    v INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_by_seq ON messages (conversation, seq);
-- Counts the unread ones without touching their bodies.
CREATE INDEX messages_there ON messages (conversation, seq, sender) WHERE deleted = 0;

CREATE TABLE reads (
    conversation BLOB NOT NULL,
    user BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;

-- The furthest of each member's devices.
CREATE TABLE delivered (
    conversation BLOB NOT NULL,
    user BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;

-- Clear texts of messages that are there, by `messages.n`; never encrypted content. The conversation's id is a word of
-- its own, so that a search within a conversation reads only what is in it.
CREATE VIRTUAL TABLE messages_fts USING fts5 (
    text, conversation, content = '', tokenize = 'ascii'
);
INSERT INTO messages_fts (messages_fts, rank) VALUES ('secure-delete', 1);
