//! Comments on posts. Stream `comment-{id}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::post::Text;
use crate::user::Reason;
use crate::{CommentId, Personal, PostId, UserId};

area! {
    pub enum CommentEvent {
        CommentAdded = 1, personal(author, Content);
        CommentEdited = 1, personal(author, Content);
        CommentDeleted = 1, personal(deleted_by, Content);
        CommentRestored = 1;
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommentAdded {
    pub comment_id: CommentId,
    pub post_id: PostId,
    pub post_author: UserId,
    /// The comment it answers, on the same post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<CommentId>,
    pub author: UserId,
    #[serde(skip)]
    pub personal: Personal<Text>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommentEdited {
    pub comment_id: CommentId,
    pub post_id: PostId,
    pub author: UserId,
    #[serde(skip)]
    pub personal: Personal<Text>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommentDeleted {
    pub comment_id: CommentId,
    pub post_id: PostId,
    pub post_author: UserId,
    pub author: UserId,
    pub deleted_by: UserId,
    #[serde(skip)]
    pub personal: Personal<Reason>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommentRestored {
    pub comment_id: CommentId,
    pub post_id: PostId,
    pub post_author: UserId,
    pub author: UserId,
    pub restored_by: UserId,
    /// Whose earlier deletion stays in force: the comment stays hidden. `None`: it is shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_deleted_by: Option<UserId>,
}
