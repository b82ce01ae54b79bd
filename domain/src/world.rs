//! What a decision looks at and what it comes to.
//!
//! A decision asks the [`World`] for the states it needs. One that is not there yet ends it with [`Stop::Need`]; the
//! shell fetches what is missing and decides again. So decisions stay pure functions, and can still follow a reference
//! (a comment's post, the post's author) from one stream to the next. What was looked at is known exactly, and every
//! stream among it becomes a condition of the append.

use std::sync::Arc;

use nova_eventlog::StreamId;
use nova_events::message::MessageSent;
use nova_events::{Actor, CommentId, ConversationId, Event, MessageId, PostId, UserId, streams};
use uuid::Uuid;

use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::state::State;

/// Who asks, when, and under which limits.
#[derive(Debug, Clone)]
pub struct By<'a> {
    pub actor: Actor,
    /// May delete and restore what others wrote.
    pub moderator: bool,
    /// When it happens, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    pub command_id: Uuid,
    pub limits: &'a Limits,
    pub names: Names<'a>,
}

impl By<'_> {
    /// The person who asks. Nova itself cannot do what only a person does.
    pub fn user(&self) -> Result<UserId, Refusal> {
        self.actor.user().ok_or(Refusal::NotRegistered)
    }
}

/// The keyed hash of what must be told apart in the name of a stream but must not be read from it. A pure function, the
/// same for the life of the installation.
#[derive(Clone, Copy)]
pub struct Names<'a>(pub &'a (dyn Fn(&str) -> Uuid + Sync));

impl Names<'_> {
    pub(crate) fn key(&self, name: &str) -> Uuid {
        (self.0)(name)
    }
}

impl std::fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

/// Something a decision needs to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// The state of a stream. It becomes a condition.
    Stream(StreamId),
    /// How many events a stream has. Not a condition: it only grows.
    Length(StreamId),
    /// A message as it was sent, by its id. Not a condition: it never changes.
    Message(MessageId),
}

/// Why a decision stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    Need(Vec<Need>),
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is to happen. No events: it is already so.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The thing it is about, for the answer.
    pub id: Uuid,
    /// The stream whose revision is answered. With events, the first of them is in it.
    pub primary: StreamId,
    pub events: Vec<(StreamId, Event)>,
}

impl Decision {
    pub fn nothing(id: Uuid, primary: StreamId) -> Self {
        Self { id, primary, events: Vec::new() }
    }

    pub fn one(id: Uuid, stream: StreamId, event: impl Into<Event>) -> Self {
        Self { id, primary: stream.clone(), events: vec![(stream, event.into())] }
    }

    #[must_use]
    pub fn and(mut self, stream: StreamId, event: impl Into<Event>) -> Self {
        self.events.push((stream, event.into()));
        self
    }
}

/// A stream that has been looked at.
#[derive(Debug, Clone)]
pub struct Seen {
    pub stream: StreamId,
    pub revision: Option<u64>,
    pub state: Arc<State>,
}

/// The states that have been fetched for one decision.
#[derive(Debug, Clone, Default)]
pub struct World {
    streams: Vec<Seen>,
    lengths: Vec<(StreamId, u64)>,
    messages: Vec<(MessageId, Option<MessageSentAt>)>,
}

/// A message as it was sent, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageSentAt {
    pub sent: MessageSent,
    pub at_ms: i64,
}

impl World {
    pub fn put_stream(&mut self, stream: StreamId, revision: Option<u64>, state: Arc<State>) {
        self.streams.push(Seen { stream, revision, state });
    }

    pub fn put_length(&mut self, stream: StreamId, length: u64) {
        self.lengths.push((stream, length));
    }

    pub fn put_message(&mut self, id: MessageId, message: Option<MessageSentAt>) {
        self.messages.push((id, message));
    }

    /// The streams that were looked at.
    pub fn seen(&self) -> &[Seen] {
        &self.streams
    }

    pub fn seen_stream(&self, stream: &StreamId) -> Option<&Seen> {
        self.streams.iter().find(|seen| seen.stream == *stream)
    }

    /// The state of a stream.
    pub fn state(&self, stream: StreamId) -> Result<&State, Stop> {
        match self.seen_stream(&stream) {
            Some(seen) => Ok(&seen.state),
            None => Err(Stop::Need(vec![Need::Stream(stream)])),
        }
    }

    /// Asks for several streams at once, so that they are fetched together.
    pub fn want(&self, streams: impl IntoIterator<Item = StreamId>) -> Result<(), Stop> {
        let missing: Vec<_> = streams
            .into_iter()
            .filter(|stream| self.seen_stream(stream).is_none())
            .map(Need::Stream)
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Need(missing)) }
    }

    pub fn length(&self, stream: StreamId) -> Result<u64, Stop> {
        match self.lengths.iter().find(|(seen, _)| *seen == stream) {
            Some((_, length)) => Ok(*length),
            None => Err(Stop::Need(vec![Need::Length(stream)])),
        }
    }

    pub fn message(&self, id: MessageId) -> Result<Option<&MessageSentAt>, Stop> {
        match self.messages.iter().find(|(seen, _)| *seen == id) {
            Some((_, message)) => Ok(message.as_ref()),
            None => Err(Stop::Need(vec![Need::Message(id)])),
        }
    }
}

/// Questions that many decisions ask.
impl World {
    /// The actor is registered and active.
    pub(crate) fn check_actor(&self, user: UserId) -> Result<(), Stop> {
        let state = self.state(streams::user(user))?.user();
        match (state.registered, state.active) {
            (false, _) => Err(Refusal::NotRegistered.into()),
            (true, false) => Err(Refusal::AccountDeactivated.into()),
            (true, true) => Ok(()),
        }
    }

    /// Someone else is registered and active.
    pub(crate) fn check_person(&self, user: UserId) -> Result<(), Stop> {
        let state = self.state(streams::user(user))?.user();
        match (state.registered, state.active) {
            (false, _) => Err(Refusal::Unknown("user").into()),
            (true, false) => Err(Refusal::Gone("user").into()),
            (true, true) => Ok(()),
        }
    }

    pub(crate) fn check_not_blocked(&self, a: UserId, b: UserId) -> Result<(), Stop> {
        if a == b {
            return Ok(());
        }
        let (there, back) = (streams::block(a, b), streams::block(b, a));
        self.want([there.clone(), back.clone()])?;
        if self.state(there)?.edge().on || self.state(back)?.edge().on {
            return Err(Refusal::BlockedBetween.into());
        }
        Ok(())
    }

    /// The post is there and the viewer may see it; its author.
    pub(crate) fn check_post_seen_by(&self, viewer: UserId, post: PostId) -> Result<UserId, Stop> {
        let state = self.state(streams::post(post))?.post();
        let Some(published) = &state.published else {
            return Err(Refusal::Unknown("post").into());
        };
        let author = published.author;
        if author == viewer {
            return if state.is_hidden() { Err(Refusal::Gone("post").into()) } else { Ok(author) };
        }
        self.want([streams::user(author), streams::block(viewer, author), streams::block(author, viewer)])?;
        self.check_not_blocked(viewer, author)?;
        let followed = || Ok::<_, Stop>(self.state(streams::follow(viewer, author))?.edge().on);
        let visible = match published.visibility {
            nova_events::post::Visibility::Public => true,
            nova_events::post::Visibility::Followers => followed()?,
            nova_events::post::Visibility::Private => false,
        };
        if !visible {
            return Err(Refusal::Unknown("post").into());
        }
        if state.is_hidden() {
            return Err(Refusal::Gone("post").into());
        }
        self.check_person(author)?;
        Ok(author)
    }

    /// What someone hears who wants to change what is not theirs on a post: that, if they may see the post; otherwise
    /// no more than whoever may not see it hears.
    pub(crate) fn not_yours(&self, user: UserId, post: PostId, what: &'static str) -> Stop {
        match self.check_post_seen_by(user, post) {
            Ok(_) | Err(Stop::Refused(Refusal::Gone(_))) => Refusal::NotYours(what).into(),
            Err(stop) => stop,
        }
    }

    pub(crate) fn post(&self, id: PostId) -> Result<&crate::post::PostState, Stop> {
        Ok(self.state(streams::post(id))?.post())
    }

    pub(crate) fn comment(&self, id: CommentId) -> Result<&crate::comment::CommentState, Stop> {
        Ok(self.state(streams::comment(id))?.comment())
    }

    pub(crate) fn conversation(
        &self,
        id: ConversationId,
    ) -> Result<&crate::conversation::ConversationState, Stop> {
        Ok(self.state(streams::conversation(id))?.conversation())
    }
}
