//! Stories: histories told in a few words, as the events that the log would hold.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nova_eventlog::{Append, EventLog, Expected, StreamId, Write};
use nova_events::block::{Blocked, Unblocked};
use nova_events::comment::{CommentAdded, CommentDeleted, CommentEdited, CommentRestored};
use nova_events::conversation::{
    ConversationKind, ConversationRenamed, ConversationStarted, MemberAdded, MemberRemoved, Role, Title,
};
use nova_events::delivered::DeliveredUpTo;
use nova_events::dismissal::{SuggestionDismissed, SuggestionRestored};
use nova_events::envelope::time_of_ms;
use nova_events::follow::{Followed, Unfollowed};
use nova_events::like::{Liked, Target, Unliked};
use nova_events::media::MediaKind;
use nova_events::message::{Body, MessageDeleted, MessageEdited, MessageSent, MessageType};
use nova_events::post::{PostDeleted, PostEdited, PostPublished, PostPurged, PostRestored, Text, Visibility};
use nova_events::read::ReadUpTo;
use nova_events::user::{Profile, ProfileChanged, Reason, UserDeactivated, UserReactivated, UserRegistered};
use nova_events::{
    Actor, Codec, CommentId, ConversationId, Envelope, Event, MediaId, MessageId, Meta, Personal, PostId,
    UserId, streams,
};
use uuid::Uuid;

/// A history. Every word of it adds one event, a second after the one before.
#[derive(Debug, Clone)]
pub struct Story {
    pub events: Vec<Envelope>,
    /// The time of the next event, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    revisions: HashMap<StreamId, u64>,
    authors: HashMap<PostId, UserId>,
    comments: HashMap<CommentId, (PostId, UserId)>,
    messages: HashMap<MessageId, (ConversationId, UserId)>,
}

/// When stories begin: 2026-01-01.
pub const BEGIN_MS: i64 = 1_767_225_600_000;

/// People, posts and so on are known by small numbers; the same number always means the same one.
pub fn user(n: u32) -> UserId {
    UserId(id(1, n))
}

pub fn post(n: u32) -> PostId {
    PostId(id(2, n))
}

pub fn comment(n: u32) -> CommentId {
    CommentId(id(3, n))
}

pub fn conversation(n: u32) -> ConversationId {
    ConversationId(id(4, n))
}

pub fn message(n: u32) -> MessageId {
    MessageId(id(5, n))
}

/// Spread like real ids, but in a known way.
fn id(kind: u128, n: u32) -> Uuid {
    let mixed = u128::from(n.wrapping_mul(0x9E37_79B9)) << 64;
    Uuid::from_u128(mixed | (kind << 40) | u128::from(n))
}

pub fn handle(n: u32) -> String {
    format!("person_{n}")
}

impl Default for Story {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            at_ms: BEGIN_MS,
            revisions: HashMap::new(),
            authors: HashMap::new(),
            comments: HashMap::new(),
            messages: HashMap::new(),
        }
    }
}

impl Story {
    /// With these people registered.
    pub fn of(people: impl IntoIterator<Item = u32>) -> Self {
        let mut story = Self::default();
        people.into_iter().for_each(|n| story.register(n));
        story
    }

    pub fn head(&self) -> u64 {
        self.events.len() as u64
    }

    /// The time of the last event.
    pub fn now(&self) -> DateTime<Utc> {
        time_of_ms(self.at_ms - 1_000)
    }

    pub fn tell(&mut self, stream: StreamId, actor: Option<UserId>, event: impl Into<Event>) {
        let revision = self.revisions.entry(stream.clone()).and_modify(|r| *r += 1).or_insert(0);
        let position = self.events.len() as u64 + 1;
        let event_id = id_of_event(position);
        self.events.push(Envelope {
            position,
            stream,
            revision: *revision,
            event_id,
            command_id: event_id,
            recorded_at_ms: self.at_ms.unsigned_abs(),
            meta: Meta {
                schema_version: 1,
                occurred_at_ms: self.at_ms,
                actor: actor.map_or(Actor::System, Actor::User),
                subjects: actor.into_iter().collect(),
                correlation_id: Uuid::from_u128(u128::from(position) << 32),
                causation_id: None,
                traceparent: None,
                fingerprint: None,
            },
            event: event.into(),
        });
        self.at_ms += 1_000;
    }

    pub fn register(&mut self, n: u32) {
        self.register_as(n, &handle(n));
    }

    pub fn register_as(&mut self, n: u32, handle: &str) {
        let (user_id, personal) = (user(n), Personal::Clear(profile(n, handle)));
        let event = UserRegistered { user_id, handle_key: format!("{n:032x}"), personal };
        self.tell(streams::user(user_id), Some(user_id), nova_events::user::UserEvent::from(event));
    }

    pub fn change_profile(&mut self, n: u32, handle: &str) {
        let (user_id, personal) = (user(n), Personal::Clear(profile(n, handle)));
        self.tell(
            streams::user(user_id),
            Some(user_id),
            ProfileChanged { user_id, handle_key: String::new(), personal },
        );
    }

    pub fn deactivate(&mut self, n: u32) {
        let user_id = user(n);
        let personal = Personal::Clear(Reason { reason: "leaving".to_owned() });
        self.tell(streams::user(user_id), Some(user_id), UserDeactivated { user_id, personal });
    }

    pub fn reactivate(&mut self, n: u32) {
        let user_id = user(n);
        self.tell(streams::user(user_id), Some(user_id), UserReactivated { user_id });
    }

    pub fn publish(&mut self, n: u32, author: u32, text: &str) {
        self.publish_to(n, author, text, Visibility::Public);
    }

    pub fn publish_to(&mut self, n: u32, author: u32, text: &str, visibility: Visibility) {
        let (post_id, author) = (post(n), user(author));
        self.authors.insert(post_id, author);
        let (media, media_kinds) = (Vec::new(), Vec::new());
        let event =
            PostPublished { post_id, author, visibility, media, media_kinds, personal: clear_text(text) };
        self.tell(streams::post(post_id), Some(author), event);
    }

    /// A post without words.
    pub fn publish_media(&mut self, n: u32, author: u32, media: &[(MediaId, MediaKind)]) {
        let (post_id, author) = (post(n), user(author));
        self.authors.insert(post_id, author);
        let (media, media_kinds) = media.iter().copied().unzip();
        let visibility = Visibility::Public;
        let event =
            PostPublished { post_id, author, visibility, media, media_kinds, personal: clear_text("") };
        self.tell(streams::post(post_id), Some(author), event);
    }

    /// A message that is nothing but a medium.
    pub fn send_media(&mut self, n: u32, conversation_n: u32, sender: u32, medium: MediaId, kind: MediaKind) {
        let message_type = match kind {
            MediaKind::Audio => MessageType::Audio,
            MediaKind::Image => MessageType::Image,
            MediaKind::Video => MessageType::Video,
        };
        let (conversation_id, sender) = (conversation(conversation_n), user(sender));
        self.messages.insert(message(n), (conversation_id, sender));
        let event = MessageSent {
            message_id: message(n),
            conversation_id,
            sender,
            message_type,
            reply_to: None,
            media_id: Some(medium),
            personal: Personal::Clear(Body::default()),
        };
        self.tell(streams::messages(conversation_id), Some(sender), event);
    }

    pub fn edit(&mut self, n: u32, text: &str) {
        let (post_id, author) = (post(n), self.author(n));
        let event = PostEdited { post_id, author, personal: clear_text(text) };
        self.tell(streams::post(post_id), Some(author), event);
    }

    pub fn delete(&mut self, n: u32) {
        let (post_id, author) = (post(n), self.author(n));
        let personal = Personal::Clear(Reason { reason: "second thoughts".to_owned() });
        let event = PostDeleted { post_id, author, deleted_by: author, personal };
        self.tell(streams::post(post_id), Some(author), event);
    }

    pub fn restore(&mut self, n: u32) {
        let (post_id, author) = (post(n), self.author(n));
        self.tell(
            streams::post(post_id),
            Some(author),
            PostRestored { post_id, author, restored_by: author, still_deleted_by: None },
        );
    }

    /// A moderator deletes it.
    pub fn moderate(&mut self, n: u32, moderator: u32) {
        let (post_id, author) = (post(n), self.author(n));
        let deleted_by = user(moderator);
        let personal = Personal::Clear(Reason { reason: "against the rules".to_owned() });
        let event = PostDeleted { post_id, author, deleted_by, personal };
        self.tell(streams::post(post_id), Some(deleted_by), event);
    }

    /// A moderator undoes what moderators did; the author's own deletion stays in force.
    pub fn lift_moderation(&mut self, n: u32, moderator: u32) {
        let (post_id, author) = (post(n), self.author(n));
        let restored_by = user(moderator);
        let event = PostRestored { post_id, author, restored_by, still_deleted_by: Some(author) };
        self.tell(streams::post(post_id), Some(restored_by), event);
    }

    pub fn purge(&mut self, n: u32) {
        let (post_id, author) = (post(n), self.author(n));
        self.tell(streams::post(post_id), None, PostPurged { post_id, author });
    }

    pub fn comment(&mut self, n: u32, on: u32, author: u32, text: &str) {
        self.answer(n, on, None, author, text);
    }

    pub fn answer(&mut self, n: u32, on: u32, parent: Option<u32>, author: u32, text: &str) {
        let (comment_id, author) = (comment(n), user(author));
        self.comments.insert(comment_id, (post(on), author));
        let event = CommentAdded {
            comment_id,
            post_id: post(on),
            post_author: self.author(on),
            parent: parent.map(comment),
            author,
            personal: clear_text(text),
        };
        self.tell(streams::comment(comment_id), Some(author), event);
    }

    pub fn edit_comment(&mut self, n: u32, text: &str) {
        let (post_id, author) = self.comment_of(n);
        let event = CommentEdited { comment_id: comment(n), post_id, author, personal: clear_text(text) };
        self.tell(streams::comment(comment(n)), Some(author), event);
    }

    pub fn delete_comment(&mut self, n: u32) {
        let (post_id, author) = self.comment_of(n);
        let event = CommentDeleted {
            comment_id: comment(n),
            post_id,
            post_author: author,
            author,
            deleted_by: author,
            personal: Personal::Absent,
        };
        self.tell(streams::comment(comment(n)), Some(author), event);
    }

    pub fn restore_comment(&mut self, n: u32) {
        let (post_id, author) = self.comment_of(n);
        let event = CommentRestored {
            comment_id: comment(n),
            post_id,
            post_author: author,
            author,
            restored_by: author,
            still_deleted_by: None,
        };
        self.tell(streams::comment(comment(n)), Some(author), event);
    }

    pub fn like(&mut self, who: u32, n: u32) {
        let (user_id, target) = (user(who), Target::Post(post(n)));
        let event = Liked { target, post_id: post(n), author: self.author(n), user_id };
        self.tell(streams::like(target, user_id), Some(user_id), event);
    }

    pub fn unlike(&mut self, who: u32, n: u32) {
        let (user_id, target) = (user(who), Target::Post(post(n)));
        let event = Unliked { target, post_id: post(n), author: self.author(n), user_id };
        self.tell(streams::like(target, user_id), Some(user_id), event);
    }

    pub fn like_comment(&mut self, who: u32, n: u32) {
        let ((post_id, author), user_id) = (self.comment_of(n), user(who));
        let target = Target::Comment(comment(n));
        self.tell(streams::like(target, user_id), Some(user_id), Liked { target, post_id, author, user_id });
    }

    pub fn follow(&mut self, a: u32, b: u32) {
        let (follower, followee) = (user(a), user(b));
        self.tell(streams::follow(follower, followee), Some(follower), Followed { follower, followee });
    }

    pub fn unfollow(&mut self, a: u32, b: u32) {
        let (follower, followee) = (user(a), user(b));
        self.tell(streams::follow(follower, followee), Some(follower), Unfollowed { follower, followee });
    }

    /// The edge alone; the product unfollows both ways with it.
    pub fn block(&mut self, a: u32, b: u32) {
        let (blocker, blocked) = (user(a), user(b));
        self.tell(streams::block(blocker, blocked), Some(blocker), Blocked { blocker, blocked });
    }

    pub fn unblock(&mut self, a: u32, b: u32) {
        let (blocker, blocked) = (user(a), user(b));
        self.tell(streams::block(blocker, blocked), Some(blocker), Unblocked { blocker, blocked });
    }

    pub fn dismiss(&mut self, a: u32, b: u32) {
        let (dismisser, dismissed) = (user(a), user(b));
        let event = SuggestionDismissed { dismisser, dismissed };
        self.tell(streams::dismissal(dismisser, dismissed), Some(dismisser), event);
    }

    pub fn undismiss(&mut self, a: u32, b: u32) {
        let (dismisser, dismissed) = (user(a), user(b));
        let event = SuggestionRestored { dismisser, dismissed };
        self.tell(streams::dismissal(dismisser, dismissed), Some(dismisser), event);
    }

    pub fn start(&mut self, n: u32, members: &[u32]) {
        let (conversation_id, started_by) = (conversation(n), user(members[0]));
        let role = |m: &u32| if *m == members[0] { Role::Admin } else { Role::Member };
        let event = ConversationStarted {
            conversation_id,
            kind: if members.len() == 2 { ConversationKind::Direct } else { ConversationKind::Group },
            started_by,
            members: members.iter().map(|m| (user(*m), role(m))).collect(),
            personal: Personal::Clear(Title { title: format!("conversation {n}") }),
        };
        self.tell(streams::conversation(conversation_id), Some(started_by), event);
    }

    pub fn rename(&mut self, n: u32, by: u32, title: &str) {
        let event = ConversationRenamed {
            conversation_id: conversation(n),
            renamed_by: user(by),
            personal: Personal::Clear(Title { title: title.to_owned() }),
        };
        self.tell(streams::conversation(conversation(n)), Some(user(by)), event);
    }

    pub fn add_member(&mut self, n: u32, who: u32) {
        let (user_id, role, added_by) = (user(who), Role::Member, user(who));
        let event = MemberAdded { conversation_id: conversation(n), user_id, role, added_by };
        self.tell(streams::conversation(conversation(n)), Some(user_id), event);
    }

    pub fn remove_member(&mut self, n: u32, who: u32) {
        let user_id = user(who);
        let event = MemberRemoved { conversation_id: conversation(n), user_id, removed_by: user_id };
        self.tell(streams::conversation(conversation(n)), Some(user_id), event);
    }

    pub fn say(&mut self, n: u32, to: u32, sender: u32, text: &str) {
        let body = Body { text: Some(text.to_owned()), ..Body::default() };
        self.send(n, to, sender, MessageType::Text, body);
    }

    pub fn send(&mut self, n: u32, to: u32, sender: u32, message_type: MessageType, body: Body) {
        self.messages.insert(message(n), (conversation(to), user(sender)));
        let event = MessageSent {
            message_id: message(n),
            conversation_id: conversation(to),
            sender: user(sender),
            message_type,
            reply_to: None,
            media_id: None,
            personal: Personal::Clear(body),
        };
        self.tell(streams::messages(conversation(to)), Some(user(sender)), event);
    }

    pub fn edit_message(&mut self, n: u32, text: &str) {
        let (conversation_id, sender) = self.message_of(n);
        let body = Body { text: Some(text.to_owned()), ..Body::default() };
        let event = MessageEdited {
            message_id: message(n),
            conversation_id,
            sender,
            personal: Personal::Clear(body),
        };
        self.tell(streams::messages(conversation_id), Some(sender), event);
    }

    pub fn delete_message(&mut self, n: u32) {
        let (conversation_id, sender) = self.message_of(n);
        let event = MessageDeleted {
            message_id: message(n),
            conversation_id,
            sender,
            deleted_by: sender,
            personal: Personal::Absent,
        };
        self.tell(streams::messages(conversation_id), Some(sender), event);
    }

    pub fn read(&mut self, who: u32, n: u32, seq: u64) {
        let (conversation_id, user_id) = (conversation(n), user(who));
        let event = ReadUpTo { conversation_id, user_id, seq };
        self.tell(streams::read(conversation_id, user_id), Some(user_id), event);
    }

    /// `device` stands for the keyed hash of a device.
    pub fn delivered(&mut self, who: u32, device: u32, n: u32, seq: u64) {
        let (conversation_id, user_id) = (conversation(n), user(who));
        let key = Uuid::from_u128((u128::from(who) << 64) + u128::from(device));
        let event = DeliveredUpTo { conversation_id, user_id, seq };
        self.tell(streams::delivered(conversation_id, key), Some(user_id), event);
    }

    /// Writes what the story says behind a position to a log, an append for each event.
    #[expect(clippy::unwrap_used, reason = "a log that does not take it fails the test")]
    pub async fn append(&self, log: &dyn EventLog, codec: &Codec, after: u64) {
        for envelope in &self.events[after as usize..] {
            let (stream, id) = (envelope.stream.clone(), envelope.command_id);
            let event = codec.encode(&envelope.event, &envelope.meta, &stream, id, 0).await.unwrap();
            let write = Write { stream, expected: Expected::Any, events: vec![event] };
            log.append(Append { command_id: id, writes: vec![write] }).await.unwrap();
        }
    }

    /// The seq that the next message of a conversation will have.
    pub fn next_seq(&self, n: u32) -> u64 {
        self.revisions.get(&streams::messages(conversation(n))).map_or(0, |revision| revision + 1)
    }

    fn author(&self, post_number: u32) -> UserId {
        self.authors.get(&post(post_number)).copied().unwrap_or(user(0))
    }

    fn comment_of(&self, n: u32) -> (PostId, UserId) {
        self.comments.get(&comment(n)).copied().unwrap_or((post(0), user(0)))
    }

    fn message_of(&self, n: u32) -> (ConversationId, UserId) {
        self.messages.get(&message(n)).copied().unwrap_or((conversation(0), user(0)))
    }
}

fn id_of_event(position: u64) -> Uuid {
    Uuid::from_u128(u128::from(position.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 60 | u128::from(position))
}

fn profile(n: u32, handle: &str) -> Profile {
    Profile {
        handle: handle.to_owned(),
        display_name: format!("Person {n}"),
        bio: n.is_multiple_of(2).then(|| format!("about {n}")),
    }
}

fn clear_text(text: &str) -> Personal<Text> {
    Personal::Clear(Text { text: text.to_owned() })
}
