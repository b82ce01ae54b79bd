//! Unique handles. Stream `handle-{keyed hash of the handle}`: who holds it is decided on this stream alone, so no two
//! people can claim one at once, and the handle itself is not in its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::area::area;

area! {
    pub enum HandleEvent {
        HandleClaimed = 1;
        HandleReleased = 1;
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HandleClaimed {
    pub user_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HandleReleased {
    pub user_id: UserId,
}
