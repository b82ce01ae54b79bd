//! Conversations and messages, for their members.

use nova_events::conversation::{ConversationKind, Role};
use nova_events::envelope::time_of_ms;
use nova_events::message::MessageType;
use nova_events::{ConversationId, MessageId, UserId};
use nova_views::search::{MATCHES_MAX, Match, SCORED_CHARS, Search};
use nova_views::{
    Conversation, List, Lookup, Member, Message, MessageHit, MessageRange, MovingPage, PageRequest, ViewError,
};
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::people::apart;
use super::posts::media;
use crate::views::postgres::words;

/// More than a client's page: a live connection that resumes reads more at a time.
const MESSAGES_MAX: usize = 1_000;

/// The columns that [`message`] reads, of `m`.
macro_rules! message {
    () => {
        "m.id, m.conversation, m.seq, m.sender, m.type, m.text, m.encrypted, m.nonce, m.reply_to, m.media,
         m.created_at, m.edited_at, m.deleted"
    };
}

/// The conversations `picked` (at, id) with all that [`conversation`] reads, for the viewer `$1`.
macro_rules! conversations {
    () => {
        concat!(
            "SELECT picked.at, c.id, c.kind, c.title, members.users, members.roles, members.joined,
                members.read, members.delivered, members.open,
                ARRAY(SELECT other.id FROM unnest(members.users) AS other (id) WHERE ",
            apart!("$1", "other.id"),
            "),
                a.last_seq, r.seq,
                (SELECT count(*) FROM v_conversations.messages m WHERE m.conversation = c.id
                    AND m.seq > coalesce(r.seq, -1) AND m.sender <> $1 AND NOT m.deleted),
                m.id IS NOT NULL, ",
            message!(),
            " FROM picked
             JOIN v_conversations.conversations c ON c.id = picked.id
             LEFT JOIN v_conversations.activity a ON a.conversation = c.id
             LEFT JOIN v_conversations.reads r ON r.conversation = c.id AND r.user_id = $1
             CROSS JOIN LATERAL (
                SELECT coalesce(array_agg(m.user_id ORDER BY joined_at, m.user_id), '{}') AS users,
                    coalesce(array_agg(role ORDER BY joined_at, m.user_id), '{}') AS roles,
                    coalesce(array_agg(joined_at ORDER BY joined_at, m.user_id), '{}') AS joined,
                    coalesce(array_agg(has_read.seq ORDER BY joined_at, m.user_id), '{}') AS read,
                    coalesce(array_agg(has.seq ORDER BY joined_at, m.user_id), '{}') AS delivered,
                    coalesce(array_agg(u.active IS NOT FALSE ORDER BY joined_at, m.user_id), '{}') AS open
                FROM v_conversations.members m
                LEFT JOIN v_conversations.reads has_read
                    ON has_read.conversation = m.conversation AND has_read.user_id = m.user_id
                LEFT JOIN v_conversations.delivered has
                    ON has.conversation = m.conversation AND has.user_id = m.user_id
                LEFT JOIN v_profiles.users u ON u.id = m.user_id
                WHERE m.conversation = c.id AND m.role IS NOT NULL) members
             LEFT JOIN LATERAL (
                SELECT * FROM v_conversations.messages WHERE conversation = c.id AND NOT deleted
                ORDER BY seq DESC LIMIT 1) m ON true
             ORDER BY picked.at DESC, c.id DESC"
        )
    };
}

/// `$2`, `$3`: the key it goes on behind. `$5`: newer messages do not count. Of a conversation that has one, the newest of
/// the last few before it does: their times are those of the servers that took them, and not always in order.
const CONVERSATIONS: &str = concat!(
    "WITH picked AS MATERIALIZED (
        SELECT known.at, known.id FROM (
            SELECT greatest(c.created_at, coalesce(
                CASE WHEN a.last_at <= $5 THEN a.last_at ELSE (
                    SELECT max(last.created_at) FROM (
                        SELECT m.created_at FROM v_conversations.messages m
                        WHERE m.conversation = c.id AND m.created_at <= $5
                        ORDER BY m.seq DESC LIMIT 32) last) END,
                c.created_at)) AS at, c.id
            FROM v_conversations.members me
            JOIN v_conversations.conversations c ON c.id = me.conversation
            LEFT JOIN v_conversations.activity a ON a.conversation = c.id
            WHERE me.user_id = $1 AND me.role IS NOT NULL) known
        WHERE known.at <= $5 AND (known.at, known.id) < ($2, $3)
        ORDER BY known.at DESC, known.id DESC LIMIT $4) ",
    conversations!()
);

const CONVERSATION: &str = concat!(
    "WITH picked AS MATERIALIZED (
        SELECT 0::bigint AS at, conversation AS id FROM v_conversations.members
        WHERE user_id = $1 AND conversation = $2 AND role IS NOT NULL) ",
    conversations!()
);

/// Messages of the conversation `$2` if the viewer `$1` is a member of it: no row at all if not, one without a message
/// if there is none.
macro_rules! messages {
    ($which:literal) => {
        concat!(
            "SELECT m.id IS NOT NULL, ",
            message!(),
            " FROM v_conversations.members me LEFT JOIN LATERAL (
                SELECT * FROM v_conversations.messages m WHERE m.conversation = $2 AND ",
            $which,
            " LIMIT $4) m ON true
             WHERE me.user_id = $1 AND me.conversation = $2 AND me.role IS NOT NULL
             ORDER BY m.seq"
        )
    };
}

const MESSAGES_AFTER: &str = messages!("m.seq > $3 ORDER BY m.seq");
const MESSAGES_BEFORE: &str = messages!("m.seq < $3 ORDER BY m.seq DESC");

/// What a search looks at, in no order: no row at all if the viewer is not a member, one without a message if nothing
/// matches. `$6` characters of a text are enough to score it.
const MATCHES: &str = "SELECT m.id IS NOT NULL, m.seq, m.id, left(m.text, $6)
     FROM v_conversations.members me LEFT JOIN LATERAL (
        SELECT * FROM v_conversations.messages m WHERE m.conversation = $2 AND m.tsv IS NOT NULL
            AND m.tsv @@ $5::text::tsquery AND NOT m.deleted AND m.seq <= $3
        ORDER BY m.seq DESC LIMIT $4) m ON true
     WHERE me.user_id = $1 AND me.conversation = $2 AND me.role IS NOT NULL";

const MESSAGES_BY_ID: &str =
    concat!("SELECT ", message!(), " FROM v_conversations.messages m WHERE m.id = ANY($1) AND NOT m.deleted");

impl Reads {
    pub(super) async fn conversations(
        &self,
        viewer: UserId,
        page: &PageRequest,
    ) -> Result<List<Conversation>, ViewError> {
        let page = MovingPage::of("conversations", page)?;
        let (at, id) = page.behind;
        let question =
            || query(CONVERSATIONS).bind(viewer.0).bind(at).bind(id).bind(page.wanted()).bind(page.as_of);
        let found = rows(&self.pool, question).await?;
        let talks = found.iter().map(|row| {
            let mut columns = Columns::of(row);
            let at: i64 = columns.take()?;
            let talk = conversation(viewer, &mut columns)?;
            Ok(((at, talk.id.0), talk))
        });
        Ok(page.list(talks.collect::<Result<_, ViewError>>()?))
    }

    pub(super) async fn conversation(
        &self,
        viewer: UserId,
        id: ConversationId,
    ) -> Result<Lookup<Conversation>, ViewError> {
        let found = rows(&self.pool, || query(CONVERSATION).bind(viewer.0).bind(id.0)).await?;
        let Some(row) = found.first() else { return Ok(Lookup::Unknown) };
        let mut columns = Columns::of(row);
        let _at: i64 = columns.take()?;
        conversation(viewer, &mut columns).map(Lookup::Found)
    }

    pub(super) async fn messages(
        &self,
        viewer: UserId,
        id: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Result<Lookup<Vec<Message>>, ViewError> {
        let limit = limit.clamp(1, MESSAGES_MAX) as i64;
        let (sql, seq) = match range {
            MessageRange::After(seq) => (MESSAGES_AFTER, seq),
            MessageRange::Before(seq) => (MESSAGES_BEFORE, i64::try_from(seq).unwrap_or(i64::MAX)),
        };
        let question = || query(sql).bind(viewer.0).bind(id.0).bind(seq).bind(limit);
        messages_of(&rows(&self.pool, question).await?)
    }

    pub(super) async fn search_messages(
        &self,
        viewer: UserId,
        id: ConversationId,
        text: &str,
        page: &PageRequest,
    ) -> Result<Lookup<List<MessageHit>>, ViewError> {
        let search = Search::of(text, page)?;
        let sought = words::query(&search.phrases, Some(&words::of_conversation(id.0)));
        let (up_to, most, chars) = (search.up_to(), MATCHES_MAX as i64, SCORED_CHARS as i32);
        let found = rows(&self.pool, || {
            query(MATCHES).bind(viewer.0).bind(id.0).bind(up_to).bind(most).bind(&sought).bind(chars)
        })
        .await?;
        if found.is_empty() {
            return Ok(Lookup::Unknown);
        }
        let mut matches = Vec::with_capacity(found.len());
        for row in &found {
            let mut columns = Columns::of(row);
            if columns.take::<bool>()? {
                let (seq, message) = (columns.take()?, columns.take()?);
                let text: Option<String> = columns.take()?;
                matches.push(Match { seq, message, score: search.phrases.score(&text.unwrap_or_default()) });
            }
        }
        let (ids, next) = search.page(matches);
        let mut items = Vec::with_capacity(ids.len());
        if !ids.is_empty() {
            for row in &rows(&self.pool, || query(MESSAGES_BY_ID).bind(&ids)).await? {
                items.push(search.phrases.hit(message(&mut Columns::of(row))?));
            }
            let place = |hit: &MessageHit| ids.iter().position(|id| *id == hit.message.id.0);
            items.sort_by_key(place);
        }
        Ok(Lookup::Found(List { items, next }))
    }
}

fn messages_of(rows: &[sqlx::postgres::PgRow]) -> Result<Lookup<Vec<Message>>, ViewError> {
    if rows.is_empty() {
        return Ok(Lookup::Unknown);
    }
    let mut messages = Vec::with_capacity(rows.len());
    for row in rows {
        let mut columns = Columns::of(row);
        if columns.take::<bool>()? {
            messages.push(message(&mut columns)?);
        }
    }
    Ok(Lookup::Found(messages))
}

fn conversation(viewer: UserId, columns: &mut Columns<'_>) -> Result<Conversation, ViewError> {
    let id = ConversationId(columns.take()?);
    let kind = match columns.take::<i16>()? {
        0 => ConversationKind::Direct,
        _ => ConversationKind::Group,
    };
    let title = columns.take()?;
    let (users, roles): (Vec<Uuid>, Vec<i16>) = (columns.take()?, columns.take()?);
    let joined: Vec<i64> = columns.take()?;
    let (read, delivered): (Vec<Option<i64>>, Vec<Option<i64>>) = (columns.take()?, columns.take()?);
    let open: Vec<bool> = columns.take()?;
    let blocked: Vec<Uuid> = columns.take()?;
    let marks = read.into_iter().zip(delivered);
    let mark = |seq: Option<i64>| seq.and_then(|seq| u64::try_from(seq).ok());
    let members =
        users.into_iter().zip(roles).zip(joined).zip(marks).map(|(((user, role), joined_at), marks)| {
            Member {
                user_id: UserId(user),
                role: if role == 1 { Role::Admin } else { Role::Member },
                joined_at: time_of_ms(joined_at),
                last_read_seq: mark(marks.0),
                delivered_seq: mark(marks.1),
            }
        });
    let members: Vec<Member> = members.collect();
    let closed: Vec<UserId> =
        members.iter().zip(open).filter(|(_, is_open)| !is_open).map(|(member, _)| member.user_id).collect();
    let mut talk = Conversation {
        id,
        kind,
        title,
        members,
        last_seq: columns.optional_count()?,
        last_read_seq: columns.optional_count()?,
        unread_count: columns.count()?,
        last_message: if columns.take()? { Some(message(columns)?) } else { None },
    };
    talk.show_stand_in(|user| Ok::<_, ViewError>(!closed.contains(&user)))?;
    talk.hide_marks_of_blocked(viewer, |other| blocked.contains(&other.0));
    Ok(talk)
}

fn message(columns: &mut Columns<'_>) -> Result<Message, ViewError> {
    let (id, conversation) = (MessageId(columns.take()?), ConversationId(columns.take()?));
    let (seq, sender_id) = (columns.count()?, UserId(columns.take()?));
    let message_type = message_type(columns.take()?);
    let (text, encrypted_content, nonce) = (columns.take()?, columns.take()?, columns.take()?);
    let reply_to = columns.take::<Option<Uuid>>()?.map(MessageId);
    let media_id: Option<Uuid> = columns.take()?;
    let created_at = time_of_ms(columns.take()?);
    let edited_at = columns.take::<Option<i64>>()?.map(time_of_ms);
    let deleted: bool = columns.take()?;
    let media = media_id.filter(|_| !deleted).map(|id| media(id, media_kind(message_type)));
    Ok(Message {
        id,
        conversation_id: conversation,
        seq,
        sender_id,
        message_type,
        text,
        encrypted_content,
        nonce,
        media,
        reply_to,
        created_at,
        edited_at,
        deleted,
    })
}

fn message_type(code: i16) -> MessageType {
    match code {
        1 => MessageType::Encrypted,
        2 => MessageType::Audio,
        3 => MessageType::Image,
        4 => MessageType::Video,
        _ => MessageType::Text,
    }
}

fn media_kind(message_type: MessageType) -> &'static str {
    match message_type {
        MessageType::Audio => "audio",
        MessageType::Video => "video",
        MessageType::Text | MessageType::Encrypted | MessageType::Image => "image",
    }
}
