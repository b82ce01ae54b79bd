//! Blocking. Stream `block-{blocker}.{blocked}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::area::area;

area! {
    pub enum BlockEvent {
        Blocked = 1;
        Unblocked = 1;
    }
}

/// From now on neither sees or reaches the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blocked {
    pub blocker: UserId,
    pub blocked: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unblocked {
    pub blocker: UserId,
    pub blocked: UserId,
}
