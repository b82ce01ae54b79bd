//! Posts. Stream `post-{id}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::media::MediaKind;
use crate::user::Reason;
use crate::{MediaId, Personal, PostId, UserId};

area! {
    pub enum PostEvent {
        PostPublished = 1, personal(author, Content);
        PostEdited = 1, personal(author, Content);
        PostDeleted = 1, personal(deleted_by, Content);
        PostRestored = 1;
        PostPurged = 1;
    }
}

/// Who may see a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    #[default]
    Public,
    /// The author and those who follow them.
    Followers,
    /// The author.
    Private,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostPublished {
    pub post_id: PostId,
    pub author: UserId,
    pub visibility: Visibility,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaId>,
    /// What each of them is, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_kinds: Vec<MediaKind>,
    #[serde(skip)]
    pub personal: Personal<Text>,
}

/// What someone wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    pub text: String,
}

/// The author replaced the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostEdited {
    pub post_id: PostId,
    pub author: UserId,
    #[serde(skip)]
    pub personal: Personal<Text>,
}

/// The post is hidden; it can be restored within the grace period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostDeleted {
    pub post_id: PostId,
    pub author: UserId,
    pub deleted_by: UserId,
    #[serde(skip)]
    pub personal: Personal<Reason>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostRestored {
    pub post_id: PostId,
    pub author: UserId,
    pub restored_by: UserId,
    /// Whose earlier deletion stays in force: the post stays hidden. `None`: it is shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_deleted_by: Option<UserId>,
}

/// The grace period of a deleted post is over: it can never come back, and views drop what they hold of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostPurged {
    pub post_id: PostId,
    pub author: UserId,
}
