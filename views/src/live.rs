//! What clients are told of a message event, the moment it happens: `{"type", "conversation_id", "seq", "data"}`, always
//! with these four keys. The same text goes over a WebSocket, and between processes on the channel of the conversation.

use chrono::{DateTime, Utc};
use nova_events::message::{Body, MessageEvent, MessageType};
use nova_events::{ConversationId, Envelope, MediaId, MessageId, UserId};
use serde::Serialize;

use crate::{MediaRef, Message};

#[derive(Serialize)]
struct Wire<'a, D> {
    #[serde(rename = "type")]
    kind: &'a str,
    conversation_id: Option<ConversationId>,
    seq: Option<u64>,
    data: D,
}

/// The text of a frame. `seq` is there for message events only, and says how far the client is.
pub fn text<D: Serialize>(
    kind: &str,
    conversation_id: Option<ConversationId>,
    seq: Option<u64>,
    data: D,
) -> String {
    // Plain structs of strings, numbers and ids always serialise.
    serde_json::to_string(&Wire { kind, conversation_id, seq, data }).unwrap_or_default()
}

#[derive(Serialize)]
struct NewMessage {
    #[serde(flatten)]
    message: Message,
    /// The id that the sender gave it, by which they know it again.
    client_message_id: Option<String>,
}

#[derive(Serialize)]
struct EditedMessage {
    id: MessageId,
    sender_id: UserId,
    text: Option<String>,
    encrypted_content: Option<String>,
    nonce: Option<String>,
    edited_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct DeletedMessage {
    id: MessageId,
    sender_id: UserId,
    deleted_by: UserId,
    deleted_at: DateTime<Utc>,
}

/// A message event. `hidden`: the message is known to have been deleted since, so that what it said stays untold.
pub fn message(envelope: &Envelope, event: &MessageEvent, hidden: bool) -> String {
    let (seq, at) = (envelope.revision, envelope.occurred_at());
    let told = |body: Option<&Body>| if hidden { Body::default() } else { body.cloned().unwrap_or_default() };
    match event {
        MessageEvent::MessageSent(sent) => {
            let body = told(sent.personal.clear());
            let media = sent.media_id.filter(|_| !hidden).map(|id| media(id, sent.message_type));
            let message = Message {
                id: sent.message_id,
                conversation_id: sent.conversation_id,
                seq,
                sender_id: sent.sender,
                message_type: sent.message_type,
                text: body.text,
                encrypted_content: body.encrypted_content,
                nonce: body.nonce,
                media,
                reply_to: sent.reply_to,
                created_at: at,
                edited_at: None,
                deleted: hidden,
            };
            let data = NewMessage { message, client_message_id: body.client_message_id };
            text("message.new", Some(sent.conversation_id), Some(seq), data)
        }
        MessageEvent::MessageEdited(edited) => {
            let Body { text: said, encrypted_content, nonce, .. } = told(edited.personal.clear());
            let (id, sender_id) = (edited.message_id, edited.sender);
            let data = EditedMessage { id, sender_id, text: said, encrypted_content, nonce, edited_at: at };
            text("message.edited", Some(edited.conversation_id), Some(seq), data)
        }
        MessageEvent::MessageDeleted(deleted) => {
            let data = DeletedMessage {
                id: deleted.message_id,
                sender_id: deleted.sender,
                deleted_by: deleted.deleted_by,
                deleted_at: at,
            };
            text("message.deleted", Some(deleted.conversation_id), Some(seq), data)
        }
    }
}

fn media(id: MediaId, message_type: MessageType) -> MediaRef {
    let kind = match message_type {
        MessageType::Text | MessageType::Encrypted => "file",
        MessageType::Audio => "audio",
        MessageType::Image => "image",
        MessageType::Video => "video",
    };
    MediaRef { id, kind: kind.to_owned(), url: format!("/api/v1/media/{id}") }
}
