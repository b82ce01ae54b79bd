//! The port through which questions are asked: one method per question.
//!
//! Rules that every answer keeps:
//! * Someone who blocks the viewer, or whom the viewer blocks, is not in it, nor anything they wrote.
//!   Conversations are exempt: what is said in one is seen by all its members.
//! * Nothing deleted, and nothing of deactivated users, is in it.
//! * A post is seen as its visibility says: `followers` by its author and those who follow them now, `private` by its
//!   author. What is written under a post is seen by whoever sees the post.
//! * Timelines, posts of a user: `created_at` descending, then id descending. Comments: `created_at` ascending, then id
//!   ascending. Messages: seq ascending; found ones as [`crate::search`] says. Followers and following: newest edge first. Conversations: the one with the
//!   newest message (or newly started) first.

use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::{ConversationId, PostId, UserId};

use crate::comment::Comment;
use crate::conversation::Conversation;
use crate::deletion::{Deletion, DeletionQuery};
use crate::error::ViewError;
use crate::message::{Message, MessageRange};
use crate::page::{Answer, List, Lookup, PageRequest};
use crate::post_card::{FeedItem, PostCard};
use crate::profile::{Profile, ProfileKey};
use crate::search::MessageHit;

type Answered<T> = Result<Answer<T>, ViewError>;

#[async_trait::async_trait]
pub trait ViewReader: Send + Sync + 'static {
    /// Every view has seen everything up to this position.
    fn applied(&self) -> u64;

    /// Returns how far the views of these projections are, for each source of answers by the name that
    /// [`Answer::source`] gives it. A view that is damaged counts as being at 0. Empty: [`Self::applied`] says it for
    /// every source.
    fn applied_by_source(&self, _projections: &[&'static str]) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Waits until every view has seen `position`; [`ViewError::Behind`] when that takes longer than `patience`.
    async fn wait_applied(&self, position: u64, patience: Duration) -> Result<(), ViewError>;

    /// The ranked feed. The first page freezes an order that its cursors go through; what has since been hidden from
    /// the viewer is left out.
    async fn feed(&self, viewer: UserId, page: PageRequest, now: DateTime<Utc>) -> Answered<List<FeedItem>>;

    /// What the viewer's followees and the viewer posted, newest first.
    async fn timeline(&self, viewer: UserId, page: PageRequest) -> Answered<List<PostCard>>;

    async fn post(&self, viewer: UserId, post: PostId) -> Answered<Lookup<PostCard>>;

    /// The comments of a post, answers to comments among them, oldest first.
    async fn comments(
        &self,
        viewer: UserId,
        post: PostId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Comment>>>;

    async fn profile(&self, viewer: UserId, key: ProfileKey) -> Answered<Lookup<Profile>>;

    async fn posts_of(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<PostCard>>>;

    async fn followers(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>>;

    async fn following(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>>;

    /// Whom the viewer blocks. The one list that shows them.
    async fn blocks(&self, viewer: UserId, page: PageRequest) -> Answered<List<Profile>>;

    /// Public posts of the last 48 hours by decayed engagement.
    async fn trending(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<PostCard>>;

    /// People the viewer may know, as [`crate::discover`] says: those whom the viewer's followees follow, then those
    /// with most followers. Never the viewer, whom they follow already or whom they dismissed.
    async fn discover(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<Profile>>;

    /// Posts that match every word of `text`, best match first.
    async fn search(&self, viewer: UserId, text: &str, page: PageRequest) -> Answered<List<PostCard>>;

    async fn conversations(&self, viewer: UserId, page: PageRequest) -> Answered<List<Conversation>>;

    /// `Unknown` to whoever is not a member.
    async fn conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Answered<Lookup<Conversation>>;

    /// At most `limit` messages, deleted ones included (without what they said), in ascending order.
    async fn messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Answered<Lookup<Vec<Message>>>;

    /// Clear-text messages of one conversation that match every word of `text`, in the order of [`crate::search`].
    async fn search_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        text: &str,
        page: PageRequest,
    ) -> Answered<Lookup<List<MessageHit>>>;

    async fn deletions(&self, query: DeletionQuery, page: PageRequest) -> Answered<List<Deletion>>;

    /// Posts deleted before `deleted_before`, neither restored nor purged, oldest first: for the purge.
    async fn purgeable_posts(
        &self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<PostId>, ViewError>;
}
