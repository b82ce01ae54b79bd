//! Read marks. Stream `read-{conversation}.{user}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::{ConversationId, UserId};

area! {
    pub enum ReadEvent {
        ReadUpTo = 1;
    }
}

/// Someone has read everything up to and including `seq`. Marks only move forward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadUpTo {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    pub seq: u64,
}
