//! The soft-delete audit view: what was deleted, when, by whom and why, and whether it came back.

use chrono::{DateTime, Utc};
use nova_events::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Deletion {
    pub entity: Entity,
    pub id: Uuid,
    #[schema(value_type = Uuid)]
    pub owner_id: UserId,
    pub deleted_at: DateTime<Utc>,
    /// Null when Nova itself did it.
    #[schema(value_type = Option<Uuid>)]
    pub deleted_by: Option<UserId>,
    pub reason: Option<String>,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    pub restored_at: Option<DateTime<Utc>>,
    /// The position of the deletion in the log.
    pub position: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    User,
    Post,
    Comment,
    Message,
}

impl Entity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Post => "post",
            Self::Comment => "comment",
            Self::Message => "message",
        }
    }
}

/// Which deletions an auditor asks for. Newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletionQuery {
    pub entity: Option<Entity>,
    pub deleted_by: Option<UserId>,
    /// Those in force at this time: deleted by then, and not restored by then.
    pub as_of: Option<DateTime<Utc>>,
}
