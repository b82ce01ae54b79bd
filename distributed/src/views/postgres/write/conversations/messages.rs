//! Messages, and the words of those that can be read.

use std::collections::{HashMap, HashSet};

use nova_events::message::{Body, MessageType};
use nova_views::{Change, What};
use sqlx::Row as _;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use super::super::{ROWS_MAX, Tables, by_key, clean, int};
use crate::views::postgres::words;

#[derive(Debug, Clone)]
struct Message {
    sent: Sent,
    text: Option<String>,
    encrypted: Option<String>,
    nonce: Option<String>,
    edited_at: Option<i64>,
    deleted: bool,
    v: i64,
}

/// What never changes of it.
#[derive(Debug, Clone, Copy)]
struct Sent {
    conversation: Uuid,
    seq: i64,
    sender: Uuid,
    message_type: i16,
    reply_to: Option<Uuid>,
    media: Option<Uuid>,
    created_at: i64,
}

pub(super) async fn apply(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    for messages in by_key(changes, |change| message_of(&change.what)).chunks(ROWS_MAX) {
        let new: Vec<(Uuid, Message)> =
            messages.iter().filter_map(|(id, changes)| Some((*id, after(None, changes)?))).collect();
        let inserted = insert(tables, &new).await?;
        let rest: Vec<&(Uuid, Vec<&Change>)> =
            messages.iter().filter(|(id, _)| !inserted.contains(id)).collect();
        let held = load(tables, rest.iter().map(|(id, _)| *id).collect()).await?;
        let newer = |(id, changes): &(Uuid, Vec<&Change>)| {
            let before = held.get(id)?;
            let message = after(Some(before), changes)?;
            (message.v > before.v).then_some((*id, message))
        };
        let updates: Vec<(Uuid, Message)> = rest.into_iter().filter_map(newer).collect();
        update(tables, &updates).await?;
    }
    Ok(())
}

fn message_of(what: &What) -> Option<Uuid> {
    match what {
        What::Message { message, .. }
        | What::MessageBody { message, .. }
        | What::MessageDeleted { message, .. } => Some(message.0),
        // Changes of other tables and views.
        _ => None,
    }
}

/// A message is sent once. What was said before a deletion is dropped; what is edited after one changes nothing.
fn after(before: Option<&Message>, changes: &[&Change]) -> Option<Message> {
    let mut held = before.cloned();
    for change in changes {
        let v = int(change.version);
        match (&mut held, &change.what) {
            (None, What::Message { .. }) => held = sent(change),
            (Some(held), What::MessageBody { body, edited_at, .. }) if v > held.v => {
                held.v = v;
                if !held.deleted {
                    held.say(body.as_ref());
                    held.edited_at = Some(edited_at.timestamp_millis());
                }
            }
            (Some(held), What::MessageDeleted { .. }) if v > held.v => {
                (held.v, held.deleted) = (v, true);
                held.say(None);
            }
            // Older than what is held, or of a message that is not there; and changes of other tables and views.
            _ => {}
        }
    }
    held
}

fn sent(change: &Change) -> Option<Message> {
    let What::Message { conversation, seq, sender, message_type, body, reply_to, media, created_at, .. } =
        &change.what
    else {
        return None;
    };
    let sent = Sent {
        conversation: conversation.0,
        seq: int(*seq),
        sender: sender.0,
        message_type: type_code(*message_type),
        reply_to: reply_to.map(|id| id.0),
        media: media.map(|id| id.0),
        created_at: created_at.timestamp_millis(),
    };
    let (text, encrypted, nonce, v) = (None, None, None, int(change.version));
    let mut message = Message { sent, text, encrypted, nonce, edited_at: None, deleted: false, v };
    message.say(body.as_ref());
    Some(message)
}

impl Message {
    fn say(&mut self, body: Option<&Body>) {
        let owned = |text: &String| clean(text).into_owned();
        self.text = body.and_then(|body| body.text.as_ref()).map(owned);
        self.encrypted = body.and_then(|body| body.encrypted_content.as_ref()).map(owned);
        self.nonce = body.and_then(|body| body.nonce.as_ref()).map(owned);
    }

    /// The words of what can be found, and where.
    fn vector(&self) -> Option<String> {
        let text = self.text.as_deref()?;
        Some(words::vector(text, Some(&words::of_conversation(self.sent.conversation))))
    }
}

/// Returns those that were not there. What another message holds the seq of is left out.
async fn insert(tables: &mut Tables<'_>, messages: &[(Uuid, Message)]) -> sqlx::Result<HashSet<Uuid>> {
    if messages.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = "INSERT INTO {s}.messages (id, text, encrypted, nonce, edited_at, deleted, v, tsv, conversation, seq,
                   sender, type, reply_to, media, created_at)
               SELECT id, text, encrypted, nonce, edited_at, deleted, v, tsv::tsvector, conversation, seq,
                   sender, type, reply_to, media, created_at
               FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::bigint[],
                       $8::text[], $9::uuid[], $10::bigint[], $11::uuid[], $12::smallint[], $13::uuid[],
                       $14::uuid[], $15::bigint[])
                   AS m (id, text, encrypted, nonce, edited_at, deleted, v, tsv, conversation, seq, sender, type,
                       reply_to, media, created_at)
               ON CONFLICT DO NOTHING RETURNING id";
    let all = || messages.iter().map(|(_, message)| message.sent);
    let query = bound(tables, sql, messages)
        .bind(all().map(|sent| sent.conversation).collect::<Vec<_>>())
        .bind(all().map(|sent| sent.seq).collect::<Vec<_>>())
        .bind(all().map(|sent| sent.sender).collect::<Vec<_>>())
        .bind(all().map(|sent| sent.message_type).collect::<Vec<_>>())
        .bind(all().map(|sent| sent.reply_to).collect::<Vec<_>>())
        .bind(all().map(|sent| sent.media).collect::<Vec<_>>())
        .bind(all().map(|sent| sent.created_at).collect::<Vec<_>>());
    let rows = query.fetch_all(&mut *tables.db).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn update(tables: &mut Tables<'_>, messages: &[(Uuid, Message)]) -> sqlx::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE {s}.messages AS held SET text = m.text, encrypted = m.encrypted, nonce = m.nonce,
                   edited_at = m.edited_at, deleted = m.deleted, v = m.v, tsv = m.tsv::tsvector
               FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::bigint[],
                       $8::text[]) AS m (id, text, encrypted, nonce, edited_at, deleted, v, tsv)
               WHERE held.id = m.id";
    bound(tables, sql, messages).execute(&mut *tables.db).await.map(|_| ())
}

/// What may change of a message.
fn bound<'a>(
    tables: &Tables<'_>,
    sql: &str,
    messages: &'a [(Uuid, Message)],
) -> Query<'a, sqlx::Postgres, PgArguments> {
    let all = || messages.iter().map(|(_, message)| message);
    tables
        .sql(sql)
        .bind(messages.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(all().map(|message| message.text.as_deref()).collect::<Vec<_>>())
        .bind(all().map(|message| message.encrypted.as_deref()).collect::<Vec<_>>())
        .bind(all().map(|message| message.nonce.as_deref()).collect::<Vec<_>>())
        .bind(all().map(|message| message.edited_at).collect::<Vec<_>>())
        .bind(all().map(|message| message.deleted).collect::<Vec<_>>())
        .bind(all().map(|message| message.v).collect::<Vec<_>>())
        .bind(all().map(Message::vector).collect::<Vec<_>>())
}

async fn load(tables: &mut Tables<'_>, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, Message>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql =
        "SELECT id, text, encrypted, nonce, edited_at, deleted, v, conversation, seq, sender, type, reply_to,
                   media, created_at
               FROM {s}.messages WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    let rows = tables.sql(sql).bind(ids).fetch_all(&mut *tables.db).await?;
    rows.iter()
        .map(|row| {
            let sent = Sent {
                conversation: row.try_get(7)?,
                seq: row.try_get(8)?,
                sender: row.try_get(9)?,
                message_type: row.try_get(10)?,
                reply_to: row.try_get(11)?,
                media: row.try_get(12)?,
                created_at: row.try_get(13)?,
            };
            let message = Message {
                sent,
                text: row.try_get(1)?,
                encrypted: row.try_get(2)?,
                nonce: row.try_get(3)?,
                edited_at: row.try_get(4)?,
                deleted: row.try_get(5)?,
                v: row.try_get(6)?,
            };
            Ok((row.try_get(0)?, message))
        })
        .collect()
}

fn type_code(message_type: MessageType) -> i16 {
    match message_type {
        MessageType::Text => 0,
        MessageType::Encrypted => 1,
        MessageType::Audio => 2,
        MessageType::Image => 3,
        MessageType::Video => 4,
    }
}
