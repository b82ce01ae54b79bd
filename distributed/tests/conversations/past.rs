//! What only the log tells: pages in the past whose messages were changed much later, and events that nobody can read.

use bytes::Bytes;
use nova_distributed::views::from_log::{EVENTS_MAX, FromLog};
use nova_eventlog::{Append, Expected, Kind, NewEvent, Write};
use nova_events::message::MessageEditMarked;
use nova_events::{Actor, ConversationId, MessageId, Meta, streams};
use nova_projectors::conversations::CONVERSATIONS;
use nova_views::{Lookup, MessageRange, ViewError};
use uuid::Uuid;

use crate::talk::{Talk, user};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_come_much_later_are_seen_on_the_page() {
    let world = World::new(|_| {}).await;
    let mut talk = Talk::begin(&world, 0).await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(talk.say(&world, 1, &format!("first {n}")).await);
    }
    for n in 0..40 {
        talk.say(&world, 0, &format!("behind {n}")).await;
    }
    talk.edit(&world, ids[1], 1, "edited once").await;
    talk.edit(&world, ids[1], 1, "edited twice").await;
    talk.edit(&world, ids[2], 1, "edited, then deleted").await;
    let edited_at = talk.at_ms - 1_000;
    talk.delete(&world, ids[2], 1).await;
    talk.delete(&world, ids[3], 1).await;
    talk.say(&world, 0, "at the end").await;
    for range in [MessageRange::Before(6), MessageRange::After(-1)] {
        let page = world.by_log(user(0), talk.id, range, 6).await.found().unwrap();
        let said: Vec<_> = page.iter().map(|one| (one.id, one.text.as_deref(), one.deleted)).collect();
        let expected = [
            (ids[0], Some("first 0"), false),
            (ids[1], Some("edited twice"), false),
            (ids[2], None, true),
            (ids[3], None, true),
            (ids[4], Some("first 4"), false),
            (ids[5], Some("first 5"), false),
        ];
        assert_eq!(said, expected, "{range:?}");
        let times: Vec<_> = page.iter().map(|one| one.edited_at.map(|at| at.timestamp_millis())).collect();
        assert_eq!(times, [None, Some(edited_at - 1_000), Some(edited_at), None, None, None]);
    }
}

/// Something that was damaged on its way into the log: it is there, and cannot be read.
async fn damaged(world: &World, talk: ConversationId, stream: nova_eventlog::StreamId, kind: &str) -> Uuid {
    let command_id = Uuid::new_v4();
    let data = Bytes::from(format!("{{\"conversation_id\": \"{talk}\", \"user_id\": 7}}"));
    let event = NewEvent { kind: Kind::new(kind).unwrap(), data, meta: Bytes::from_static(b"{}") };
    let write = Write { stream, expected: Expected::Any, events: vec![event] };
    world.log.append(Append { command_id, writes: vec![write] }).await.unwrap();
    command_id
}

const EDITED_AT_MS: i64 = 1_767_225_600_000;

/// With its mark, which is as it should be.
async fn damaged_edit(world: &World, talk: ConversationId, message_id: MessageId) {
    let command_id = Uuid::new_v4();
    let stream = streams::message(message_id);
    let marked = MessageEditMarked { message_id, conversation_id: talk };
    let meta = Meta {
        schema_version: 1,
        occurred_at_ms: EDITED_AT_MS,
        actor: Actor::System,
        subjects: Vec::new(),
        correlation_id: command_id,
        causation_id: None,
        traceparent: None,
        fingerprint: None,
    };
    let mark = world.codec.encode(&marked.into(), &meta, &stream, command_id, 1).await.unwrap();
    let kind = Kind::new("MessageEdited").unwrap();
    let edit = NewEvent { kind, data: Bytes::from_static(b"{}"), meta: mark.meta.clone() };
    let writes = [(streams::messages(talk), edit), (stream, mark)];
    let write = |(stream, event)| Write { stream, expected: Expected::Any, events: vec![event] };
    let writes = writes.into_iter().map(write).collect();
    world.log.append(Append { command_id, writes }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_never_counts_as_not_having_happened() {
    let world = World::new(|_| {}).await;
    let mut talk = Talk::begin(&world, 0).await;
    let first = talk.say(&world, 1, "first").await;
    talk.edit(&world, first, 1, "edited").await;
    damaged(&world, talk.id, streams::messages(talk.id), "MessageSent").await;
    let last = talk.say(&world, 1, "last").await;
    let all = world.by_log(user(0), talk.id, MessageRange::After(-1), 9).await.found().unwrap();
    let said: Vec<_> = all.iter().map(|one| (one.id, one.text.as_deref())).collect();
    assert_eq!(said, [(first, Some("edited")), (last, Some("last"))]);
    // An edit that is damaged: what was said before is not what is said now.
    damaged_edit(&world, talk.id, last).await;
    for range in [MessageRange::After(-1), MessageRange::Before(u64::MAX), MessageRange::Before(4)] {
        let all = world.by_log(user(0), talk.id, range, 9).await.found().unwrap();
        let said: Vec<_> = all.iter().map(|one| (one.id, one.text.as_deref())).collect();
        assert_eq!(said, [(first, Some("edited")), (last, None)], "{range:?}");
        assert_eq!(all[1].edited_at.map(|at| at.timestamp_millis()), Some(EDITED_AT_MS));
    }
    // Who is a member now? Nobody knows, so nobody is told anything.
    damaged(&world, talk.id, streams::conversation(talk.id), "MemberRemoved").await;
    let asked = world.from_log.messages(user(1), talk.id, MessageRange::After(-1), 9).await;
    assert!(matches!(asked, Err(ViewError::Corrupt(_))), "{asked:?}");
    // What is known again is told again.
    talk.add(&world, 1).await;
    assert_ne!(world.by_log(user(1), talk.id, MessageRange::After(-1), 9).await, Lookup::Unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_not_looked_for_without_end() {
    let world = World::new(|_| {}).await;
    let mut talk = Talk::begin(&world, 0).await;
    let first = talk.say(&world, 0, "edited over and over").await;
    // Nothing but edits behind it, of which the projection need only see that they are no messages.
    let stream = streams::messages(talk.id);
    talk.edit(&world, first, 0, "once").await;
    let edit =
        world.log.read_stream(&stream, 1, nova_eventlog::Direction::Forwards, 1).await.unwrap().remove(0);
    let again = NewEvent { kind: edit.kind.clone(), data: edit.data.clone(), meta: edit.meta.clone() };
    for _ in 0..EVENTS_MAX / 500 + 1 {
        let events = vec![again.clone(); 500];
        let write = Write { stream: stream.clone(), expected: Expected::Any, events };
        world.log.append(Append { command_id: Uuid::new_v4(), writes: vec![write] }).await.unwrap();
    }
    let asked = world.from_log.messages(user(0), talk.id, MessageRange::Before(u64::MAX), 1).await;
    assert!(matches!(asked, Err(ViewError::Unavailable(_))), "{asked:?}");
    let page = world.by_log(user(0), talk.id, MessageRange::After(-1), 1).await.found().unwrap();
    assert_eq!(page[0].text.as_deref(), Some("once"), "as its marks say");
    let other = FromLog::new(world.log.clone(), world.codec.clone(), CONVERSATIONS.project);
    assert_eq!(other.messages(user(5), talk.id, MessageRange::After(-1), 1).await.unwrap(), Lookup::Unknown);
}
