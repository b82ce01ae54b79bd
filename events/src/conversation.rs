//! Conversations: who is in them. Stream `conversation-{id}`, small however busy the conversation is; the messages are
//! in `messages-{id}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::{ConversationId, Personal, UserId};

area! {
    pub enum ConversationEvent {
        ConversationStarted = 1, personal(started_by, Messages);
        MemberAdded = 1;
        MemberRemoved = 1;
        MemberRoleChanged = 1;
        ConversationRenamed = 1, personal(renamed_by, Messages);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Between two people, who stay its members.
    Direct,
    Group,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Member,
    Admin,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationStarted {
    pub conversation_id: ConversationId,
    pub kind: ConversationKind,
    pub started_by: UserId,
    /// The first members, `started_by` among them.
    pub members: Vec<(UserId, Role)>,
    #[serde(skip)]
    pub personal: Personal<Title>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Title {
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberAdded {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    pub role: Role,
    pub added_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberRemoved {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    /// The member themselves when they left.
    pub removed_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberRoleChanged {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    pub role: Role,
    pub changed_by: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationRenamed {
    pub conversation_id: ConversationId,
    pub renamed_by: UserId,
    #[serde(skip)]
    pub personal: Personal<Title>,
}
