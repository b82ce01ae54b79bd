//! What a projection says to a store.
//!
//! A change is absolute ("user u likes post p, as of version v"), never relative ("one more like"), and its version is
//! the position of the event that it comes from. A store ignores a change whose version is not higher than that of
//! what it holds in the same place. So redelivery and replay are harmless, and counts are derived from edges.

use chrono::{DateTime, Utc};
use nova_events::conversation::{ConversationKind, Role};
use nova_events::like::Target;
use nova_events::media::MediaKind;
use nova_events::message::{Body, MessageType};
use nova_events::post::Visibility;
use nova_events::{CommentId, ConversationId, MediaId, MessageId, PostId, UserId};
use uuid::Uuid;

use crate::deletion::Entity;

#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The position of the event in the log.
    pub version: u64,
    pub what: What,
}

/// Texts are `None` when they were redacted.
///
/// Changes to one thing (a post, an edge, a conversation) come in their order; across things they may come in any.
/// So a store keeps what it is told of a thing even when a thing it refers to is not there yet.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Registered {
        user: UserId,
        created_at: DateTime<Utc>,
        profile: Option<nova_events::user::Profile>,
    },
    ProfileIs {
        user: UserId,
        profile: Option<nova_events::user::Profile>,
    },
    /// Deactivated users and what they wrote are not shown.
    UserActive {
        user: UserId,
        active: bool,
    },

    Post {
        post: PostId,
        author: UserId,
        visibility: Visibility,
        media: Vec<(MediaId, MediaKind)>,
        text: Option<String>,
        created_at: DateTime<Utc>,
    },
    PostText {
        post: PostId,
        text: Option<String>,
        edited_at: DateTime<Utc>,
    },
    /// `at`: when it was deleted, or restored. It may be deleted more than once before it is restored.
    PostDeleted {
        post: PostId,
        deleted: bool,
        at: DateTime<Utc>,
    },
    /// Drop what is held of it, for good; direct reads still answer that it is gone.
    PostPurged {
        post: PostId,
    },

    Comment {
        comment: CommentId,
        post: PostId,
        post_author: UserId,
        parent: Option<CommentId>,
        author: UserId,
        text: Option<String>,
        created_at: DateTime<Utc>,
    },
    CommentText {
        comment: CommentId,
        text: Option<String>,
        edited_at: DateTime<Utc>,
    },
    CommentDeleted {
        comment: CommentId,
        deleted: bool,
    },

    Like {
        target: Target,
        post: PostId,
        author: UserId,
        user: UserId,
        on: bool,
        at: DateTime<Utc>,
    },
    Follow {
        follower: UserId,
        followee: UserId,
        on: bool,
        at: DateTime<Utc>,
    },
    Block {
        blocker: UserId,
        blocked: UserId,
        on: bool,
        at: DateTime<Utc>,
    },
    /// The one does not want the other suggested.
    Dismissal {
        dismisser: UserId,
        dismissed: UserId,
        on: bool,
        at: DateTime<Utc>,
    },

    Conversation {
        conversation: ConversationId,
        kind: ConversationKind,
        title: Option<String>,
        created_at: DateTime<Utc>,
        members: Vec<(UserId, Role)>,
    },
    ConversationTitle {
        conversation: ConversationId,
        title: Option<String>,
    },
    /// `role: None`: they are not a member any more. `joined_at` holds when they are new or come back.
    Member {
        conversation: ConversationId,
        user: UserId,
        role: Option<Role>,
        at: DateTime<Utc>,
        joined: bool,
    },

    Message {
        message: MessageId,
        conversation: ConversationId,
        seq: u64,
        sender: UserId,
        message_type: MessageType,
        body: Option<Body>,
        reply_to: Option<MessageId>,
        media: Option<MediaId>,
        created_at: DateTime<Utc>,
    },
    /// `seq` is that of the edit or deletion itself.
    MessageBody {
        message: MessageId,
        conversation: ConversationId,
        seq: u64,
        body: Option<Body>,
        edited_at: DateTime<Utc>,
    },
    MessageDeleted {
        message: MessageId,
        conversation: ConversationId,
        seq: u64,
    },
    ReadUpTo {
        conversation: ConversationId,
        user: UserId,
        seq: u64,
    },
    /// By one of the user's devices.
    DeliveredUpTo {
        conversation: ConversationId,
        user: UserId,
        seq: u64,
    },

    /// For the audit view; the version is the deletion's identity.
    Deletion {
        entity: Entity,
        id: Uuid,
        owner: UserId,
        deleted_at: DateTime<Utc>,
        deleted_by: Option<UserId>,
        reason: Option<String>,
        correlation_id: Uuid,
        causation_id: Option<Uuid>,
    },
    /// The deletions of it before this version have been undone, down to the latest by `still_deleted_by`, which stays in
    /// force. Those that had been undone before keep their time.
    Restoration {
        entity: Entity,
        id: Uuid,
        restored_at: DateTime<Utc>,
        still_deleted_by: Option<UserId>,
    },
}
