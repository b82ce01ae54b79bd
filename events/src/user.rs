//! Accounts. Stream `user-{id}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::{Personal, UserId};

area! {
    pub enum UserEvent {
        UserRegistered = 1, personal(user_id, Identity);
        ProfileChanged = 1, personal(user_id, Identity);
        UserDeactivated = 1, personal(user_id, Identity);
        UserReactivated = 1;
    }
}

/// The kinds of events that close an account or open it again.
pub const CLOSING_KINDS: [&str; 2] = ["UserDeactivated", "UserReactivated"];

/// Returns whether an event of this kind closes the account that its stream is of; `None` when it neither closes nor opens it.
pub fn closes(kind: &str) -> Option<bool> {
    match kind {
        "UserDeactivated" => Some(true),
        "UserReactivated" => Some(false),
        _ => None,
    }
}

/// Someone opened an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    pub user_id: UserId,
    /// The keyed hash of the handle: the id of its claim stream.
    pub handle_key: String,
    #[serde(skip)]
    pub personal: Personal<Profile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    pub handle: String,
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
}

/// Someone changed their profile. It holds the profile as it is from now on, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileChanged {
    pub user_id: UserId,
    pub handle_key: String,
    #[serde(skip)]
    pub personal: Personal<Profile>,
}

/// Someone closed their account. It and what they wrote are hidden until they come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeactivated {
    pub user_id: UserId,
    #[serde(skip)]
    pub personal: Personal<Reason>,
}

/// Why something was done, in someone's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    pub reason: String,
}

/// Someone came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserReactivated {
    pub user_id: UserId,
}
