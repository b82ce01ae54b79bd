//! Conversations, their members, messages, delivered and read marks, and the search index over clear texts.

use nova_events::conversation::{ConversationKind, Role};
use nova_events::message::{Body, MessageType};
use nova_views::words::indexed;
use nova_views::{Change, What};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{Touched, blob, int};

pub(super) fn apply(db: &Connection, changes: &[Change], _touched: &mut Touched) -> rusqlite::Result<()> {
    let mut conversations = Conversations::prepare(db)?;
    let mut messages = Messages::prepare(db)?;
    let mut read = db.prepare_cached(
        "INSERT INTO reads (conversation, user, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
    )?;
    let mut delivered = db.prepare_cached(
        "INSERT INTO delivered (conversation, user, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
    )?;
    // By conversation, so that a large step goes through the tables in order.
    let mut ordered: Vec<(Uuid, &Change)> =
        changes.iter().filter_map(|change| Some((conversation_of(&change.what)?, change))).collect();
    ordered.sort_unstable_by_key(|(conversation, change)| (*conversation, change.version));
    for (conversation, change) in ordered {
        let v = int(change.version);
        match &change.what {
            What::Conversation { kind, title, created_at, members, .. } => {
                let at = created_at.timestamp_millis();
                conversations.start.execute(params![blob(&conversation), kind_code(*kind), title, at, v])?;
                for (user, role) in members {
                    conversations.member(conversation, user.0, Some(*role), at, true, v)?;
                }
            }
            What::ConversationTitle { title, .. } => {
                conversations.rename.execute(params![blob(&conversation), title, v])?;
            }
            What::Member { user, role, at, joined, .. } => {
                conversations.member(conversation, user.0, *role, at.timestamp_millis(), *joined, v)?;
            }
            What::Message { message, seq, created_at, .. } => {
                messages.sent(message.0, conversation, change)?;
                messages.active(conversation, *seq, Some(created_at.timestamp_millis()))?;
            }
            What::MessageBody { message, seq, body, edited_at, .. } => {
                let edit = Edit::Body { body: body.as_ref(), at: edited_at.timestamp_millis() };
                messages.edit(message.0, v, &edit)?;
                messages.active(conversation, *seq, None)?;
            }
            What::MessageDeleted { message, seq, .. } => {
                messages.edit(message.0, v, &Edit::Deleted)?;
                messages.active(conversation, *seq, None)?;
            }
            What::ReadUpTo { user, seq, .. } => {
                read.execute(params![blob(&conversation), blob(&user.0), int(*seq)])?;
            }
            What::DeliveredUpTo { user, seq, .. } => {
                delivered.execute(params![blob(&conversation), blob(&user.0), int(*seq)])?;
            }
            // Changes of other views.
            _ => {}
        }
    }
    Ok(())
}

fn conversation_of(what: &What) -> Option<Uuid> {
    match what {
        What::Conversation { conversation, .. }
        | What::ConversationTitle { conversation, .. }
        | What::Member { conversation, .. }
        | What::Message { conversation, .. }
        | What::MessageBody { conversation, .. }
        | What::MessageDeleted { conversation, .. }
        | What::ReadUpTo { conversation, .. }
        | What::DeliveredUpTo { conversation, .. } => Some(conversation.0),
        // Changes of other views.
        _ => None,
    }
}

struct Conversations<'a> {
    start: CachedStatement<'a>,
    rename: CachedStatement<'a>,
    member: CachedStatement<'a>,
}

impl<'a> Conversations<'a> {
    fn prepare(db: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            start: db.prepare_cached(
                "INSERT INTO conversations (id, kind, title, created_at, v) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET kind = excluded.kind, title = excluded.title,
                    created_at = excluded.created_at, v = excluded.v WHERE excluded.v > v",
            )?,
            rename: db
                .prepare_cached("UPDATE conversations SET title = ?2, v = ?3 WHERE id = ?1 AND v < ?3")?,
            // ?6: joined. Otherwise they keep the time at which they joined.
            member: db.prepare_cached(
                "INSERT INTO members (user, conversation, role, joined_at, v) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET role = excluded.role, v = excluded.v,
                    joined_at = CASE WHEN ?6 THEN excluded.joined_at ELSE joined_at END
                 WHERE excluded.v > v",
            )?,
        })
    }

    fn member(
        &mut self,
        conversation: Uuid,
        user: Uuid,
        role: Option<Role>,
        at: i64,
        joined: bool,
        v: i64,
    ) -> rusqlite::Result<()> {
        let values = params![blob(&user), blob(&conversation), role.map(role_code), at, v, joined];
        self.member.execute(values).map(|_| ())
    }
}

struct Messages<'a> {
    insert: CachedStatement<'a>,
    load: CachedStatement<'a>,
    update: CachedStatement<'a>,
    active: CachedStatement<'a>,
    index: CachedStatement<'a>,
    unindex: CachedStatement<'a>,
}

enum Edit<'a> {
    Body { body: Option<&'a Body>, at: i64 },
    Deleted,
}

impl<'a> Messages<'a> {
    fn prepare(db: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            insert: db.prepare_cached(
                "INSERT OR IGNORE INTO messages (id, conversation, seq, sender, type, text, encrypted, nonce,
                    reply_to, media, created_at, edited_at, deleted, v)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NULL, 0, ?12)",
            )?,
            load: db
                .prepare_cached("SELECT n, conversation, text, deleted, v FROM messages WHERE id = ?1")?,
            update: db.prepare_cached(
                "UPDATE messages SET text = ?2, encrypted = ?3, nonce = ?4, edited_at = coalesce(?5, edited_at),
                    deleted = ?6, v = ?7 WHERE n = ?1",
            )?,
            active: db.prepare_cached(
                "INSERT INTO activity (conversation, last_seq, last_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET last_seq = max(last_seq, excluded.last_seq),
                    last_at = coalesce(max(last_at, excluded.last_at), last_at, excluded.last_at)",
            )?,
            index: db
                .prepare_cached("INSERT INTO messages_fts (rowid, text, conversation) VALUES (?1, ?2, ?3)")?,
            unindex: db.prepare_cached(
                "INSERT INTO messages_fts (messages_fts, rowid, text, conversation)
                 VALUES ('delete', ?1, ?2, ?3)",
            )?,
        })
    }

    fn sent(&mut self, message: Uuid, conversation: Uuid, change: &Change) -> rusqlite::Result<()> {
        let What::Message { seq, sender, message_type, body, reply_to, media, created_at, .. } = &change.what
        else {
            return Ok(());
        };
        let body = body.as_ref();
        let text = body.and_then(|body| body.text.as_deref());
        let inserted = self.insert.execute(params![
            blob(&message),
            blob(&conversation),
            int(*seq),
            blob(&sender.0),
            type_code(*message_type),
            text,
            body.and_then(|body| body.encrypted_content.as_deref()),
            body.and_then(|body| body.nonce.as_deref()),
            reply_to.map(|id| *id.0.as_bytes()),
            media.map(|id| *id.0.as_bytes()),
            created_at.timestamp_millis(),
            int(change.version),
        ])?;
        if inserted == 1
            && let Some(text) = text
        {
            let n: i64 = self.load.query_row([blob(&message)], |row| row.get(0))?;
            self.index.execute(params![n, indexed(text), word_of(conversation)])?;
        }
        Ok(())
    }

    /// What was said before a deletion is dropped; what is edited after one changes nothing.
    fn edit(&mut self, message: Uuid, v: i64, edit: &Edit<'_>) -> rusqlite::Result<()> {
        let found = self
            .load
            .query_row([blob(&message)], |row| {
                let text: Option<String> = row.get(2)?;
                Ok((
                    row.get::<_, i64>(0)?,
                    Uuid::from_bytes(row.get(1)?),
                    text,
                    row.get::<_, bool>(3)?,
                    row.get::<_, i64>(4)?,
                ))
            })
            .optional()?;
        let Some((n, conversation, old, deleted, held)) = found else { return Ok(()) };
        if held >= v {
            return Ok(());
        }
        let (body, at, deleted) = match edit {
            Edit::Body { body, at } if !deleted => (*body, Some(*at), false),
            Edit::Body { .. } | Edit::Deleted => (None, None, true),
        };
        let new = body.and_then(|body| body.text.as_deref());
        self.update.execute(params![
            n,
            new,
            body.and_then(|body| body.encrypted_content.as_deref()),
            body.and_then(|body| body.nonce.as_deref()),
            at,
            deleted,
            v
        ])?;
        if old.as_deref() != new {
            let word = word_of(conversation);
            if let Some(old) = old {
                self.unindex.execute(params![n, indexed(&old), word])?;
            }
            if let Some(new) = new {
                self.index.execute(params![n, indexed(new), word])?;
            }
        }
        Ok(())
    }

    fn active(&mut self, conversation: Uuid, seq: u64, at: Option<i64>) -> rusqlite::Result<()> {
        self.active.execute(params![blob(&conversation), int(seq), at]).map(|_| ())
    }
}

/// A conversation as a word of the search index.
pub(crate) fn word_of(conversation: Uuid) -> String {
    conversation.simple().to_string()
}

fn kind_code(kind: ConversationKind) -> i64 {
    match kind {
        ConversationKind::Direct => 0,
        ConversationKind::Group => 1,
    }
}

pub(crate) fn kind(code: i64) -> ConversationKind {
    if code == 0 { ConversationKind::Direct } else { ConversationKind::Group }
}

fn role_code(role: Role) -> i64 {
    match role {
        Role::Member => 0,
        Role::Admin => 1,
    }
}

pub(crate) fn role(code: i64) -> Role {
    if code == 1 { Role::Admin } else { Role::Member }
}

fn type_code(message_type: MessageType) -> i64 {
    match message_type {
        MessageType::Text => 0,
        MessageType::Encrypted => 1,
        MessageType::Audio => 2,
        MessageType::Image => 3,
        MessageType::Video => 4,
    }
}

pub(crate) fn message_type(code: i64) -> MessageType {
    match code {
        1 => MessageType::Encrypted,
        2 => MessageType::Audio,
        3 => MessageType::Image,
        4 => MessageType::Video,
        _ => MessageType::Text,
    }
}
