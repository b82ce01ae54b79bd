//! What a decision looks at and what it comes to.
//!
//! A decision asks the [`World`] for the states it needs. One that is not there yet ends it with [`Stop::Need`]; the
//! shell fetches what is missing and decides again. So decisions stay pure functions, and can still follow a reference
//! (a comment's post, the post's author) from one stream to the next. What was looked at is known exactly, and every
//! stream among it becomes a condition of the append.

use std::sync::Arc;

use nova_eventlog::StreamId;
use nova_events::media::Carrier;
use nova_events::message::{Body, MessageSent};
use nova_events::{Actor, CommentId, ConversationId, Event, MessageId, Personal, PostId, UserId, streams};
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
    /// What a message says by now, by its id. Not a condition: the marks on the message are.
    Words(MessageId),
}

/// Why a decision stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    Need(Vec<Need>),
    Refused(Refusal),
}

impl Stop {
    /// The same refusal about the thing that was asked for, when it is hidden by something else that is.
    pub(crate) fn unknown_as(self, what: &'static str) -> Self {
        match self {
            Self::Refused(Refusal::Unknown(_)) => Self::Refused(Refusal::Unknown(what)),
            stop => stop,
        }
    }
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
    /// `primary` is a stream that was looked at, or one that nobody looks at: then no revision is answered.
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
    words: Vec<(MessageId, Personal<Body>)>,
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

    /// What the message says after its last edit; redacted when it says nothing any more.
    pub fn put_words(&mut self, id: MessageId, words: Personal<Body>) {
        self.words.push((id, words));
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

    pub(crate) fn words(&self, id: MessageId) -> Result<&Personal<Body>, Stop> {
        match self.words.iter().find(|(seen, _)| *seen == id) {
            Some((_, words)) => Ok(words),
            None => Err(Stop::Need(vec![Need::Words(id)])),
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

    /// Whether one of the two blocks the other.
    pub(crate) fn is_blocked_between(&self, a: UserId, b: UserId) -> Result<bool, Stop> {
        self.want(blocks_between(a, b))?;
        for block in blocks_between(a, b) {
            if self.state(block)?.edge().on {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// For people who know of each other by what they share: a direct conversation.
    pub(crate) fn check_not_blocked(&self, a: UserId, b: UserId) -> Result<(), Stop> {
        if self.is_blocked_between(a, b)? { Err(Refusal::BlockedBetween.into()) } else { Ok(()) }
    }
}

/// What an actor may see. Something hidden is refused exactly as something that never existed, and before any other rule
/// about it is looked at: a refusal tells no more than a query does.
impl World {
    /// Someone else is registered, and neither blocks the other.
    pub(crate) fn check_person_known_to(&self, viewer: UserId, user: UserId) -> Result<(), Stop> {
        let is_hidden = self.is_blocked_between(viewer, user)?;
        if is_hidden || !self.state(streams::user(user))?.user().registered {
            return Err(Refusal::Unknown("user").into());
        }
        Ok(())
    }

    /// Someone else is registered and active, and neither blocks the other.
    pub(crate) fn check_person_seen_by(&self, viewer: UserId, user: UserId) -> Result<(), Stop> {
        self.check_person_known_to(viewer, user)?;
        self.check_person(user)
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
        self.want(std::iter::once(streams::user(author)).chain(blocks_between(viewer, author)))?;
        let followed = || Ok::<_, Stop>(self.state(streams::follow(viewer, author))?.edge().on);
        let visible = match published.visibility {
            nova_events::post::Visibility::Public => true,
            nova_events::post::Visibility::Followers => followed()?,
            nova_events::post::Visibility::Private => false,
        };
        if !visible || self.is_blocked_between(viewer, author)? {
            return Err(Refusal::Unknown("post").into());
        }
        if state.is_hidden() {
            return Err(Refusal::Gone("post").into());
        }
        self.check_person(author)?;
        Ok(author)
    }

    /// The comment is there and the viewer may see it: its post, and neither its author nor the viewer blocks the other.
    /// Returns its post and its author.
    pub(crate) fn check_comment_seen_by(
        &self,
        viewer: UserId,
        comment: CommentId,
    ) -> Result<(PostId, UserId), Stop> {
        let state = self.comment(comment)?;
        let added = state.added()?;
        let wanted = [streams::post(added.post), streams::user(added.author)];
        self.want(wanted.into_iter().chain(blocks_between(viewer, added.author)))?;
        if self.is_blocked_between(viewer, added.author)? {
            return Err(Refusal::Unknown("comment").into());
        }
        self.check_post_seen_by(viewer, added.post).map_err(|stop| stop.unknown_as("comment"))?;
        if state.is_hidden() {
            return Err(Refusal::Gone("comment").into());
        }
        self.check_person(added.author)?;
        Ok((added.post, added.author))
    }

    /// The refusal for someone who wants to change a post of someone else: that, if they may see it or might have seen it.
    pub(crate) fn post_not_yours(&self, user: UserId, post: PostId) -> Stop {
        not_yours("post", self.check_post_seen_by(user, post).map(drop))
    }

    /// The same for a comment.
    pub(crate) fn comment_not_yours(&self, user: UserId, comment: CommentId) -> Stop {
        not_yours("comment", self.check_comment_seen_by(user, comment).map(drop))
    }

    /// The same for a medium: whoever sees what carries it knows of it.
    pub(crate) fn medium_not_yours(&self, user: UserId, carrier: Option<Carrier>) -> Stop {
        let seen = match carrier {
            None => Err(Refusal::Unknown("medium").into()),
            Some(Carrier::Post { post_id }) => self.check_post_seen_by(user, post_id).map(drop),
            Some(Carrier::Message { conversation_id, .. }) => self
                .conversation(conversation_id)
                .and_then(|state| state.check_member(user).map(drop).map_err(Stop::from)),
        };
        not_yours("medium", seen)
    }
}

/// Both ways; nobody blocks themselves.
fn blocks_between(a: UserId, b: UserId) -> impl Iterator<Item = StreamId> {
    let both = (a != b).then(|| [streams::block(a, b), streams::block(b, a)]);
    both.into_iter().flatten()
}

fn not_yours(what: &'static str, seen: Result<(), Stop>) -> Stop {
    match seen {
        Ok(()) | Err(Stop::Refused(Refusal::Gone(_))) => Refusal::NotYours(what).into(),
        Err(stop) => stop.unknown_as(what),
    }
}

/// The states that decisions look at, by their ids.
impl World {
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
