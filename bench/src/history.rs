//! A made-up history, heavy in likes and follows: of 100 events 1 is a registration, 4 are posts, 5 comments, 5 messages,
//! 30 follows, 55 likes. Personal parts are sealed as in production.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use nova_eventlog::{Append, EventLog, Expected, StreamId, Write};
use nova_events::comment::CommentAdded;
use nova_events::conversation::{ConversationKind, ConversationStarted, Role};
use nova_events::follow::Followed;
use nova_events::like::{Liked, Target};
use nova_events::message::{Body, MessageSent, MessageType};
use nova_events::post::{PostPublished, Text, Visibility};
use nova_events::user::{Profile, UserRegistered};
use nova_events::{
    Actor, Class, Codec, CommentId, ConversationId, Event, MessageId, Meta, Personal, PostId, UserId, streams,
};
use uuid::Uuid;

/// Makes events from numbers.
pub(crate) struct Maker {
    log: Arc<dyn EventLog>,
    codec: Codec,
    state: u64,
    users: u64,
    posts: u64,
    at_ms: i64,
}

impl Maker {
    /// One that goes on from a history of so many events, now.
    pub(crate) fn behind(log: Arc<dyn EventLog>, codec: Codec, events: u64) -> Self {
        Self {
            log,
            codec,
            state: events,
            users: 100,
            posts: 100,
            at_ms: chrono::Utc::now().timestamp_millis(),
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below.max(1)
    }

    fn someone(&mut self) -> UserId {
        let n = self.random(self.users);
        user(n)
    }

    pub(crate) fn next(&mut self, n: u64) -> (StreamId, Event, UserId) {
        self.at_ms += 20;
        let text =
            "Some words that a person may say to others about the day, neither long nor short. ".repeat(2);
        let kind = if n < 100 { 0 } else { self.random(100) };
        match kind {
            0 => {
                let user_id = user(self.users);
                self.users += 1;
                let handle = format!("person_{}", self.users);
                let personal =
                    Profile { display_name: handle.clone(), handle, bio: Some("a bio".to_owned()) };
                let handle_key = format!("{n:032x}");
                let event = UserRegistered { user_id, handle_key, personal: Personal::Clear(personal) };
                (streams::user(user_id), event.into(), user_id)
            }
            1..5 => {
                let (author, post_id) = (self.someone(), post(self.posts));
                self.posts += 1;
                let event = PostPublished {
                    post_id,
                    author,
                    visibility: Visibility::Public,
                    media: Vec::new(),
                    media_kinds: Vec::new(),
                    personal: Personal::Clear(Text { text }),
                };
                (streams::post(post_id), event.into(), author)
            }
            5..10 => {
                let (author, on) = (self.someone(), self.random(self.posts));
                let comment_id = CommentId(id(3, n));
                let event = CommentAdded {
                    comment_id,
                    post_id: post(on),
                    post_author: user(on % self.users),
                    parent: None,
                    author,
                    personal: Personal::Clear(Text { text }),
                };
                (streams::comment(comment_id), event.into(), author)
            }
            10..15 => {
                let sender = self.someone();
                let conversation_id = ConversationId(id(4, self.random(self.users / 10 + 1)));
                let event = MessageSent {
                    message_id: MessageId(id(5, n)),
                    conversation_id,
                    sender,
                    message_type: MessageType::Text,
                    reply_to: None,
                    media_id: None,
                    personal: Personal::Clear(Body { text: Some(text), ..Body::default() }),
                };
                (streams::messages(conversation_id), event.into(), sender)
            }
            15..45 => {
                let (follower, followee) = (self.someone(), self.someone());
                (streams::follow(follower, followee), Followed { follower, followee }.into(), follower)
            }
            _ => {
                let (user_id, on) = (self.someone(), self.random(self.posts));
                let target = Target::Post(post(on));
                let event = Liked { target, post_id: post(on), author: user(on % self.users), user_id };
                (streams::like(target, user_id), event.into(), user_id)
            }
        }
    }
}

/// Writes a history of so many events, which ends now.
pub(crate) async fn write(log: Arc<dyn EventLog>, codec: Codec, events: u64) -> anyhow::Result<()> {
    // All keys at once, as thousands of people who register at the same time would have them made.
    let started = Instant::now();
    let users = events / 90;
    let keys = (0..users).map(|n| codec.keyring().key_to_seal(user(n), Class::Identity));
    let mut keys = futures::stream::iter(keys).buffer_unordered(64);
    while let Some(key) = keys.next().await {
        key?;
    }
    drop(keys);
    eprintln!("made {users} people's keys, 64 at a time, in {:.1?}", started.elapsed());
    let at_ms = chrono::Utc::now().timestamp_millis() - events as i64 * 20;
    let mut maker = Maker { log, codec, state: 1, users: 0, posts: 1, at_ms };
    let started = ConversationStarted {
        conversation_id: ConversationId(id(4, 0)),
        kind: ConversationKind::Group,
        started_by: user(0),
        members: vec![(user(0), Role::Admin)],
        personal: Personal::Absent,
    };
    maker.append(0, vec![(streams::conversation(started.conversation_id), started.into(), user(0))]).await?;
    let mut n = 1;
    while n < events {
        let batch = (n..(n + 1_000).min(events)).map(|n| maker.next(n)).collect::<Vec<_>>();
        let count = batch.len() as u64;
        maker.append(n, batch).await?;
        n += count;
    }
    Ok(())
}

impl Maker {
    /// Appends events as one command.
    pub(crate) async fn append(&self, n: u64, events: Vec<(StreamId, Event, UserId)>) -> anyhow::Result<()> {
        let command_id = Uuid::from_u128(u128::from(n) << 64 | 0xBE);
        let mut writes = Vec::with_capacity(events.len());
        for (ordinal, (stream, event, actor)) in events.into_iter().enumerate() {
            let meta = Meta {
                schema_version: 1,
                occurred_at_ms: self.at_ms,
                actor: Actor::User(actor),
                subjects: vec![actor],
                correlation_id: command_id,
                causation_id: None,
                traceparent: None,
                fingerprint: None,
            };
            let event = self.codec.encode(&event, &meta, &stream, command_id, ordinal as u16).await?;
            writes.push(Write { stream, expected: Expected::Any, events: vec![event] });
        }
        self.log.append(Append { command_id, writes }).await?;
        Ok(())
    }
}

/// As UUIDv7 does: those made later sort later, with random bits behind.
pub(crate) fn id(kind: u128, n: u64) -> Uuid {
    let random = u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    Uuid::from_u128(u128::from(n) << 80 | kind << 64 | random)
}

pub(crate) fn user(n: u64) -> UserId {
    UserId(id(1, n))
}

pub(crate) fn post(n: u64) -> PostId {
    PostId(id(2, n))
}
