//! Conversations as the domain lets them happen, written to a log in a few words.

use std::collections::BTreeSet;

use chrono::Utc;
use nova_distributed::shard::Shard;
use nova_eventlog::{Append, EventLog, Expected, StreamId, Write};
use nova_events::conversation::{
    ConversationKind, ConversationRenamed, ConversationStarted, MemberAdded, MemberRemoved,
    MemberRoleChanged, Role, Title,
};
use nova_events::message::{
    Body, MessageDeleteMarked, MessageDeleted, MessageEditMarked, MessageEdited, MessageSent, MessageType,
};
use nova_events::{Actor, Codec, ConversationId, Event, MediaId, MessageId, Meta, Personal, UserId, streams};
use rand::RngExt;
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::world::World;

pub(crate) const PEOPLE: u32 = 6;

pub(crate) fn user(n: u32) -> UserId {
    UserId(Uuid::from_u128(0x1_0000_0000 + u128::from(n)))
}

pub(crate) fn talk_id(n: u32) -> ConversationId {
    ConversationId(Uuid::from_u128(0x4_0000_0000 + u128::from(n) * 0x9E37_79B9))
}

/// One conversation that goes on.
pub(crate) struct Talk {
    pub(crate) id: ConversationId,
    /// When its next event happens.
    pub(crate) at_ms: i64,
    pub(crate) members: BTreeSet<u32>,
    /// Those that are not deleted, with their senders.
    pub(crate) messages: Vec<(MessageId, u32)>,
}

impl Talk {
    /// Begun two hours ago, by 0 and 1.
    pub(crate) async fn begin(world: &World, n: u32) -> Self {
        let at_ms = Utc::now().timestamp_millis() - 2 * 3_600_000;
        let members = BTreeSet::from([0, 1]);
        let mut talk = Self { id: talk_id(n), at_ms, members, messages: Vec::new() };
        let started = ConversationStarted {
            conversation_id: talk.id,
            kind: ConversationKind::Group,
            started_by: user(0),
            members: vec![(user(0), Role::Admin), (user(1), Role::Member)],
            personal: Personal::Clear(Title { title: "a title".to_owned() }),
        };
        talk.write(world, 0, vec![(streams::conversation(talk.id), started.into())]).await;
        talk
    }

    async fn write(&mut self, world: &World, actor: u32, events: Vec<(StreamId, Event)>) -> Uuid {
        let command_id = Uuid::new_v4();
        self.write_as(world, command_id, actor, events).await;
        command_id
    }

    async fn write_as(
        &mut self,
        world: &World,
        command_id: Uuid,
        actor: u32,
        events: Vec<(StreamId, Event)>,
    ) {
        write(&*world.log, &world.codec, command_id, user(actor), self.at_ms, events).await;
        self.at_ms += 1_000;
    }

    pub(crate) async fn say(&mut self, world: &World, sender: u32, text: &str) -> MessageId {
        let body = Body { text: Some(text.to_owned()), ..Body::default() };
        self.send(world, sender, MessageType::Text, body, None, None).await
    }

    pub(crate) async fn send(
        &mut self,
        world: &World,
        sender: u32,
        message_type: MessageType,
        body: Body,
        reply_to: Option<MessageId>,
        media_id: Option<MediaId>,
    ) -> MessageId {
        let message_id = MessageId(Uuid::new_v4());
        let sent = MessageSent {
            message_id,
            conversation_id: self.id,
            sender: user(sender),
            message_type,
            reply_to,
            media_id,
            personal: Personal::Clear(body),
        };
        self.write_as(world, message_id.0, sender, vec![(streams::messages(self.id), sent.into())]).await;
        self.messages.push((message_id, sender));
        message_id
    }

    pub(crate) async fn edit(&mut self, world: &World, message_id: MessageId, sender: u32, text: &str) {
        let conversation_id = self.id;
        let body = Body { text: Some(text.to_owned()), ..Body::default() };
        let personal = Personal::Clear(body);
        let edited = MessageEdited { message_id, conversation_id, sender: user(sender), personal };
        let marked = MessageEditMarked { message_id, conversation_id };
        let events = vec![
            (streams::messages(conversation_id), edited.into()),
            (streams::message(message_id), marked.into()),
        ];
        self.write(world, sender, events).await;
    }

    pub(crate) async fn delete(&mut self, world: &World, message_id: MessageId, sender: u32) {
        self.messages.retain(|(id, _)| *id != message_id);
        let conversation_id = self.id;
        let deleted = MessageDeleted {
            message_id,
            conversation_id,
            sender: user(sender),
            deleted_by: user(sender),
            personal: Personal::Absent,
        };
        let marked = MessageDeleteMarked { message_id, conversation_id };
        let events = vec![
            (streams::messages(conversation_id), deleted.into()),
            (streams::message(message_id), marked.into()),
        ];
        self.write(world, sender, events).await;
    }

    pub(crate) async fn add(&mut self, world: &World, who: u32) {
        self.members.insert(who);
        let (conversation_id, user_id, role) = (self.id, user(who), Role::Member);
        let added = MemberAdded { conversation_id, user_id, role, added_by: user(0) };
        self.write(world, 0, vec![(streams::conversation(self.id), added.into())]).await;
    }

    pub(crate) async fn remove(&mut self, world: &World, who: u32) {
        self.members.remove(&who);
        let removed = MemberRemoved { conversation_id: self.id, user_id: user(who), removed_by: user(0) };
        self.write(world, 0, vec![(streams::conversation(self.id), removed.into())]).await;
    }

    async fn promote(&mut self, world: &World, who: u32) {
        let (conversation_id, user_id, role) = (self.id, user(who), Role::Admin);
        let changed = MemberRoleChanged { conversation_id, user_id, role, changed_by: user(0) };
        self.write(world, 0, vec![(streams::conversation(self.id), changed.into())]).await;
    }

    async fn rename(&mut self, world: &World, title: &str) {
        let personal = Personal::Clear(Title { title: title.to_owned() });
        let renamed = ConversationRenamed { conversation_id: self.id, renamed_by: user(0), personal };
        self.write(world, 0, vec![(streams::conversation(self.id), renamed.into())]).await;
    }

    /// Anything that may happen.
    pub(crate) async fn act(&mut self, world: &World, rng: &mut StdRng) {
        let sender = *self.members.iter().nth(rng.random_range(0..self.members.len())).unwrap();
        let who = rng.random_range(1..PEOPLE);
        let picked = match self.messages.len() {
            0 => None,
            many => Some(self.messages[rng.random_range(0..many)]),
        };
        match (rng.random_range(0..100), picked) {
            (0..20, Some((id, sender))) => {
                self.edit(world, id, sender, &format!("said otherwise {}", rng.random::<u16>())).await;
            }
            (20..35, Some((id, sender))) => self.delete(world, id, sender).await,
            (35..41, _) if !self.members.contains(&who) => self.add(world, who).await,
            (41..46, _) if self.members.contains(&who) => self.remove(world, who).await,
            (46..49, _) if self.members.contains(&who) => self.promote(world, who).await,
            (49..51, _) => self.rename(world, "another title").await,
            (51..60, _) => {
                let encrypted_content = Some("c2VjcmV0".repeat(rng.random_range(1..9)));
                let body = Body { encrypted_content, nonce: Some("bm9uY2U".to_owned()), ..Body::default() };
                let reply_to = picked.map(|(id, _)| id).filter(|_| rng.random_bool(0.4));
                self.send(world, sender, MessageType::Encrypted, body, reply_to, None).await;
            }
            (60..66, _) => {
                let media = Some(MediaId(Uuid::new_v4()));
                let kind = [MessageType::Audio, MessageType::Image, MessageType::Video];
                let kind = kind[rng.random_range(0..3)];
                let text = rng.random_bool(0.5).then(|| "look at this".to_owned());
                self.send(world, sender, kind, Body { text, ..Body::default() }, None, media).await;
            }
            _ => {
                let text = format!("words {} é 𝄞", "and ".repeat(rng.random_range(0..30)));
                self.say(world, sender, &text).await;
            }
        }
    }

    pub(crate) async fn say_now(&mut self, world: &World) -> MessageId {
        self.at_ms = Utc::now().timestamp_millis();
        self.say(world, 0, "by now").await
    }

    /// By a clock that is ahead, which the log's bounds, once Redis has begun to be filled: a store
    /// that receives the message only now then knows that it is past its beginning.
    pub(crate) async fn say_ahead(&mut self, world: &World) -> MessageId {
        self.say_ahead_in(world, None).await
    }

    pub(crate) async fn say_ahead_in(&mut self, world: &World, whole: Option<&Shard>) -> MessageId {
        world.begin_filling(whole).await;
        self.at_ms = Utc::now().timestamp_millis() + 50_000;
        self.say(world, 0, "by then").await
    }
}

/// One command.
pub(crate) async fn write(
    log: &dyn EventLog,
    codec: &Codec,
    command_id: Uuid,
    actor: UserId,
    occurred_at_ms: i64,
    events: Vec<(StreamId, Event)>,
) {
    let meta = Meta {
        schema_version: 1,
        occurred_at_ms,
        actor: Actor::User(actor),
        subjects: vec![actor],
        correlation_id: command_id,
        causation_id: None,
        traceparent: None,
        fingerprint: None,
    };
    let mut writes = Vec::new();
    for (ordinal, (stream, event)) in events.into_iter().enumerate() {
        let event = codec.encode(&event, &meta, &stream, command_id, ordinal as u16).await.unwrap();
        writes.push(Write { stream, expected: Expected::Any, events: vec![event] });
    }
    log.append(Append { command_id, writes }).await.unwrap();
}
