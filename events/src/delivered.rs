//! Delivered marks: how far a device has received a conversation. Stream `delivered-{conversation}.{device key}`, where
//! the key is the keyed hash of the member and their device's id, so that neither can be read from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::{ConversationId, UserId};

area! {
    pub enum DeliveredEvent {
        DeliveredUpTo = 1;
    }
}

/// A device of someone has received everything up to and including `seq`. Marks only move forward. Which device it is
/// stands in the stream's name only, as a keyed hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveredUpTo {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    pub seq: u64,
}
