//! Messages. Stream `messages-{conversation}` holds what was said: its revision is the **seq** that clients count by.
//! Stream `message-{id}` holds the marks that settle races over one message: an edit or a deletion is decided there,
//! and told in `messages-{conversation}` by the same append.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::user::Reason;
use crate::{ConversationId, MediaId, MessageId, Personal, UserId};

area! {
    /// In `messages-{conversation}`.
    pub enum MessageEvent {
        MessageSent = 1, personal(sender, Messages);
        MessageEdited = 1, personal(sender, Messages);
        MessageDeleted = 1, personal(deleted_by, Messages);
    }
}

area! {
    /// In `message-{id}`.
    pub enum MessageMarkEvent {
        MessageEditMarked = 1;
        MessageDeleteMarked = 1;
    }
}

impl MessageEvent {
    pub fn conversation(&self) -> ConversationId {
        match self {
            Self::MessageSent(event) => event.conversation_id,
            Self::MessageEdited(event) => event.conversation_id,
            Self::MessageDeleted(event) => event.conversation_id,
        }
    }

    /// The message that it is about.
    pub fn message(&self) -> MessageId {
        match self {
            Self::MessageSent(event) => event.message_id,
            Self::MessageEdited(event) => event.message_id,
            Self::MessageDeleted(event) => event.message_id,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    #[default]
    Text,
    /// Readable by its recipients only; the server stores it as it came.
    Encrypted,
    Audio,
    Image,
    Video,
}

/// Someone said something. The message's id is the id of this event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageSent {
    pub message_id: MessageId,
    pub conversation_id: ConversationId,
    pub sender: UserId,
    pub message_type: MessageType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_id: Option<MediaId>,
    #[serde(skip)]
    pub personal: Personal<Body>,
}

/// What a message says: `text`, or `encrypted_content` with its `nonce` (both as the client sent them).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The id that the client gave it, for its own bookkeeping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageEdited {
    pub message_id: MessageId,
    pub conversation_id: ConversationId,
    pub sender: UserId,
    #[serde(skip)]
    pub personal: Personal<Body>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDeleted {
    pub message_id: MessageId,
    pub conversation_id: ConversationId,
    pub sender: UserId,
    pub deleted_by: UserId,
    #[serde(skip)]
    pub personal: Personal<Reason>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageEditMarked {
    pub message_id: MessageId,
    pub conversation_id: ConversationId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDeleteMarked {
    pub message_id: MessageId,
    pub conversation_id: ConversationId,
}
