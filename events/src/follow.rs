//! Following. Stream `follow-{follower}.{followee}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::area::area;

area! {
    pub enum FollowEvent {
        Followed = 1;
        Unfollowed = 1;
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Followed {
    pub follower: UserId,
    pub followee: UserId,
}

/// By the follower, or because one of the two blocked the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unfollowed {
    pub follower: UserId,
    pub followee: UserId,
}
