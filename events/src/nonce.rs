//! Nonces that have been used. Stream `nonce-{conversation}.{key}`, where the key is the keyed hash of the sender, their
//! device and the nonce: the stream has one event or none, and none of the three can be read from its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::{ConversationId, MessageId};

area! {
    pub enum NonceEvent {
        NonceUsed = 1;
    }
}

/// A message, or an edit of it, has been encrypted with this nonce. In the append of what it encrypts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NonceUsed {
    pub conversation_id: ConversationId,
    pub message_id: MessageId,
}
