//! A reader whose answers never claim to be current when they are not.
//!
//! Every handler and every live session asks through it. Before a query it notes how far the views of that query are. If
//! they are behind (see [`crate::lag`]), then
//!
//! * the answer is `degraded`, and its `as_of` is the time of the last event that the views have seen;
//! * something that was not found, or views that have seen nothing at all, is [`ViewError::Behind`]: it may well exist;
//! * a ranking that was worked out before is not used, and one that is worked out now is not used later.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::{ConversationId, PostId, UserId};
use nova_views::projection::{CONVERSATIONS, DELETIONS, ENGAGEMENT, GRAPH, POSTS, PROFILES};
use nova_views::{
    Answer, Comment, Conversation, Deletion, DeletionQuery, FeedItem, List, Lookup, Message, MessageHit,
    MessageRange, PageRequest, PostCard, Profile, ProfileKey, ViewError, ViewReader,
};

use crate::lag::{Lag, LagMonitor};

/// What a page of posts is made of. A profile holds the number of posts, followers and shared likes.
const POSTS_AND_PEOPLE: &[&str] = &[PROFILES, POSTS, ENGAGEMENT, GRAPH];
const PEOPLE: &[&str] = &[PROFILES, POSTS, GRAPH];
const TALKS: &[&str] = &[CONVERSATIONS];

pub(crate) struct CurrentReader {
    inner: Arc<dyn ViewReader>,
    lag: LagMonitor,
}

type Answered<T> = Result<Answer<T>, ViewError>;

/// Where the views of a query were before it was carried out.
struct Before {
    all: Lag,
    sources: Vec<(&'static str, Lag)>,
}

impl Before {
    /// A source that is not listed is a fallback, whose answers say so themselves.
    fn of(&self, source: &'static str) -> Option<Lag> {
        if self.sources.is_empty() {
            return Some(self.all);
        }
        self.sources.iter().find(|(name, _)| *name == source).map(|(_, lag)| *lag)
    }
}

impl CurrentReader {
    pub(crate) fn new(inner: Arc<dyn ViewReader>, lag: LagMonitor) -> Self {
        Self { inner, lag }
    }

    fn before(&self, projections: &[&'static str]) -> Before {
        let found = self.inner.applied_by_source(projections);
        let lowest = found.iter().map(|(_, applied)| *applied).min();
        let all = self.lag.judge(lowest.unwrap_or_else(|| self.inner.applied()));
        let sources = found.into_iter().map(|(name, applied)| (name, self.lag.judge(applied))).collect();
        Before { all, sources }
    }

    /// For lists that are kept once they are worked out.
    fn fresh(&self, mut page: PageRequest) -> PageRequest {
        page.after = page.after.max(self.lag.floor());
        page
    }

    async fn list<T>(&self, before: &Before, answered: Answered<T>) -> Answered<T> {
        let mut answer = answered?;
        let Some(lag) = before.of(answer.source).filter(|lag| lag.behind) else { return Ok(answer) };
        if lag.applied == 0 {
            return Err(behind(lag));
        }
        answer.degraded = true;
        answer.as_of = answer.as_of.min(self.lag.recorded_at(lag.applied).await);
        Ok(answer)
    }

    async fn lookup<T>(&self, before: &Before, answered: Answered<Lookup<T>>) -> Answered<Lookup<T>> {
        let answer = self.list(before, answered).await?;
        match before.of(answer.source) {
            Some(lag) if lag.behind && matches!(answer.value, Lookup::Unknown) => Err(behind(lag)),
            Some(_) | None => Ok(answer),
        }
    }
}

fn behind(lag: Lag) -> ViewError {
    ViewError::Behind { wanted: lag.head, applied: lag.applied, waited: Duration::ZERO }
}

#[async_trait::async_trait]
impl ViewReader for CurrentReader {
    fn applied(&self) -> u64 {
        self.inner.applied()
    }

    fn applied_by_source(&self, projections: &[&'static str]) -> Vec<(&'static str, u64)> {
        self.inner.applied_by_source(projections)
    }

    async fn wait_applied(&self, position: u64, patience: Duration) -> Result<(), ViewError> {
        self.inner.wait_applied(position, patience).await
    }

    async fn feed(&self, viewer: UserId, page: PageRequest, now: DateTime<Utc>) -> Answered<List<FeedItem>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.list(&before, self.inner.feed(viewer, self.fresh(page), now).await).await
    }

    async fn timeline(&self, viewer: UserId, page: PageRequest) -> Answered<List<PostCard>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.list(&before, self.inner.timeline(viewer, page).await).await
    }

    async fn post(&self, viewer: UserId, post: PostId) -> Answered<Lookup<PostCard>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.lookup(&before, self.inner.post(viewer, post).await).await
    }

    async fn comments(
        &self,
        viewer: UserId,
        post: PostId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Comment>>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.lookup(&before, self.inner.comments(viewer, post, page).await).await
    }

    async fn profile(&self, viewer: UserId, key: ProfileKey) -> Answered<Lookup<Profile>> {
        let before = self.before(PEOPLE);
        self.lookup(&before, self.inner.profile(viewer, key).await).await
    }

    async fn posts_of(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<PostCard>>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.lookup(&before, self.inner.posts_of(viewer, user, page).await).await
    }

    async fn followers(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        let before = self.before(PEOPLE);
        self.lookup(&before, self.inner.followers(viewer, user, page).await).await
    }

    async fn following(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        let before = self.before(PEOPLE);
        self.lookup(&before, self.inner.following(viewer, user, page).await).await
    }

    async fn blocks(&self, viewer: UserId, page: PageRequest) -> Answered<List<Profile>> {
        let before = self.before(PEOPLE);
        self.list(&before, self.inner.blocks(viewer, page).await).await
    }

    async fn trending(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<PostCard>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.list(&before, self.inner.trending(viewer, self.fresh(page), now).await).await
    }

    async fn discover(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<Profile>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.list(&before, self.inner.discover(viewer, self.fresh(page), now).await).await
    }

    async fn search(&self, viewer: UserId, text: &str, page: PageRequest) -> Answered<List<PostCard>> {
        let before = self.before(POSTS_AND_PEOPLE);
        self.list(&before, self.inner.search(viewer, text, page).await).await
    }

    async fn conversations(&self, viewer: UserId, page: PageRequest) -> Answered<List<Conversation>> {
        let before = self.before(TALKS);
        self.list(&before, self.inner.conversations(viewer, page).await).await
    }

    async fn conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Answered<Lookup<Conversation>> {
        let before = self.before(TALKS);
        self.lookup(&before, self.inner.conversation(viewer, conversation).await).await
    }

    async fn messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Answered<Lookup<Vec<Message>>> {
        let before = self.before(TALKS);
        self.lookup(&before, self.inner.messages(viewer, conversation, range, limit).await).await
    }

    async fn search_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        text: &str,
        page: PageRequest,
    ) -> Answered<Lookup<List<MessageHit>>> {
        let before = self.before(TALKS);
        self.lookup(&before, self.inner.search_messages(viewer, conversation, text, page).await).await
    }

    async fn deletions(&self, query: DeletionQuery, page: PageRequest) -> Answered<List<Deletion>> {
        let before = self.before(&[DELETIONS]);
        self.list(&before, self.inner.deletions(query, page).await).await
    }

    async fn purgeable_posts(
        &self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<PostId>, ViewError> {
        self.inner.purgeable_posts(deleted_before, limit).await
    }
}
