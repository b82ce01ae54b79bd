//! What clients are told: `{"type", "conversation_id", "seq", "data"}`, always with these four keys.
//!
//! `seq` is there for message events only, and says how far the client is. A frame is made once and shared by all who
//! get it.

use axum::extract::ws::Utf8Bytes;
use chrono::{DateTime, Utc};
use nova_events::conversation::Role;
use nova_events::message::MessageEvent;
use nova_events::{ConversationId, Envelope, PostId, UserId};
use nova_views::live;
use serde::Serialize;

/// A frame, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) text: Utf8Bytes,
    pub(crate) seq: Option<u64>,
    /// The position of the event that it tells of.
    pub(crate) position: Option<u64>,
    /// When what it tells of happened, for message events.
    pub(crate) at_ms: Option<i64>,
}

fn frame<D: Serialize>(
    kind: &str,
    conversation_id: Option<ConversationId>,
    seq: Option<u64>,
    data: D,
) -> Frame {
    Frame::of(live::text(kind, conversation_id, seq, data), seq)
}

impl Frame {
    pub(crate) fn of(text: String, seq: Option<u64>) -> Self {
        Self { text: text.into(), seq, position: None, at_ms: None }
    }

    fn at(self, position: u64) -> Self {
        Self { position: Some(position), ..self }
    }
}

/// A message event. `hidden`: the message is known to have been deleted since, so that what it said stays untold.
pub(crate) fn message(envelope: &Envelope, event: &MessageEvent, hidden: bool) -> Frame {
    let frame = Frame::of(live::message(envelope, event, hidden), Some(envelope.revision));
    Frame { at_ms: Some(envelope.meta.occurred_at_ms), ..frame.at(envelope.position) }
}

/// The same for a message that has been deleted since: what it said stays untold.
pub(crate) fn hidden(told: &Frame) -> Frame {
    let Ok(mut frame) = serde_json::from_str::<serde_json::Value>(&told.text) else { return told.clone() };
    if let Some(data) = frame.get_mut("data").and_then(serde_json::Value::as_object_mut) {
        for said in ["text", "encrypted_content", "nonce", "media", "client_message_id"] {
            if let Some(said) = data.get_mut(said) {
                *said = serde_json::Value::Null;
            }
        }
        if let Some(deleted) = data.get_mut("deleted") {
            *deleted = true.into();
        }
    }
    Frame { text: frame.to_string().into(), ..told.clone() }
}

/// A message event that cannot be read; it has its seq, so that the client goes on behind it.
pub(crate) fn unreadable(conversation: ConversationId, seq: u64, position: u64) -> Frame {
    let data = ErrorData { code: "unreadable_event", detail: "This event cannot be read." };
    frame("error", Some(conversation), Some(seq), data).at(position)
}

#[derive(Serialize)]
struct Subscribed<'a> {
    head_seq: Option<u64>,
    epoch: &'a str,
}

/// The subscription holds. `head_seq`: the highest seq there is.
pub(crate) fn subscribed(conversation: ConversationId, head_seq: Option<u64>, epoch: &str) -> Frame {
    frame("subscribed", Some(conversation), None, Subscribed { head_seq, epoch })
}

#[derive(Serialize)]
struct Resync<'a> {
    head_seq: Option<u64>,
    epoch: &'a str,
    reason: &'static str,
}

/// There is no subscription: read the history first, then subscribe from there.
pub(crate) fn resync_required(
    conversation: ConversationId,
    head_seq: Option<u64>,
    epoch: &str,
    reason: &'static str,
) -> Frame {
    frame("resync_required", Some(conversation), None, Resync { head_seq, epoch, reason })
}

#[derive(Serialize)]
struct Read {
    user_id: UserId,
    seq: u64,
}

pub(crate) fn read(conversation: ConversationId, user_id: UserId, seq: u64, position: u64) -> Frame {
    frame("message.read", Some(conversation), None, Read { user_id, seq }).at(position)
}

/// One of the user's devices has everything up to `seq`.
pub(crate) fn delivered(conversation: ConversationId, user_id: UserId, seq: u64, position: u64) -> Frame {
    frame("message.delivered", Some(conversation), None, Read { user_id, seq }).at(position)
}

#[derive(Serialize)]
struct Added {
    user_id: UserId,
    role: Role,
    added_by: UserId,
}

/// Someone is a member, with this role from now on.
pub(crate) fn member_added(
    conversation: ConversationId,
    user_id: UserId,
    role: Role,
    by: UserId,
    position: u64,
) -> Frame {
    let data = Added { user_id, role, added_by: by };
    frame("member.added", Some(conversation), None, data).at(position)
}

#[derive(Serialize)]
struct Removed {
    user_id: UserId,
    removed_by: UserId,
}

pub(crate) fn member_removed(
    conversation: ConversationId,
    user_id: UserId,
    by: UserId,
    position: u64,
) -> Frame {
    let data = Removed { user_id, removed_by: by };
    frame("member.removed", Some(conversation), None, data).at(position)
}

#[derive(Serialize)]
struct Typing {
    user_id: UserId,
}

pub(crate) fn typing(conversation: ConversationId, user_id: UserId) -> Frame {
    frame("typing", Some(conversation), None, Typing { user_id })
}

#[derive(Serialize)]
struct Presence<'a> {
    online: &'a [UserId],
    offline: &'a [UserId],
}

/// Who has come and who has gone, among those who follow the conversation on this server.
pub(crate) fn presence(conversation: ConversationId, online: &[UserId], offline: &[UserId]) -> Frame {
    frame("presence", Some(conversation), None, Presence { online, offline })
}

#[derive(Serialize)]
struct NewPost {
    post_id: PostId,
    author_id: UserId,
    created_at: DateTime<Utc>,
    /// Ask for the timeline with `after` this to find the post in it.
    position: u64,
}

pub(crate) fn timeline_new(
    post_id: PostId,
    author_id: UserId,
    created_at: DateTime<Utc>,
    position: u64,
) -> Frame {
    frame("timeline.new", None, None, NewPost { post_id, author_id, created_at, position }).at(position)
}

#[derive(Serialize)]
struct ErrorData<'a> {
    code: &'a str,
    detail: &'a str,
}

pub(crate) fn error(conversation: Option<ConversationId>, code: &str, detail: &str) -> Frame {
    frame("error", conversation, None, ErrorData { code, detail })
}

pub(crate) fn pong() -> Frame {
    frame("pong", None, None, ())
}

#[cfg(test)]
mod tests {
    use nova_events::message::{Body, MessageDeleted, MessageSent, MessageType};
    use nova_events::{Actor, MediaId, MessageId, Meta, Personal, streams};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn envelope(event: MessageEvent) -> (Envelope, MessageEvent) {
        let conversation = ConversationId(id(1));
        let meta = Meta {
            schema_version: 1,
            occurred_at_ms: 1000,
            actor: Actor::User(UserId(id(2))),
            subjects: vec![],
            correlation_id: id(9),
            causation_id: None,
            traceparent: None,
            fingerprint: None,
        };
        let envelope = Envelope {
            position: 77,
            stream: streams::messages(conversation),
            revision: 5,
            event_id: id(3),
            command_id: id(3),
            recorded_at_ms: 1000,
            meta,
            event: event.clone().into(),
        };
        (envelope, event)
    }

    fn sent(personal: Personal<Body>) -> (Envelope, MessageEvent) {
        envelope(MessageEvent::MessageSent(MessageSent {
            message_id: MessageId(id(3)),
            conversation_id: ConversationId(id(1)),
            sender: UserId(id(2)),
            message_type: MessageType::Image,
            reply_to: None,
            media_id: Some(MediaId(id(4))),
            personal,
        }))
    }

    fn body() -> Personal<Body> {
        let text = Some("hello".to_owned());
        Personal::Clear(Body { text, client_message_id: Some("c1".to_owned()), ..Body::default() })
    }

    fn parsed(frame: &Frame) -> Value {
        serde_json::from_str(&frame.text).unwrap()
    }

    #[test]
    fn a_new_message_is_told_as_the_view_would_show_it() {
        let (envelope, event) = sent(body());
        let frame = message(&envelope, &event, false);
        assert_eq!((frame.seq, frame.position), (Some(5), Some(77)));
        let expected = json!({
            "type": "message.new",
            "conversation_id": id(1),
            "seq": 5,
            "data": {
                "id": id(3),
                "conversation_id": id(1),
                "seq": 5,
                "sender_id": id(2),
                "message_type": "image",
                "text": "hello",
                "encrypted_content": null,
                "nonce": null,
                "media": {"id": id(4), "kind": "image", "url": format!("/api/v1/media/{}", id(4))},
                "reply_to": null,
                "created_at": "1970-01-01T00:00:01Z",
                "edited_at": null,
                "deleted": false,
                "client_message_id": "c1",
            },
        });
        assert_eq!(parsed(&frame), expected);
    }

    #[test]
    fn what_was_deleted_or_erased_is_not_told() {
        let (envelope, event) = sent(body());
        let hidden = parsed(&message(&envelope, &event, true));
        assert_eq!((&hidden["data"]["text"], &hidden["data"]["media"]), (&Value::Null, &Value::Null));
        assert_eq!(hidden["data"]["deleted"], true);
        assert_eq!(hidden["seq"], 5);
        let told = message(&envelope, &event, false);
        let later = parsed(&super::hidden(&told));
        assert_eq!(later, hidden, "whether it is known before or after it was told");
        let (envelope, event) = sent(Personal::Redacted);
        assert_eq!(parsed(&message(&envelope, &event, false))["data"]["text"], Value::Null);
    }

    #[test]
    fn a_deletion_names_the_message_and_who_did_it() {
        let (envelope, event) = envelope(MessageEvent::MessageDeleted(MessageDeleted {
            message_id: MessageId(id(3)),
            conversation_id: ConversationId(id(1)),
            sender: UserId(id(2)),
            deleted_by: UserId(id(6)),
            personal: Personal::Absent,
        }));
        let frame = parsed(&message(&envelope, &event, false));
        assert_eq!(frame["type"], "message.deleted");
        assert_eq!((&frame["data"]["id"], &frame["data"]["deleted_by"]), (&json!(id(3)), &json!(id(6))));
    }

    #[test]
    fn every_frame_has_the_same_four_keys() {
        let conversation = ConversationId(id(1));
        let user = UserId(id(2));
        for frame in [
            subscribed(conversation, Some(4), "e"),
            resync_required(conversation, None, "0190c4a2", "too_old"),
            read(conversation, user, 3, 1),
            member_added(conversation, user, Role::Admin, user, 1),
            member_removed(conversation, user, user, 1),
            typing(conversation, user),
            presence(conversation, &[user], &[]),
            timeline_new(PostId(id(3)), user, DateTime::UNIX_EPOCH, 1),
            error(None, "code", "detail"),
            unreadable(conversation, 4, 1),
            pong(),
        ] {
            let keys: Vec<String> = parsed(&frame).as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys, ["conversation_id", "data", "seq", "type"], "{}", frame.text);
        }
    }
}
