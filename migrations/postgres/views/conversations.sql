-- `kind`: 0 direct, 1 group.
CREATE TABLE conversations (
    id UUID PRIMARY KEY,
    kind SMALLINT NOT NULL,
    title TEXT,
    created_at BIGINT NOT NULL,
    v BIGINT NOT NULL
);

-- `role`: 0 member, 1 admin, null: not a member any more.
CREATE TABLE members (
    user_id UUID NOT NULL,
    conversation UUID NOT NULL,
    role SMALLINT,
    joined_at BIGINT NOT NULL,
    v BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation)
);
CREATE INDEX members_by_conversation ON members (conversation, user_id);

-- Apart from `conversations`, because messages may come before the conversation does.
CREATE TABLE activity (
    conversation UUID PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    last_at BIGINT
) WITH (fillfactor = 70);

-- `type`: 0 text, 1 encrypted, 2 audio, 3 image, 4 video.
CREATE TABLE messages (
    id UUID PRIMARY KEY,
    conversation UUID NOT NULL,
    seq BIGINT NOT NULL,
    sender UUID NOT NULL,
    type SMALLINT NOT NULL,
    text TEXT,
    encrypted TEXT,
    nonce TEXT,
    reply_to UUID,
    media UUID,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted BOOLEAN NOT NULL,
    v BIGINT NOT NULL,
    -- The words of a clear text that is there, never of encrypted content, and the conversation as a word of its own
    -- ('#' and the id without hyphens, which no text can hold), so that a search within a conversation reads only what
    -- is in it. Null without a clear text.
    tsv TSVECTOR
);
-- Counts the unread ones without touching their bodies.
CREATE UNIQUE INDEX messages_by_seq ON messages (conversation, seq) INCLUDE (sender, deleted);
CREATE INDEX messages_by_word ON messages USING GIN (tsv) WITH (gin_pending_list_limit = 1024)
    WHERE tsv IS NOT NULL;

CREATE TABLE reads (
    conversation UUID NOT NULL,
    user_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (conversation, user_id)
) WITH (fillfactor = 70);

-- The furthest of each member's devices.
CREATE TABLE delivered (
    conversation UUID NOT NULL,
    user_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (conversation, user_id)
) WITH (fillfactor = 70);
