//! A message.

use chrono::{DateTime, Utc};
use nova_events::message::MessageType;
use nova_events::{ConversationId, MessageId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::post_card::MediaRef;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Message {
    #[schema(value_type = uuid::Uuid)]
    pub id: MessageId,
    #[schema(value_type = uuid::Uuid)]
    pub conversation_id: ConversationId,
    /// Its place in the conversation. Edits and deletions take a seq too, so a list has gaps.
    pub seq: u64,
    #[schema(value_type = uuid::Uuid)]
    pub sender_id: UserId,
    #[schema(value_type = String, example = "text")]
    pub message_type: MessageType,
    pub text: Option<String>,
    pub encrypted_content: Option<String>,
    pub nonce: Option<String>,
    pub media: Option<MediaRef>,
    #[schema(value_type = Option<uuid::Uuid>)]
    pub reply_to: Option<MessageId>,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    /// What it said is gone then; its place stays.
    pub deleted: bool,
}

/// Which messages of a conversation to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRange {
    /// Those with a higher seq, lowest first. -1: from the start.
    After(i64),
    /// Those with a lower seq: the ones next to it, in ascending order. `u64::MAX`: the newest.
    Before(u64),
}
