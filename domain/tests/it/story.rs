//! A world in memory: streams as lists of events. It stands in for the log and for the shell around the decisions, and
//! checks on every command what the shell relies on.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use nova_domain::command::Command;
use nova_domain::conversation::{StartConversation, direct_conversation_id};
use nova_domain::message::SendMessage;
use nova_domain::post::PublishPost;
use nova_domain::user::Register;
use nova_domain::world::MessageSentAt;
use nova_domain::{By, Decision, Limits, Names, Need, Refusal, State, Stop, World};
use nova_eventlog::StreamId;
use nova_events::comment::CommentEvent;
use nova_events::conversation::{ConversationKind, Role};
use nova_events::message::{Body, MessageEvent};
use nova_events::post::Visibility;
use nova_events::{Actor, CommentId, ConversationId, Event, MessageId, Personal, PostId, UserId};
use uuid::Uuid;

/// A decision follows a reference from stream to stream at most this often: comment, post, author, edges.
const ROUNDS_MAX: usize = 6;

/// Told apart as the keyed hash of the installation does it, but readable in a failure.
pub(crate) const NAMES: Names<'static> = Names(&|name| Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()));

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

#[derive(Clone)]
pub(crate) struct Story {
    streams: BTreeMap<StreamId, Vec<(Event, i64)>>,
    pub(crate) limits: Limits,
    pub(crate) now_ms: i64,
    made: Cell<u128>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self {
            streams: BTreeMap::new(),
            limits: Limits::default(),
            now_ms: 1_700_000_000_000,
            made: Cell::new(0),
        }
    }

    /// An id that nothing else has.
    pub(crate) fn id(&self) -> Uuid {
        self.made.set(self.made.get() + 1);
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + (self.made.get() << 16))
    }

    pub(crate) fn later(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    /// Asks for a command and takes in what it comes to.
    pub(crate) fn tries(
        &mut self,
        who: impl Into<Who>,
        command: impl Into<Command>,
    ) -> Result<Done, Refusal> {
        let command_id = self.id();
        let (decision, _) = self.decide(who.into(), command_id, &command.into())?;
        self.take(&decision);
        Ok(Done {
            command_id,
            id: decision.id,
            events: decision.events.into_iter().map(|(_, e)| e).collect(),
        })
    }

    /// Something happens.
    #[track_caller]
    pub(crate) fn does(&mut self, who: impl Into<Who>, command: impl Into<Command>) -> Done {
        let command = command.into();
        let done =
            self.tries(who, command.clone()).unwrap_or_else(|no| panic!("{command:?} was refused: {no:?}"));
        assert!(!done.events.is_empty(), "{command:?} changed nothing");
        done
    }

    /// Exactly these events happen.
    #[track_caller]
    pub(crate) fn happens(
        &mut self,
        who: impl Into<Who>,
        command: impl Into<Command>,
        then: &[Event],
    ) -> Done {
        let done = self.does(who, command);
        assert_eq!(done.events, then);
        done
    }

    /// It is already so.
    #[track_caller]
    pub(crate) fn is_already_so(&mut self, who: impl Into<Who>, command: impl Into<Command>) {
        let command = command.into();
        let done =
            self.tries(who, command.clone()).unwrap_or_else(|no| panic!("{command:?} was refused: {no:?}"));
        assert_eq!(done.events, [], "{command:?} should change nothing");
    }

    #[track_caller]
    pub(crate) fn refuses(&mut self, who: impl Into<Who>, command: impl Into<Command>, refusal: Refusal) {
        let command = command.into();
        match self.tries(who, command.clone()) {
            Err(found) => assert_eq!(found, refusal, "{command:?}"),
            Ok(done) => {
                panic!("{command:?} should be refused with {refusal:?}, but came to {:?}", done.events)
            }
        }
    }

    /// A field is refused with this code.
    #[track_caller]
    pub(crate) fn invalid(
        &mut self,
        who: impl Into<Who>,
        command: impl Into<Command>,
        field: &str,
        code: &str,
    ) {
        let command = command.into();
        match self.tries(who, command.clone()) {
            Err(refusal @ Refusal::Invalid(_)) => {
                assert_eq!(refusal.field(), Some((field, code)), "{command:?}");
            }
            other => panic!("{command:?} should be refused for its {field}: {code}, but: {other:?}"),
        }
    }

    /// Decides as the shell does: fetches what is missing and decides again.
    pub(crate) fn decide(
        &self,
        who: Who,
        command_id: Uuid,
        command: &Command,
    ) -> Result<(Decision, World), Refusal> {
        let by = By {
            actor: who.actor,
            moderator: who.moderator,
            at_ms: self.now_ms,
            command_id,
            limits: &self.limits,
            names: NAMES,
        };
        let mut world = World::default();
        for _ in 0..ROUNDS_MAX {
            match command.decide(&by, &world) {
                Ok(decision) => {
                    check_decision(command, &decision, &world);
                    return Ok((decision, world));
                }
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Need(needs)) => {
                    assert!(!needs.is_empty(), "{command:?} stopped without a need");
                    let looked_at = world.seen().len();
                    for need in needs {
                        self.put(&mut world, need, command, looked_at);
                    }
                }
            }
        }
        panic!("{command:?} still needs something after {ROUNDS_MAX} rounds");
    }

    fn put(&self, world: &mut World, need: Need, command: &Command, looked_at: usize) {
        match need {
            Need::Stream(stream) => {
                let before = world.seen().iter().take(looked_at).any(|seen| seen.stream == stream);
                assert!(!before, "{command:?} asks again for {stream}");
                if world.seen_stream(&stream).is_some() {
                    return;
                }
                assert_ne!(stream.category(), "messages", "{command:?} folds an endless stream");
                let (revision, state) = self.state(&stream);
                world.put_stream(stream, revision, Arc::new(state));
            }
            Need::Length(stream) => {
                let length = self.events(&stream).len() as u64;
                world.put_length(stream, length);
            }
            Need::Message(id) => world.put_message(id, self.sent(id)),
            Need::Words(id) => world.put_words(id, self.words(id)),
        }
    }

    pub(crate) fn state(&self, stream: &StreamId) -> (Option<u64>, State) {
        let mut state = State::empty(stream).expect("a category of the domain");
        let events = self.events(stream);
        for (event, at_ms) in events {
            state.evolve(event, *at_ms);
        }
        ((events.len() as u64).checked_sub(1), state)
    }

    pub(crate) fn length(&self, stream: &StreamId) -> u64 {
        self.events(stream).len() as u64
    }

    /// With the conversations they are in.
    pub(crate) fn sent_messages(&self) -> Vec<(MessageId, ConversationId)> {
        let events = self.streams.values().flatten();
        events
            .filter_map(|(event, _)| match event {
                Event::Message(MessageEvent::MessageSent(sent)) => {
                    Some((sent.message_id, sent.conversation_id))
                }
                _ => None,
            })
            .collect()
    }

    fn events(&self, stream: &StreamId) -> &[(Event, i64)] {
        self.streams.get(stream).map_or(&[], Vec::as_slice)
    }

    fn sent(&self, id: MessageId) -> Option<MessageSentAt> {
        self.streams.values().flatten().find_map(|(event, at_ms)| match event {
            Event::Message(MessageEvent::MessageSent(sent)) if sent.message_id == id => {
                Some(MessageSentAt { sent: sent.clone(), at_ms: *at_ms })
            }
            _ => None,
        })
    }

    fn words(&self, id: MessageId) -> Personal<Body> {
        let mut said = self.streams.values().flatten().filter_map(|(event, _)| match event {
            Event::Message(MessageEvent::MessageSent(sent)) if sent.message_id == id => Some(&sent.personal),
            Event::Message(MessageEvent::MessageEdited(edited)) if edited.message_id == id => {
                Some(&edited.personal)
            }
            _ => None,
        });
        said.next_back().cloned().unwrap_or(Personal::Redacted)
    }

    pub(crate) fn take(&mut self, decision: &Decision) {
        for (stream, event) in &decision.events {
            self.streams.entry(stream.clone()).or_default().push((event.clone(), self.now_ms));
        }
    }
}

/// What the shell relies on in every decision.
fn check_decision(command: &Command, decision: &Decision, world: &World) {
    for (stream, event) in &decision.events {
        let state = State::empty(stream).unwrap_or_else(|| panic!("{stream} has no category of the domain"));
        assert_eq!(category_of(event), category_of_state(&state), "{event:?} is not an event of {stream}");
        // Messages to one conversation do not conflict with each other, so their stream is not a condition.
        assert!(
            world.seen_stream(stream).is_some() || stream.category() == "messages",
            "{command:?} writes to {stream} without having looked at it"
        );
    }
    let Some((first, event)) = decision.events.first() else {
        assert!(
            world.seen_stream(&decision.primary).is_some() || decision.primary.category() == "messages",
            "{command:?} answers the revision of {} without having looked at it",
            decision.primary
        );
        return;
    };
    assert_eq!(*first, decision.primary, "the first event of {command:?} is not in its primary stream");
    assert!(
        command.begins_with(event.kind()),
        "{command:?} does not know that it begins with {}",
        event.kind()
    );
    assert_eq!(nova_domain::command::subject_of(event), decision.id, "{command:?} answers another id");
}

fn category_of(event: &Event) -> &'static str {
    match event {
        Event::User(_) => "user",
        Event::Handle(_) => "handle",
        Event::Post(_) => "post",
        Event::Comment(_) => "comment",
        Event::Like(_) => "like",
        Event::Follow(_) => "follow",
        Event::Block(_) => "block",
        Event::Dismissal(_) => "dismissal",
        Event::Conversation(_) => "conversation",
        Event::Message(_) => "messages",
        Event::MessageMark(_) => "message",
        Event::Nonce(_) => "nonce",
        Event::Read(_) => "read",
        Event::Delivered(_) => "delivered",
        Event::Media(_) => "media",
    }
}

fn category_of_state(state: &State) -> &'static str {
    match state {
        State::User(_) => "user",
        State::Handle(_) => "handle",
        State::Post(_) => "post",
        State::Comment(_) => "comment",
        State::Like(_) => "like",
        State::Follow(_) => "follow",
        State::Block(_) => "block",
        State::Dismissal(_) => "dismissal",
        State::Conversation(_) => "conversation",
        State::Messages => "messages",
        State::Mark(_) => "message",
        State::Nonce(_) => "nonce",
        State::Read(_) => "read",
        State::Delivered(_) => "delivered",
        State::Media(_) => "media",
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) actor: Actor,
    pub(crate) moderator: bool,
}

impl From<UserId> for Who {
    fn from(user: UserId) -> Self {
        Self { actor: Actor::User(user), moderator: false }
    }
}

pub(crate) fn moderator(user: UserId) -> Who {
    Who { actor: Actor::User(user), moderator: true }
}

pub(crate) const NOVA: Who = Who { actor: Actor::System, moderator: false };

#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) command_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) events: Vec<Event>,
}

/// Short ways to say what is given.
impl Story {
    pub(crate) fn nobody(&self) -> UserId {
        UserId(self.id())
    }

    pub(crate) fn person(&mut self) -> UserId {
        let user = self.nobody();
        let handle = format!("user_{}", self.made.get());
        self.does(user, register(&handle));
        user
    }

    pub(crate) fn people<const N: usize>(&mut self) -> [UserId; N] {
        std::array::from_fn(|_| self.person())
    }

    /// The handle of someone that [`Self::person`] made.
    pub(crate) fn handle_of(&self, user: UserId) -> String {
        let state = self.state(&nova_events::streams::user(user)).1;
        let Personal::Clear(profile) = &state.user().profile else { panic!("{user} has no profile") };
        profile.handle.clone()
    }

    pub(crate) fn deactivated(&mut self) -> UserId {
        let user = self.person();
        self.does(user, nova_domain::user::Deactivate::default());
        user
    }

    pub(crate) fn follows(&mut self, follower: UserId, followee: UserId) {
        self.does(follower, nova_domain::follow::Follow { user: followee });
    }

    pub(crate) fn blocks(&mut self, blocker: UserId, blocked: UserId) {
        self.does(blocker, nova_domain::block::Block { user: blocked });
    }

    pub(crate) fn post(&mut self, author: UserId, visibility: Visibility) -> PostId {
        let post = PostId(self.id());
        self.does(author, publish(post, visibility));
        post
    }

    pub(crate) fn comment(&mut self, author: UserId, post: PostId) -> CommentId {
        let comment = CommentId(self.id());
        let done = self.does(
            author,
            nova_domain::comment::AddComment { comment, post, parent: None, text: "so it is".to_owned() },
        );
        assert!(matches!(done.events[..], [Event::Comment(CommentEvent::CommentAdded(_))]));
        comment
    }

    /// The first of `members` starts it.
    pub(crate) fn group(&mut self, members: &[UserId]) -> ConversationId {
        let conversation = ConversationId(self.id());
        let start = StartConversation {
            conversation,
            kind: ConversationKind::Group,
            title: None,
            members: members[1..].to_vec(),
        };
        self.does(members[0], start);
        conversation
    }

    pub(crate) fn direct(&mut self, a: UserId, b: UserId) -> ConversationId {
        self.does(a, direct(a, b));
        direct_conversation_id(a, b)
    }

    pub(crate) fn message(&mut self, sender: UserId, conversation: ConversationId) -> MessageId {
        MessageId(self.does(sender, say(conversation, "hello")).id)
    }

    pub(crate) fn makes_admin(&mut self, admin: UserId, conversation: ConversationId, user: UserId) {
        self.does(
            admin,
            nova_domain::conversation::PutMember { conversation, user, role: Some(Role::Admin) },
        );
    }
}

pub(crate) fn register(handle: &str) -> Register {
    Register {
        handle: handle.to_owned(),
        handle_key: key(handle),
        display_name: "Somebody".to_owned(),
        bio: None,
    }
}

/// Stands in for the keyed hash.
pub(crate) fn key(handle: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, handle.as_bytes()).simple().to_string()
}

pub(crate) fn publish(post: PostId, visibility: Visibility) -> PublishPost {
    PublishPost { post, text: "first light".to_owned(), media: Vec::new(), visibility }
}

pub(crate) fn direct(a: UserId, b: UserId) -> StartConversation {
    StartConversation {
        conversation: direct_conversation_id(a, b),
        kind: ConversationKind::Direct,
        title: None,
        members: vec![b],
    }
}

pub(crate) fn say(conversation: ConversationId, text: &str) -> SendMessage {
    SendMessage { conversation, message_type: None, body: text_body(text), reply_to: None, media: None }
}

pub(crate) fn text_body(text: &str) -> Body {
    Body { text: Some(text.to_owned()), ..Body::default() }
}
