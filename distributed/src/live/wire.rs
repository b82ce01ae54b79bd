//! What stands on a channel: the JSON that clients are told, and behind its four keys what other processes need.
//!
//! | `type` | further keys |
//! |---|---|
//! | `message.*` | `position`, `occurred_at_ms`, `membership_events` |
//! | `typing` | `from`, the process that says so |
//! | `presence` | `from`; its `data` is `{present, ask}` |

use nova_events::live::{Announcement, Heard, Note};
use nova_events::{ConversationId, Event, UserId};
use nova_views::live::{message, text};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Serialize, Deserialize)]
struct Typing {
    user_id: UserId,
}

#[derive(Serialize, Deserialize)]
struct Present {
    present: Vec<UserId>,
    ask: bool,
}

/// `None`: there is nothing to tell of it.
pub(super) fn encode(announcement: &Announcement, from: u64) -> Option<(ConversationId, String)> {
    match announcement {
        Announcement::Message { envelope, membership_events } => {
            let Event::Message(event) = &envelope.event else { return None };
            let more = format!(
                r#","position":{},"occurred_at_ms":{},"membership_events":{membership_events}}}"#,
                envelope.position, envelope.meta.occurred_at_ms
            );
            Some((event.conversation(), with(message(envelope, event, false), &more)))
        }
        Announcement::Note(note) => {
            let id = note.conversation();
            let told = match note {
                Note::Typing { user, .. } => text("typing", Some(id), None, Typing { user_id: *user }),
                Note::Present { users, ask, .. } => {
                    text("presence", Some(id), None, Present { present: users.clone(), ask: *ask })
                }
            };
            Some((id, with(told, &format!(r#","from":{from}}}"#))))
        }
    }
}

/// An object and more of its keys.
fn with(mut object: String, more: &str) -> String {
    object.pop();
    object.push_str(more);
    object
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    conversation_id: ConversationId,
    seq: Option<u64>,
    #[serde(borrow)]
    data: &'a RawValue,
    position: Option<u64>,
    occurred_at_ms: Option<i64>,
    membership_events: Option<u64>,
    from: Option<u64>,
}

/// `None`: it cannot be read.
pub(super) fn decode(payload: &[u8]) -> Option<Heard> {
    let wire: Wire<'_> = serde_json::from_slice(payload).ok()?;
    let conversation = wire.conversation_id;
    match wire.kind {
        "message.new" | "message.edited" | "message.deleted" => Some(Heard::Message {
            conversation,
            seq: wire.seq?,
            position: wire.position?,
            occurred_at_ms: wire.occurred_at_ms?,
            membership_events: wire.membership_events?,
            text: text(wire.kind, Some(conversation), wire.seq, wire.data),
        }),
        "typing" => {
            let Typing { user_id } = serde_json::from_str(wire.data.get()).ok()?;
            Some(Heard::Note { from: wire.from?, note: Note::Typing { conversation, user: user_id } })
        }
        "presence" => {
            let Present { present, ask } = serde_json::from_str(wire.data.get()).ok()?;
            let note = Note::Present { conversation, users: present, ask };
            Some(Heard::Note { from: wire.from?, note })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nova_events::samples;
    use nova_events::{Envelope, streams};
    use uuid::Uuid;

    use super::*;

    fn envelopes() -> Vec<Envelope> {
        let messages = samples::all().into_iter().filter(|event| matches!(event, Event::Message(_)));
        let envelope = |event: Event| Envelope {
            position: 77,
            stream: streams::messages(ConversationId(Uuid::from_u128(1))),
            revision: 5,
            event_id: Uuid::from_u128(3),
            command_id: Uuid::from_u128(3),
            recorded_at_ms: 1_000,
            meta: samples::meta(),
            event,
        };
        messages.map(envelope).collect()
    }

    #[test]
    fn clients_are_told_what_was_announced() {
        let envelopes = envelopes();
        assert!(envelopes.len() > 2);
        for envelope in envelopes {
            let Event::Message(event) = &envelope.event else { panic!("{envelope:?}") };
            let told = message(&envelope, event, false);
            let occurred_at_ms = envelope.meta.occurred_at_ms;
            let announcement =
                Announcement::Message { envelope: Arc::new(envelope.clone()), membership_events: 4 };
            let (id, payload) = encode(&announcement, 9).unwrap();
            let heard = decode(payload.as_bytes()).unwrap();
            let Heard::Message { conversation, seq, position, membership_events, text, .. } = &heard else {
                panic!("{heard:?}")
            };
            assert_eq!((*conversation, *seq, *position, *membership_events), (id, 5, 77, 4));
            assert_eq!(text, &told);
            let Heard::Message { occurred_at_ms: at_ms, .. } = heard else { panic!() };
            assert_eq!(at_ms, occurred_at_ms);
        }
    }

    #[test]
    fn notes_come_back_and_say_who_told() {
        let (conversation, user) = (ConversationId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        for note in [
            Note::Typing { conversation, user },
            Note::Present { conversation, users: vec![user], ask: true },
            Note::Present { conversation, users: vec![], ask: false },
        ] {
            let (id, payload) = encode(&Announcement::Note(note.clone()), u64::MAX).unwrap();
            assert_eq!(id, conversation);
            assert_eq!(decode(payload.as_bytes()), Some(Heard::Note { from: u64::MAX, note }));
        }
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        for payload in ["", "{}", "[]", r#"{"type":"message.new","conversation_id":1}"#, "\u{0}"] {
            assert_eq!(decode(payload.as_bytes()), None, "{payload}");
        }
        let (_, payload) = encode(
            &Announcement::Message { envelope: Arc::new(envelopes().remove(0)), membership_events: 4 },
            1,
        )
        .unwrap();
        for end in 0..payload.len() {
            assert_eq!(decode(&payload.as_bytes()[..end]), None, "cut off after {end} bytes");
        }
    }
}
