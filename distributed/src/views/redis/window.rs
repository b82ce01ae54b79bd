//! The newest messages of a conversation, read for one of its members; and how a message is stored.
//!
//! What a store was told again after it lost everything is old for a while: messages that have long been deleted, members
//! who have long been removed. So nothing is answered until every shard has come as far as something that happened after
//! the first write to the generation. From then on it is as far behind the log as any other view.
//!
//! A message is stored as, in this order and with the highest byte first:
//!
//! | bytes | |
//! |---|---|
//! | 8 | the seq of the event that it says what it says since |
//! | 8 | one more than the seq of its deletion; 0: it is not deleted |
//! | 8 | when it was edited, in milliseconds; -1: never |
//! | 1 | length of the next part, 0 while only what changes it has come |
//! | 25, 41, 57 | sender (16), created at (8), type with 16 if it answers another and 32 if it has media (1), those (16 each) |
//! | the rest | what it says: which of text, encrypted content and nonce there are (1), and each with its length (4) before it; nothing where it says nothing |
//!
//! So a message of 100 bytes takes 155, and some 100 in Redis for its two entries.

use nova_events::envelope::time_of_ms;
use nova_events::message::{Body, MessageType};
use nova_events::{ConversationId, MessageId, UserId};
use nova_views::{Lookup, Message, MessageRange, ViewError};
use uuid::Uuid;

use super::RedisViews;
use super::conversations::type_code;
use super::scripts::unreadable;
use crate::views::messages::{MESSAGES_MAX, media, readable};

/// Seqs are exact in Redis up to here.
const SEQ_MAX: u64 = 1 << 53;

const ANSWERS: u8 = 16;
const HAS_MEDIA: u8 = 32;

/// What a window says.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowAnswer {
    /// `Unknown` to whoever is not a member.
    pub messages: Lookup<Vec<Message>>,
    /// From this seq on the window lacks nothing; 0: it holds the conversation from its beginning. Always 0 for `Unknown`.
    pub floor_seq: u64,
    /// Every event up to this position is in it.
    pub applied: u64,
}

impl RedisViews {
    /// Messages of a conversation, as PostgreSQL would answer. `None`: it cannot be said here. There is no window, or the
    /// range goes below what it holds, or the store is still being filled.
    pub async fn messages_window(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Result<Option<WindowAnswer>, ViewError> {
        let (way, seq) = match range {
            MessageRange::After(seq) => ("after", seq.clamp(-1, SEQ_MAX.cast_signed()).to_string()),
            MessageRange::Before(seq) if seq > SEQ_MAX => ("before", "+inf".to_owned()),
            MessageRange::Before(seq) => ("before", seq.to_string()),
        };
        let call = self.shared.scripts.said.call().arg(&viewer.0.as_bytes()[..]);
        let call = call.arg(&conversation.0.as_bytes()[..]).arg(way).arg(seq);
        let mut reply = call.arg(limit.clamp(1, MESSAGES_MAX)).run(self.reads()).await?;
        match reply.next::<String>()?.as_str() {
            "ok" => {}
            "stranger" => {
                let applied = reply.next()?;
                return Ok(Some(WindowAnswer { messages: Lookup::Unknown, floor_seq: 0, applied }));
            }
            _ => return Ok(None),
        }
        let (applied, floor_seq) = (reply.next()?, reply.next()?);
        let ids: Vec<Vec<u8>> = reply.next()?;
        let seqs: Vec<u64> = reply.next()?;
        let values: Vec<Vec<u8>> = reply.next()?;
        let decoded = ids.iter().zip(seqs).zip(&values).map(|((id, seq), value)| {
            let id = MessageId(Uuid::from_slice(id).ok()?);
            decode(id, conversation, seq, value)
        });
        let mut messages = decoded.collect::<Option<Vec<_>>>().ok_or_else(unreadable)?;
        messages.sort_unstable_by_key(|message| message.seq);
        Ok(Some(WindowAnswer { messages: Lookup::Found(messages), floor_seq, applied }))
    }
}

pub(super) fn encode_sent(
    sender: Uuid,
    at_ms: i64,
    type_code: u8,
    reply_to: Option<Uuid>,
    media: Option<Uuid>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(57);
    bytes.extend_from_slice(sender.as_bytes());
    bytes.extend_from_slice(&at_ms.to_be_bytes());
    let answers = reply_to.map_or(0, |_| ANSWERS);
    bytes.push(type_code | answers | media.map_or(0, |_| HAS_MEDIA));
    for id in [reply_to, media].into_iter().flatten() {
        bytes.extend_from_slice(id.as_bytes());
    }
    bytes
}

pub(super) fn encode_body(body: Option<&Body>) -> Vec<u8> {
    let Some(body) = body else { return Vec::new() };
    let parts = [&body.text, &body.encrypted_content, &body.nonce];
    if parts.iter().all(|part| part.is_none()) {
        return Vec::new();
    }
    let mut bytes = vec![0];
    let mut there = 0;
    for (at, part) in parts.into_iter().enumerate() {
        let Some(part) = part else { continue };
        let part = readable(part);
        there |= 1 << at;
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    if let Some(first) = bytes.first_mut() {
        *first = there;
    }
    bytes
}

/// Goes through the bytes of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, many: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(many)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn id(&mut self) -> Option<Uuid> {
        self.array().map(Uuid::from_bytes)
    }
}

/// `None`: Nova did not write this.
fn decode(id: MessageId, conversation_id: ConversationId, seq: u64, value: &[u8]) -> Option<Message> {
    let mut read = Reader(value);
    let _said: [u8; 8] = read.array()?;
    let deleted = u64::from_be_bytes(read.array()?) > 0;
    let edited_at_ms = i64::from_be_bytes(read.array()?);
    let length = usize::from(read.byte()?);
    let mut about = Reader(read.bytes(length)?);
    let sender_id = UserId(about.id()?);
    let created_at = time_of_ms(i64::from_be_bytes(about.array()?));
    let type_with = about.byte()?;
    let message_type = message_type(type_with & !(ANSWERS | HAS_MEDIA))?;
    let reply_to = if type_with & ANSWERS > 0 { Some(MessageId(about.id()?)) } else { None };
    let media_id = if type_with & HAS_MEDIA > 0 { Some(about.id()?) } else { None };
    let [text, encrypted_content, nonce] = decode_body(read)?;
    Some(Message {
        id,
        conversation_id,
        seq,
        sender_id,
        message_type,
        text,
        encrypted_content,
        nonce,
        media: media_id.filter(|_| !deleted).map(|id| media(id, message_type)),
        reply_to,
        created_at,
        edited_at: (edited_at_ms != -1).then(|| time_of_ms(edited_at_ms)),
        deleted,
    })
}

fn decode_body(mut read: Reader<'_>) -> Option<[Option<String>; 3]> {
    let mut parts = [None, None, None];
    if read.0.is_empty() {
        return Some(parts);
    }
    let there = read.byte()?;
    for (at, part) in parts.iter_mut().enumerate() {
        if there & (1 << at) > 0 {
            let length = u32::from_be_bytes(read.array()?) as usize;
            *part = Some(String::from_utf8(read.bytes(length)?.to_vec()).ok()?);
        }
    }
    Some(parts)
}

fn message_type(code: u8) -> Option<MessageType> {
    let all = [
        MessageType::Text,
        MessageType::Encrypted,
        MessageType::Audio,
        MessageType::Image,
        MessageType::Video,
    ];
    all.into_iter().find(|message_type| type_code(*message_type) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(gone: u64, edited_at_ms: i64, about: &[u8], body: &[u8]) -> Vec<u8> {
        let mut value = 7u64.to_be_bytes().to_vec();
        value.extend_from_slice(&gone.to_be_bytes());
        value.extend_from_slice(&edited_at_ms.to_be_bytes());
        value.push(about.len() as u8);
        value.extend_from_slice(about);
        value.extend_from_slice(body);
        value
    }

    fn decoded(value: &[u8]) -> Option<Message> {
        decode(MessageId(Uuid::from_u128(1)), ConversationId(Uuid::from_u128(2)), 7, value)
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let ids = [None, Some(Uuid::from_u128(3))];
        for (reply_to, media_id) in ids.into_iter().flat_map(|one| ids.map(|other| (one, other))) {
            for code in 0..5 {
                let about = encode_sent(Uuid::from_u128(9), 1_700_000_000_123, code, reply_to, media_id);
                let body = Body {
                    encrypted_content: Some("ciphertext".to_owned()),
                    nonce: Some(String::new()),
                    device_id: Some("not shown".to_owned()),
                    ..Body::default()
                };
                let value = stored(0, 5, &about, &encode_body(Some(&body)));
                let message = decoded(&value).unwrap();
                assert_eq!(message.sender_id, UserId(Uuid::from_u128(9)));
                assert_eq!(message.created_at.timestamp_millis(), 1_700_000_000_123);
                assert_eq!(type_code(message.message_type), code);
                assert_eq!(message.reply_to.map(|id| id.0), reply_to);
                assert_eq!(message.media.map(|media| media.id.0), media_id);
                assert_eq!(message.text, None);
                assert_eq!(message.encrypted_content.as_deref(), Some("ciphertext"));
                assert_eq!(message.nonce.as_deref(), Some(""));
                assert_eq!(message.edited_at, Some(time_of_ms(5)));
            }
        }
    }

    #[test]
    fn what_says_nothing_takes_nothing() {
        assert!(encode_body(None).is_empty() && encode_body(Some(&Body::default())).is_empty());
        let about = encode_sent(Uuid::nil(), 0, 3, None, Some(Uuid::nil()));
        let message = decoded(&stored(8, -1, &about, &[])).unwrap();
        assert!(message.deleted && message.media.is_none() && message.edited_at.is_none());
        assert_eq!((message.text, message.encrypted_content, message.nonce), (None, None, None));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let about = encode_sent(Uuid::nil(), 0, 0, Some(Uuid::nil()), None);
        let body = Body { text: Some("some words".to_owned()), ..Body::default() };
        let value = stored(0, -1, &about, &encode_body(Some(&body)));
        assert!(decoded(&value).is_some());
        let header = 25 + about.len();
        for end in (0..value.len()).filter(|end| *end != header) {
            assert_eq!(decoded(&value[..end]), None, "{end}");
        }
    }
}
