//! Conversations and messages, for their members.

use nova_events::conversation::ConversationKind;
use nova_events::envelope::time_of_ms;
use nova_events::message::MessageType;
use nova_events::{ConversationId, MessageId, UserId};
use nova_views::search::{MATCHES_MAX, Match, SCORED_CHARS, Search};
use nova_views::{
    Conversation, List, Lookup, Member, Message, MessageHit, MessageRange, MovingPage, PageRequest,
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::lists::{Key, Seen};
use super::people::count;
use super::posts::media;
use super::search::matching;
use super::{Ask, Asked};
use crate::write::{CONVERSATIONS, kind, message_type, role, word_of};

/// More than a client's page: a live connection that resumes reads more at a time.
const MESSAGES_MAX: usize = 1_000;

const MESSAGE: &str =
    "id, conversation, seq, sender, type, text, encrypted, nonce, reply_to, media, created_at,
                       edited_at, deleted";

/// `?5`: newer messages do not count. Of a conversation that has one, the newest of the last few before it does: their
/// times are those of the servers that took them, and not always in order.
const CONVERSATIONS_AS_OF: &str = "SELECT at, id FROM
    (SELECT max(c.created_at, coalesce(
        CASE WHEN a.last_at <= ?5 THEN a.last_at ELSE
            (SELECT max(created_at) FROM (SELECT created_at FROM messages
             WHERE conversation = c.id AND created_at <= ?5 ORDER BY seq DESC LIMIT 32)) END,
        c.created_at)) AS at, c.id AS id
     FROM members m JOIN conversations c ON c.id = m.conversation
     LEFT JOIN activity a ON a.conversation = c.id
     WHERE m.user = ?1 AND m.role IS NOT NULL)
    WHERE at <= ?5 AND (at, id) < (?2, ?3) ORDER BY at DESC, id DESC LIMIT ?4";

impl Ask<'_> {
    pub(super) fn conversations(&mut self, viewer: UserId, page: &PageRequest) -> Asked<List<Conversation>> {
        let page = MovingPage::of("conversations", page)?;
        let list = self.query(CONVERSATIONS, |db| {
            let mut statement = db.prepare_cached(CONVERSATIONS_AS_OF)?;
            let (at, id) = page.behind;
            let values = params![viewer.0.as_bytes(), at, id.as_bytes(), page.wanted(), page.as_of];
            let keys = statement.query_map(values, Seen::read)?.collect::<rusqlite::Result<Vec<Key>>>()?;
            let talks =
                keys.into_iter().map(|key| Ok(conversation(db, viewer.0, key.1)?.map(|talk| (key, talk))));
            Ok(page.list(talks.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?))
        })?;
        let items = list.items.into_iter().map(|talk| self.as_seen_by(viewer, talk)).collect::<Asked<_>>()?;
        Ok(List { items, next: list.next })
    }

    pub(super) fn conversation(&mut self, viewer: UserId, id: ConversationId) -> Asked<Lookup<Conversation>> {
        let found = self.query(CONVERSATIONS, |db| {
            if !is_member(db, viewer.0, id.0)? {
                return Ok(None);
            }
            conversation(db, viewer.0, id.0)
        })?;
        Ok(match found {
            Some(talk) => Lookup::Found(self.as_seen_by(viewer, talk)?),
            None => Lookup::Unknown,
        })
    }

    fn as_seen_by(&mut self, viewer: UserId, mut talk: Conversation) -> Asked<Conversation> {
        let blocks = self.viewer(viewer)?.blocks;
        talk.hide_marks_of_blocked(viewer, |other| blocks.contains(&other.0));
        talk.show_stand_in(|id| -> Asked<bool> { Ok(self.user(id.0)?.is_none_or(|user| user.active)) })?;
        Ok(talk)
    }

    pub(super) fn messages(
        &mut self,
        viewer: UserId,
        id: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Asked<Lookup<Vec<Message>>> {
        let limit = limit.clamp(1, MESSAGES_MAX) as i64;
        self.query(CONVERSATIONS, |db| {
            if !is_member(db, viewer.0, id.0)? {
                return Ok(Lookup::Unknown);
            }
            let (condition, order, seq) = match range {
                MessageRange::After(seq) => ("seq > ?2", "ASC", seq),
                MessageRange::Before(seq) => ("seq < ?2", "DESC", i64::try_from(seq).unwrap_or(i64::MAX)),
            };
            let sql = format!(
                "SELECT {MESSAGE} FROM messages WHERE conversation = ?1 AND {condition}
                 ORDER BY seq {order} LIMIT ?3"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params![id.0.as_bytes(), seq, limit], message)?;
            let mut messages: Vec<Message> = rows.collect::<rusqlite::Result<_>>()?;
            messages.sort_unstable_by_key(|message| message.seq);
            Ok(Lookup::Found(messages))
        })
    }

    pub(super) fn search_messages(
        &mut self,
        viewer: UserId,
        id: ConversationId,
        search: &Search,
    ) -> Asked<Lookup<List<MessageHit>>> {
        let query =
            format!("conversation : \"{}\" AND text : ({})", word_of(id.0), matching(&search.phrases));
        self.query(CONVERSATIONS, |db| {
            if !is_member(db, viewer.0, id.0)? {
                return Ok(Lookup::Unknown);
            }
            let sql = "SELECT m.seq, m.id, substr(m.text, 1, ?5) FROM messages_fts
                       JOIN messages m ON m.n = messages_fts.rowid
                       WHERE messages_fts MATCH ?1 AND m.conversation = ?2 AND m.seq <= ?3 AND m.deleted = 0
                       ORDER BY m.seq DESC LIMIT ?4";
            let mut statement = db.prepare_cached(sql)?;
            let (up_to, most, chars) = (search.up_to(), MATCHES_MAX as i64, SCORED_CHARS as i64);
            let matches =
                statement.query_map(params![query, id.0.as_bytes(), up_to, most, chars], |row| {
                    let text: Option<String> = row.get(2)?;
                    let score = search.phrases.score(&text.unwrap_or_default());
                    Ok(Match { seq: row.get(0)?, message: Uuid::from_bytes(row.get(1)?), score })
                })?;
            let (page, next) = search.page(matches.collect::<rusqlite::Result<_>>()?);
            let sql = format!("SELECT {MESSAGE} FROM messages WHERE id = ?1 AND deleted = 0");
            let mut statement = db.prepare_cached(&sql)?;
            let mut items = Vec::with_capacity(page.len());
            for found in page {
                let found = statement.query_row([found.as_bytes()], message).optional()?;
                items.extend(found.map(|message| search.phrases.hit(message)));
            }
            Ok(Lookup::Found(List { items, next }))
        })
    }
}

fn is_member(db: &Connection, user: Uuid, conversation: Uuid) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM members WHERE user = ?1 AND conversation = ?2 AND role IS NOT NULL";
    db.prepare_cached(sql)?.exists([user.as_bytes(), conversation.as_bytes()])
}

/// `None` when it has not started, as far as is known.
fn conversation(db: &Connection, viewer: Uuid, id: Uuid) -> rusqlite::Result<Option<Conversation>> {
    let sql = "SELECT kind, title, created_at FROM conversations WHERE id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_bytes()], |row| Ok((kind(row.get(0)?), row.get(1)?)))
        .optional()?;
    let Some((kind, title)): Option<(ConversationKind, Option<String>)> = found else { return Ok(None) };
    let sql = "SELECT m.user, m.role, m.joined_at, r.seq, d.seq FROM members m
               LEFT JOIN reads r ON r.conversation = m.conversation AND r.user = m.user
               LEFT JOIN delivered d ON d.conversation = m.conversation AND d.user = m.user
               WHERE m.conversation = ?1 AND m.role IS NOT NULL ORDER BY m.joined_at, m.user";
    let mut statement = db.prepare_cached(sql)?;
    let members = statement.query_map([id.as_bytes()], |row| {
        Ok(Member {
            user_id: UserId(Uuid::from_bytes(row.get(0)?)),
            role: role(row.get(1)?),
            joined_at: time_of_ms(row.get(2)?),
            last_read_seq: row.get::<_, Option<i64>>(3)?.map(count),
            delivered_seq: row.get::<_, Option<i64>>(4)?.map(count),
        })
    })?;
    let members = members.collect::<rusqlite::Result<Vec<_>>>()?;
    let seq = |sql: &str, values: &[&[u8; 16]]| -> rusqlite::Result<Option<i64>> {
        db.prepare_cached(sql)?.query_row(rusqlite::params_from_iter(values), |row| row.get(0)).optional()
    };
    let last_seq = seq("SELECT last_seq FROM activity WHERE conversation = ?1", &[id.as_bytes()])?;
    let last_read_seq = seq(
        "SELECT seq FROM reads WHERE conversation = ?1 AND user = ?2",
        &[id.as_bytes(), viewer.as_bytes()],
    )?;
    let sql = "SELECT count(*) FROM messages
               WHERE conversation = ?1 AND seq > ?2 AND sender <> ?3 AND deleted = 0";
    let after = last_read_seq.unwrap_or(-1);
    let unread = db
        .prepare_cached(sql)?
        .query_row(params![id.as_bytes(), after, viewer.as_bytes()], |row| row.get(0))?;
    let sql = format!(
        "SELECT {MESSAGE} FROM messages WHERE conversation = ?1 AND deleted = 0 ORDER BY seq DESC LIMIT 1"
    );
    let last_message = db.prepare_cached(&sql)?.query_row([id.as_bytes()], message).optional()?;
    Ok(Some(Conversation {
        id: ConversationId(id),
        kind,
        title,
        members,
        last_seq: last_seq.map(count),
        last_read_seq: last_read_seq.map(count),
        unread_count: count(unread),
        last_message,
    }))
}

fn message(row: &rusqlite::Row<'_>) -> rusqlite::Result<Message> {
    let message_type = message_type(row.get(4)?);
    let deleted: bool = row.get(12)?;
    let media_id: Option<[u8; 16]> = row.get(9)?;
    Ok(Message {
        id: MessageId(Uuid::from_bytes(row.get(0)?)),
        conversation_id: ConversationId(Uuid::from_bytes(row.get(1)?)),
        seq: count(row.get(2)?),
        sender_id: UserId(Uuid::from_bytes(row.get(3)?)),
        message_type,
        text: row.get(5)?,
        encrypted_content: row.get(6)?,
        nonce: row.get(7)?,
        media: media_id.filter(|_| !deleted).map(|id| media(Uuid::from_bytes(id), media_kind(message_type))),
        reply_to: row.get::<_, Option<[u8; 16]>>(8)?.map(Uuid::from_bytes).map(MessageId),
        created_at: time_of_ms(row.get(10)?),
        edited_at: row.get::<_, Option<i64>>(11)?.map(time_of_ms),
        deleted,
    })
}

fn media_kind(message_type: MessageType) -> &'static str {
    match message_type {
        MessageType::Audio => "audio",
        MessageType::Video => "video",
        MessageType::Text | MessageType::Encrypted | MessageType::Image => "image",
    }
}
