//! A post as a card, and as an item of the ranked feed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nova_events::post::Visibility;
use nova_events::{MediaId, PostId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A post, as one viewer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PostCard {
    #[schema(value_type = uuid::Uuid)]
    pub id: PostId,
    /// Shared between the cards of one author.
    #[schema(value_type = Author)]
    pub author: Arc<Author>,
    /// Empty when the author's data has been erased.
    #[schema(value_type = String)]
    pub text: Arc<str>,
    #[schema(value_type = Vec<MediaRef>)]
    pub media: Arc<[MediaRef]>,
    #[schema(value_type = String, example = "public")]
    pub visibility: Visibility,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    /// All likes, also of closed accounts and of people whom the viewer does not see.
    pub like_count: u64,
    /// Comments that are not deleted, answers to comments included, by the rule of `like_count`.
    pub comment_count: u64,
    pub share_count: u64,
    pub liked_by_viewer: bool,
}

/// Who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Author {
    #[schema(value_type = uuid::Uuid)]
    pub id: UserId,
    pub handle: String,
    pub display_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MediaRef {
    #[schema(value_type = uuid::Uuid)]
    pub id: MediaId,
    pub kind: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeedItem {
    #[serde(flatten)]
    pub card: PostCard,
    /// Between 0 and 1 with the weights that Nova comes with; see `ranking`.
    pub score: f64,
    pub reason: FeedReason,
}

/// Why a post is in someone's feed; the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedReason {
    /// The viewer follows the author.
    Following,
    /// The viewer likes or comments what the author writes.
    Affinity,
    /// Many people like it right now.
    Trending,
}
