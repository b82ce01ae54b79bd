//! Where each event lives. Stream names hold ids and keyed hashes only, never anything personal.

use nova_eventlog::StreamId;
use uuid::Uuid;

use crate::like::Target;
use crate::{CommentId, ConversationId, MediaId, MessageId, PostId, UserId};

pub fn user(id: UserId) -> StreamId {
    name("user", id.0)
}

/// `handle_key` is the keyed hash of the handle, in hexadecimal.
pub fn handle(handle_key: &str) -> Option<StreamId> {
    StreamId::new(format!("handle-{handle_key}")).ok()
}

pub fn post(id: PostId) -> StreamId {
    name("post", id.0)
}

pub fn comment(id: CommentId) -> StreamId {
    name("comment", id.0)
}

pub fn like(target: Target, user: UserId) -> StreamId {
    match target {
        Target::Post(id) => pair("like", id.0, user.0),
        Target::Comment(id) => pair("like", id.0, user.0),
    }
}

pub fn follow(follower: UserId, followee: UserId) -> StreamId {
    pair("follow", follower.0, followee.0)
}

pub fn block(blocker: UserId, blocked: UserId) -> StreamId {
    pair("block", blocker.0, blocked.0)
}

pub fn dismissal(dismisser: UserId, dismissed: UserId) -> StreamId {
    pair("dismissal", dismisser.0, dismissed.0)
}

pub fn conversation(id: ConversationId) -> StreamId {
    name("conversation", id.0)
}

/// What was said in a conversation; the revision is the seq.
pub fn messages(id: ConversationId) -> StreamId {
    name("messages", id.0)
}

/// The marks on one message.
pub fn message(id: MessageId) -> StreamId {
    name("message", id.0)
}

pub fn read(conversation: ConversationId, user: UserId) -> StreamId {
    pair("read", conversation.0, user.0)
}

/// `device_key` is the keyed hash of the member and their device.
pub fn delivered(conversation: ConversationId, device_key: Uuid) -> StreamId {
    pair("delivered", conversation.0, device_key)
}

/// `key` is the keyed hash of the sender, their device and the nonce.
pub fn nonce(conversation: ConversationId, key: Uuid) -> StreamId {
    pair("nonce", conversation.0, key)
}

pub fn media(id: MediaId) -> StreamId {
    name("media", id.0)
}

fn name(category: &'static str, id: Uuid) -> StreamId {
    StreamId::of_uuids(category, id, None)
}

fn pair(category: &'static str, a: Uuid, b: Uuid) -> StreamId {
    StreamId::of_uuids(category, a, Some(b))
}
