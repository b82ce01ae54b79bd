//! A comment, as one viewer sees it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nova_events::{CommentId, PostId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::post_card::Author;

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Comment {
    #[schema(value_type = uuid::Uuid)]
    pub id: CommentId,
    #[schema(value_type = uuid::Uuid)]
    pub post_id: PostId,
    /// The comment it answers. It may have been deleted since.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub parent_comment_id: Option<CommentId>,
    #[schema(value_type = Author)]
    pub author: Arc<Author>,
    #[schema(value_type = String)]
    pub text: Arc<str>,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    /// All likes, also of closed accounts and of people whom the viewer does not see.
    pub like_count: u64,
    pub liked_by_viewer: bool,
}
