//! A person, as one viewer sees them.

use chrono::{DateTime, Utc};
use nova_events::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    #[schema(value_type = uuid::Uuid)]
    pub id: UserId,
    pub handle: String,
    pub display_name: String,
    pub bio: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Posts that are not deleted, whatever their visibility.
    pub post_count: u64,
    /// All followers, also closed accounts and people whom the viewer does not see: lists leave those out.
    pub follower_count: u64,
    /// All who are followed, as `follower_count` counts.
    pub following_count: u64,
    pub followed_by_viewer: bool,
    pub follows_viewer: bool,
}

/// How a person is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileKey {
    Id(UserId),
    /// Without the `@`, lower case.
    Handle(String),
}
