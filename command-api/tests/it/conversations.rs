//! Busy conversations: nothing is lost, nothing is said by who is out, and each message has one fate.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nova_command_api::CommandError;
use nova_domain::conversation::{PutMember, RemoveMember};
use nova_domain::message::{DeleteMessage, EditMessage};
use nova_domain::read::MarkRead;
use nova_domain::{Command, Refusal};
use nova_events::conversation::{ConversationEvent, Role};
use nova_events::message::{Body, MessageEvent, MessageMarkEvent};
use nova_events::{ConversationId, Envelope, Event, MessageId, UserId, streams};
use tokio::sync::Notify;

use crate::support::{Nova, asking, at_once, say};

fn messages_of(history: &[Envelope], conversation: ConversationId) -> Vec<(&Envelope, &MessageEvent)> {
    let stream = streams::messages(conversation);
    let all = history.iter().filter(|envelope| envelope.stream == stream);
    all.filter_map(|envelope| match &envelope.event {
        Event::Message(event) => Some((envelope, event)),
        _ => None,
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_senders_lose_nothing_in_one_conversation() {
    many_speak_at_once(Nova::new()).await;
    many_speak_at_once(Nova::with_writers(3)).await;
}

async fn many_speak_at_once(nova: Nova) {
    const SENDERS: usize = 64;
    const MESSAGES: usize = 5_000;
    let people = nova.people(SENDERS).await;
    let conversation = nova.group(people[0], &people[1..]).await;
    let sent = at_once(people.iter().enumerate().map(|(n, &sender)| {
        let executor = nova.executor();
        async move {
            let mut sent = Vec::new();
            for text in (n..MESSAGES).step_by(SENDERS) {
                let outcome =
                    executor.execute(asking(sender), say(conversation, text.to_string())).await.unwrap();
                sent.push((outcome.revision.unwrap(), outcome.position, outcome.id, text));
            }
            (sender, sent)
        }
    }))
    .await;
    let history = nova.history().await;
    let messages = messages_of(&history, conversation);
    let seqs: Vec<u64> = messages.iter().map(|(envelope, _)| envelope.revision).collect();
    assert_eq!(seqs, (0..MESSAGES as u64).collect::<Vec<_>>());
    for (sender, sent) in &sent {
        assert!(sent.is_sorted(), "each sender's messages are in the order they were sent");
        for (seq, position, id, text) in sent {
            let (envelope, event) = messages[usize::try_from(*seq).unwrap()];
            let MessageEvent::MessageSent(message) = event else { panic!("{event:?}") };
            assert_eq!((envelope.position, message.message_id.0, message.sender), (*position, *id, *sender));
            assert_eq!(message.personal.clear().unwrap().text.as_deref(), Some(&*text.to_string()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_out_says_nothing_more() {
    removal_and_messages_race(Nova::new()).await;
    removal_and_messages_race(Nova::with_writers(3)).await;
}

async fn removal_and_messages_race(nova: Nova) {
    let people = nova.people(2).await;
    let (admin, member) = (people[0], people[1]);
    let conversation = nova.group(admin, &[member]).await;
    for round in 0..6usize {
        let (sent, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let devices: Vec<_> = (0..8)
            .map(|device| {
                let (executor, sent, enough) = (nova.executor(), sent.clone(), enough.clone());
                tokio::spawn(async move {
                    let mut refused = 0;
                    for n in 0..125 {
                        match executor
                            .execute(asking(member), say(conversation, format!("{device} {n}")))
                            .await
                        {
                            Ok(_) => assert_eq!(refused, 0, "once out, out"),
                            Err(CommandError::Refused(Refusal::Unknown("conversation"))) => refused += 1,
                            Err(other) => panic!("{other:?}"),
                        }
                        if sent.fetch_add(1, Ordering::Relaxed) == 100 + 120 * round {
                            enough.notify_one();
                        }
                    }
                    refused
                })
            })
            .collect();
        enough.notified().await;
        nova.does(admin, RemoveMember { conversation, user: member }).await;
        assert_eq!(nova.refused(member, say(conversation, "more")).await, Refusal::Unknown("conversation"));
        let mut refused = 0;
        for device in devices {
            refused += device.await.unwrap();
        }
        assert!(refused > 0, "round {round}: the removal came after everything was said");
        nova.does(admin, PutMember { conversation, user: member, role: None }).await;
        nova.does(member, say(conversation, "back")).await;
    }
    let history = nova.history().await;
    let spoken = only_members_speak(&history);
    assert!(spoken > 700, "only {spoken} were said");
}

/// Folds the log: whoever says, edits or deletes something is a member where it stands in the log.
fn only_members_speak(history: &[Envelope]) -> usize {
    let mut members: HashMap<ConversationId, HashSet<UserId>> = HashMap::new();
    let mut spoken = 0;
    for envelope in history {
        match &envelope.event {
            Event::Conversation(ConversationEvent::ConversationStarted(e)) => {
                let all = e.members.iter().map(|(member, _)| *member).collect();
                members.insert(e.conversation_id, all);
            }
            Event::Conversation(ConversationEvent::MemberAdded(e)) => {
                let new = members.entry(e.conversation_id).or_default().insert(e.user_id);
                assert!(new, "added twice at {}", envelope.position);
            }
            Event::Conversation(ConversationEvent::MemberRemoved(e)) => {
                let was = members.entry(e.conversation_id).or_default().remove(&e.user_id);
                assert!(was, "removed twice at {}", envelope.position);
            }
            Event::Message(event) => {
                let (conversation, who) = match event {
                    MessageEvent::MessageSent(e) => (e.conversation_id, e.sender),
                    MessageEvent::MessageEdited(e) => (e.conversation_id, e.sender),
                    MessageEvent::MessageDeleted(e) => (e.conversation_id, e.deleted_by),
                };
                let is_in = members.get(&conversation).is_some_and(|members| members.contains(&who));
                assert!(is_in, "{who} is not in {conversation} at {}", envelope.position);
                spoken += 1;
            }
            _ => {}
        }
    }
    spoken
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_edited_and_deleted_at_once_has_one_fate() {
    edits_and_deletions_race(Nova::new()).await;
    edits_and_deletions_race(Nova::with_writers(3)).await;
}

async fn edits_and_deletions_race(nova: Nova) {
    let people = nova.people(2).await;
    let (admin, sender) = (people[0], people[1]);
    let conversation = nova.group(admin, &[sender]).await;
    for _ in 0..30 {
        let message = MessageId(nova.does(sender, say(conversation, "a message")).await.id);
        let runs = (0..14).map(|n| {
            let body = Body { text: Some(format!("edit {n}")), ..Body::default() };
            let edit = Command::from(EditMessage { conversation, message, body });
            let delete = Command::from(DeleteMessage { conversation, message, reason: None });
            let (who, command) = match n {
                6 => (sender, delete),
                9 => (admin, delete),
                _ => (sender, edit),
            };
            let executor = nova.executor();
            async move { (n, executor.execute(asking(who), command).await) }
        });
        let outcomes = at_once(runs).await;
        let deletions: Vec<_> = outcomes.iter().filter(|(n, _)| matches!(n, 6 | 9)).collect();
        assert!(deletions.iter().all(|(_, outcome)| outcome.is_ok()), "{deletions:?}");
        let changed = deletions.iter().filter(|(_, o)| o.as_ref().is_ok_and(|o| o.changed)).count();
        assert_eq!(changed, 1, "one deletion happened, the other found it done");
        for (_, edit) in outcomes.iter().filter(|(n, _)| !matches!(n, 6 | 9)) {
            assert!(matches!(edit, Ok(_) | Err(CommandError::Refused(Refusal::Gone("message")))), "{edit:?}");
        }
    }
    let history = nova.history().await;
    let mut deleted = HashSet::new();
    for (envelope, event) in messages_of(&history, conversation) {
        match event {
            MessageEvent::MessageSent(_) => {}
            MessageEvent::MessageEdited(e) => {
                assert!(
                    !deleted.contains(&e.message_id),
                    "edited after its deletion at {}",
                    envelope.position
                );
            }
            MessageEvent::MessageDeleted(e) => {
                assert!(deleted.insert(e.message_id), "deleted twice at {}", envelope.position);
            }
        }
    }
    let marks = history.iter().filter(|envelope| {
        matches!(&envelope.event, Event::MessageMark(MessageMarkEvent::MessageDeleteMarked(_)))
    });
    assert_eq!((deleted.len(), marks.count()), (30, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_members_are_added_at_once() {
    let nova = Nova::new();
    let people = nova.people(201).await;
    let conversation = nova.group(people[0], &[]).await;
    let put = |user: UserId| PutMember { conversation, user, role: Some(Role::Member) };
    at_once(people[1..].iter().map(|user| nova.does(people[0], put(*user)))).await;
    // All leave at once; the last admin first or last, someone is always an admin.
    at_once(people.iter().map(|user| nova.does(*user, RemoveMember { conversation, user: *user }))).await;
    let history = nova.history().await;
    let mut members: Vec<(UserId, Role)> = Vec::new();
    for (at, envelope) in history.iter().enumerate() {
        match &envelope.event {
            Event::Conversation(ConversationEvent::ConversationStarted(e)) => members.clone_from(&e.members),
            Event::Conversation(ConversationEvent::MemberAdded(e)) => members.push((e.user_id, e.role)),
            Event::Conversation(ConversationEvent::MemberRemoved(e)) => {
                members.retain(|(m, _)| *m != e.user_id)
            }
            Event::Conversation(ConversationEvent::MemberRoleChanged(e)) => {
                for member in members.iter_mut().filter(|(m, _)| *m == e.user_id) {
                    member.1 = e.role;
                }
            }
            _ => {}
        }
        if history.get(at + 1).is_none_or(|next| next.command_id != envelope.command_id) {
            let admins = members.iter().filter(|(_, role)| *role == Role::Admin).count();
            assert!(members.is_empty() || admins > 0, "no admin is left at {}", envelope.position);
        }
    }
    assert_eq!(members, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_marks_only_move_forward_however_they_race() {
    marks_race(Nova::new()).await;
    marks_race(Nova::with_writers(3)).await;
}

async fn marks_race(nova: Nova) {
    let people = nova.people(2).await;
    let conversation = nova.group(people[0], &people[1..]).await;
    at_once((0..50).map(|n| nova.does(people[0], say(conversation, n.to_string())))).await;
    at_once((0..50).rev().map(|seq| nova.does(people[1], MarkRead { conversation, seq }))).await;
    let history = nova.history().await;
    let marks: Vec<u64> = history
        .iter()
        .filter_map(|envelope| match &envelope.event {
            Event::Read(nova_events::read::ReadEvent::ReadUpTo(e)) => Some(e.seq),
            _ => None,
        })
        .collect();
    assert!(marks.is_sorted_by(|a, b| a < b), "{marks:?}");
    assert_eq!(marks.last(), Some(&49));
}
