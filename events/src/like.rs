//! Likes of posts and comments. Stream `like-{target}.{user}`: one small stream per edge, so that liking costs the same
//! however popular the target is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::{CommentId, PostId, UserId};

area! {
    pub enum LikeEvent {
        Liked = 1;
        Unliked = 1;
    }
}

/// What is liked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Post(PostId),
    Comment(CommentId),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Liked {
    pub target: Target,
    /// The post itself, or the one that the comment is on.
    pub post_id: PostId,
    /// Who wrote the target.
    pub author: UserId,
    pub user_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unliked {
    pub target: Target,
    pub post_id: PostId,
    pub author: UserId,
    pub user_id: UserId,
}
