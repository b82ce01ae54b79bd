//! Questions. Each is written once, as plain code over an [`Ask`]: first it is tried with what is kept in memory alone,
//! on the spot; when that is not enough it is asked again on a thread of its own, with a set of connections.

mod audit;
mod comments;
mod conversations;
mod discover;
mod feed;
mod frozen;
mod lists;
mod people;
mod posts;
mod relations;
mod search;
mod timeline;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nova_events::{ConversationId, PostId, UserId};
use nova_views::search::{Phrases, Search};
use nova_views::{
    Answer, Comment, Conversation, Deletion, DeletionQuery, FeedItem, List, Lookup, Message, MessageHit,
    MessageRange, PageRequest, PostCard, Profile, ProfileKey, ViewError, ViewReader,
};
use rusqlite::Connection;

pub(crate) use frozen::{Frozen, FrozenLists};
pub(crate) use posts::PostRow;
pub(crate) use timeline::Home;

use crate::readers::Reader;
use crate::sqlite::view_error;
use crate::views::{Shared, Views};

/// The name by which answers say where they come from.
const SOURCE: &str = "sqlite";

/// Someone asking: what is in memory, and perhaps connections.
pub(crate) struct Ask<'a> {
    shared: &'a Shared,
    reader: Option<&'a mut Reader>,
}

/// Why a question was not answered.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What is in memory is not enough.
    NeedsFiles,
    Failed(ViewError),
}

impl From<ViewError> for Stop {
    fn from(error: ViewError) -> Self {
        Self::Failed(error)
    }
}

type Asked<T> = Result<T, Stop>;

impl Ask<'_> {
    fn query<T>(&mut self, index: usize, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Asked<T> {
        let shared = self.shared;
        let reader = self.files()?;
        let store = &shared.stores[index];
        reader
            .connection(index, store, &shared.options)
            .and_then(|db| read(db).map_err(|error| view_error(&error)))
            .map_err(|error| Stop::Failed(store.refused(error)))
    }

    /// For what takes too long to be done on the spot.
    fn files(&mut self) -> Asked<&mut Reader> {
        self.reader.as_deref_mut().ok_or(Stop::NeedsFiles)
    }
}

impl Views {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Ask<'_>) -> Asked<T> + Send + 'static,
    ) -> Result<Answer<T>, ViewError> {
        let as_of = Utc::now();
        let value = match question(&mut Ask { shared: &self.shared, reader: None }) {
            Ok(value) => value,
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::NeedsFiles) => self.ask_files(question).await?,
        };
        Ok(Answer { value, source: SOURCE, as_of, degraded: false })
    }

    async fn ask_files<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Ask<'_>) -> Asked<T> + Send + 'static,
    ) -> Result<T, ViewError> {
        let permits = Arc::clone(&self.shared.readers.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| ViewError::Unavailable("the views are closed".to_owned()))?;
        self.blocking(move |shared| {
            let _permit = permit;
            let mut reader = shared.readers.take();
            let answer = question(&mut Ask { shared, reader: Some(&mut reader) });
            shared.readers.put_back(reader, &shared.stores);
            answer.map_err(|stop| match stop {
                Stop::Failed(error) => error,
                Stop::NeedsFiles => ViewError::Unavailable("the view files are not open".to_owned()),
            })
        })
        .await
    }
}

/// A limit within what a page may have.
fn limit_of(page: &PageRequest) -> usize {
    page.limit.clamp(1, PageRequest::LIMIT_MAX)
}

type Answered<T> = Result<Answer<T>, ViewError>;

#[async_trait::async_trait]
impl ViewReader for Views {
    fn applied(&self) -> u64 {
        self.shared.applied()
    }

    fn applied_by_source(&self, projections: &[&'static str]) -> Vec<(&'static str, u64)> {
        vec![(SOURCE, self.shared.applied_of(projections))]
    }

    async fn wait_applied(&self, position: u64, patience: Duration) -> Result<(), ViewError> {
        if self.shared.applied() >= position {
            return Ok(());
        }
        let mut applied = self.shared.watch_applied();
        let reached = applied.wait_for(|applied| *applied >= position);
        let result = tokio::time::timeout(patience, reached).await;
        match result {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(ViewError::Unavailable("the views are closed".to_owned())),
            Err(_) => {
                Err(ViewError::Behind { wanted: position, applied: self.shared.applied(), waited: patience })
            }
        }
    }

    async fn feed(&self, viewer: UserId, page: PageRequest, now: DateTime<Utc>) -> Answered<List<FeedItem>> {
        self.ask(move |ask| ask.feed(viewer, &page, now)).await
    }

    async fn timeline(&self, viewer: UserId, page: PageRequest) -> Answered<List<PostCard>> {
        self.ask(move |ask| ask.timeline(viewer, &page)).await
    }

    async fn post(&self, viewer: UserId, post: PostId) -> Answered<Lookup<PostCard>> {
        self.ask(move |ask| ask.post(viewer, post)).await
    }

    async fn comments(
        &self,
        viewer: UserId,
        post: PostId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Comment>>> {
        self.ask(move |ask| ask.comments(viewer, post, &page)).await
    }

    async fn profile(&self, viewer: UserId, key: ProfileKey) -> Answered<Lookup<Profile>> {
        self.ask(move |ask| ask.profile(viewer, &key)).await
    }

    async fn posts_of(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<PostCard>>> {
        self.ask(move |ask| ask.posts_of(viewer, user, &page)).await
    }

    async fn followers(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        self.ask(move |ask| ask.followers(viewer, user, &page)).await
    }

    async fn following(
        &self,
        viewer: UserId,
        user: UserId,
        page: PageRequest,
    ) -> Answered<Lookup<List<Profile>>> {
        self.ask(move |ask| ask.following(viewer, user, &page)).await
    }

    async fn blocks(&self, viewer: UserId, page: PageRequest) -> Answered<List<Profile>> {
        self.ask(move |ask| ask.blocks(viewer, &page)).await
    }

    async fn trending(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<PostCard>> {
        self.ask(move |ask| ask.trending(viewer, &page, now)).await
    }

    async fn discover(
        &self,
        viewer: UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Answered<List<Profile>> {
        self.ask(move |ask| ask.discover(viewer, &page, now)).await
    }

    async fn search(&self, viewer: UserId, text: &str, page: PageRequest) -> Answered<List<PostCard>> {
        let phrases = Phrases::checked(text)?;
        self.ask(move |ask| ask.search(viewer, &phrases, &page)).await
    }

    async fn conversations(&self, viewer: UserId, page: PageRequest) -> Answered<List<Conversation>> {
        self.ask(move |ask| ask.conversations(viewer, &page)).await
    }

    async fn conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Answered<Lookup<Conversation>> {
        self.ask(move |ask| ask.conversation(viewer, conversation)).await
    }

    async fn messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Answered<Lookup<Vec<Message>>> {
        self.ask(move |ask| ask.messages(viewer, conversation, range, limit)).await
    }

    async fn search_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        text: &str,
        page: PageRequest,
    ) -> Answered<Lookup<List<MessageHit>>> {
        let search = Search::of(text, &page)?;
        self.ask(move |ask| ask.search_messages(viewer, conversation, &search)).await
    }

    async fn deletions(&self, query: DeletionQuery, page: PageRequest) -> Answered<List<Deletion>> {
        self.ask(move |ask| ask.deletions(&query, &page)).await
    }

    async fn purgeable_posts(
        &self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<PostId>, ViewError> {
        self.ask(move |ask| ask.purgeable_posts(deleted_before, limit)).await.map(|answer| answer.value)
    }
}
