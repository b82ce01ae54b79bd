//! Which messages of a conversation have been deleted, for whoever is sent it again from the log.
//!
//! The part of a conversation that has been looked through is remembered, so that it is read once, however many ask for it, and
//! however often: clients that ask for everything and read nothing would have the whole conversation read again each time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use nova_eventlog::{Direction, EventLog, LogError, Recorded};
use nova_events::{ConversationId, MessageId, codec, streams};
use parking_lot::Mutex;
use serde::Deserialize;

const PAGE: usize = 1_024;
/// Seqs before the newest one for which deletions are remembered; nobody is sent more than about so much again.
const SEQS_MAX: u64 = 16_384;
/// Conversations that are remembered, and deletions of all of them together; those that have not been asked for longest go.
const CONVERSATIONS_MAX: usize = 1_024;
const DELETIONS_MAX: usize = 262_144;

#[derive(Default)]
pub(crate) struct Deletions {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    conversations: HashMap<ConversationId, Entry>,
    /// Of all conversations.
    deletions: usize,
    asked: u64,
}

struct Entry {
    /// One reads the log, and the others wait for what it finds.
    part: Arc<tokio::sync::Mutex<Part>>,
    deletions: usize,
    /// Which question was the last about it.
    asked: u64,
}

/// The deletions at the seqs from `from` to below `to`, in order.
#[derive(Default)]
struct Part {
    from: u64,
    to: u64,
    deletions: VecDeque<(u64, MessageId)>,
}

/// Messages that have been deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub(crate) messages: HashSet<MessageId>,
    /// Every deletion below this seq is known.
    pub(crate) until: u64,
    /// Events that had to be read to find out.
    pub(crate) read: usize,
}

impl Deletions {
    /// What deletions from this seq on are about, to the end of the log.
    pub(crate) async fn since(
        &self,
        log: &dyn EventLog,
        conversation: ConversationId,
        from: u64,
    ) -> Result<Deleted, LogError> {
        let entry = self.entry(conversation);
        let mut part = entry.lock().await;
        let read = part.extend(log, conversation, from).await?;
        let deletions = part.deletions.iter().filter(|(seq, _)| *seq >= from);
        let messages = deletions.map(|(_, message)| *message).collect();
        self.holds(conversation, part.deletions.len());
        Ok(Deleted { messages, until: part.to, read })
    }

    fn entry(&self, conversation: ConversationId) -> Arc<tokio::sync::Mutex<Part>> {
        let mut known = self.known.lock();
        known.asked += 1;
        let asked = known.asked;
        let new = || Entry { part: Arc::default(), deletions: 0, asked };
        let entry = known.conversations.entry(conversation).or_insert_with(new);
        entry.asked = asked;
        let part = Arc::clone(&entry.part);
        known.forget_oldest();
        part
    }

    fn holds(&self, conversation: ConversationId, deletions: usize) {
        let mut known = self.known.lock();
        let Some(entry) = known.conversations.get_mut(&conversation) else { return };
        let before = std::mem::replace(&mut entry.deletions, deletions);
        known.deletions = known.deletions + deletions - before;
        known.forget_oldest();
    }
}

impl Known {
    fn forget_oldest(&mut self) {
        while self.conversations.len() > CONVERSATIONS_MAX || self.deletions > DELETIONS_MAX {
            let oldest = self.conversations.iter().min_by_key(|(_, entry)| entry.asked).map(|(id, _)| *id);
            let Some(entry) = oldest.and_then(|id| self.conversations.remove(&id)) else { return };
            self.deletions -= entry.deletions;
        }
    }
}

impl Part {
    /// Reads what is missing from this seq to the end of the log. Returns how many events were read.
    async fn extend(
        &mut self,
        log: &dyn EventLog,
        conversation: ConversationId,
        from: u64,
    ) -> Result<usize, LogError> {
        let knows_nothing = self.to == 0;
        if knows_nothing || from > self.to.saturating_add(SEQS_MAX) {
            *self = Self { from, to: from, ..Self::default() };
        }
        let mut read = 0;
        if from < self.from {
            let (before, _) = scan(log, conversation, from, self.from, &mut read).await?;
            for found in before.into_iter().rev() {
                self.deletions.push_front(found);
            }
            self.from = from;
        }
        let (behind, end) = scan(log, conversation, self.to, u64::MAX, &mut read).await?;
        self.deletions.extend(behind);
        if end == self.to && end == self.from {
            // The log may end before it: nothing is known yet.
            *self = Self::default();
            return Ok(read);
        }
        self.to = end;
        // Not what is asked for now, however far back that is.
        let oldest = self.to.saturating_sub(SEQS_MAX).min(from);
        while self.deletions.front().is_some_and(|(seq, _)| *seq < oldest) {
            self.deletions.pop_front();
        }
        self.from = self.from.max(oldest);
        Ok(read)
    }
}

/// The deletions from one seq to below another, and up to where the log could be read.
async fn scan(
    log: &dyn EventLog,
    conversation: ConversationId,
    mut from: u64,
    to: u64,
    read: &mut usize,
) -> Result<(Vec<(u64, MessageId)>, u64), LogError> {
    let stream = streams::messages(conversation);
    let mut found = Vec::new();
    while from < to {
        let many = usize::try_from(to - from).map_or(PAGE, |left| left.min(PAGE));
        let page = log.read_stream(&stream, from, Direction::Forwards, many).await?;
        *read += page.len();
        found
            .extend(page.iter().filter_map(|recorded| Some((recorded.revision, deleted_message(recorded)?))));
        from = page.last().map_or(from, |last| last.revision + 1);
        if page.is_empty() {
            break;
        }
    }
    Ok((found, from))
}

/// The message that a deletion is about, without opening what is sealed.
fn deleted_message(recorded: &Recorded) -> Option<MessageId> {
    #[derive(Deserialize)]
    struct Deleted {
        message_id: MessageId,
    }
    if recorded.kind.as_str() != "MessageDeleted" {
        return None;
    }
    let deleted: Deleted = serde_json::from_slice(codec::clear_part(&recorded.data)).ok()?;
    Some(deleted.message_id)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use nova_eventlog::{Append, Expected, FileLog, FileLogOptions, Kind, NewEvent, Write};
    use uuid::Uuid;

    use super::*;

    const CONVERSATION: ConversationId = ConversationId(Uuid::from_u128(7));

    /// Says so many things, and deletes the message with this number.
    async fn append(log: &FileLog, says: usize, deletes: u128) {
        let event = |kind: &str, data: String| NewEvent {
            kind: Kind::new(kind).unwrap(),
            data: Bytes::from(data),
            meta: Bytes::from_static(b"{}"),
        };
        let mut events: Vec<_> = (0..says).map(|_| event("MessageSent", "{}\0".to_owned())).collect();
        let about = Uuid::from_u128(deletes);
        events.push(event("MessageDeleted", format!("{{\"message_id\":\"{about}\"}}")));
        let write = Write { stream: streams::messages(CONVERSATION), expected: Expected::Any, events };
        log.append(Append { command_id: Uuid::now_v7(), writes: vec![write] }).await.unwrap();
    }

    #[tokio::test]
    async fn each_part_of_a_conversation_is_looked_through_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = FileLog::open(folder.path(), FileLogOptions::default()).unwrap();
        append(&log, 9, 1).await;
        append(&log, 9, 2).await;
        let deletions = Deletions::default();
        let since = async |from| {
            let Deleted { messages, until, read } = deletions.since(&log, CONVERSATION, from).await.unwrap();
            let mut messages: Vec<u128> = messages.iter().map(|message| message.0.as_u128()).collect();
            messages.sort_unstable();
            (messages, until, read)
        };
        assert_eq!(since(15).await, (vec![2], 20, 5));
        assert_eq!(since(0).await, (vec![1, 2], 20, 15), "only what was missing");
        assert_eq!(since(0).await, (vec![1, 2], 20, 0));
        append(&log, 4, 3).await;
        assert_eq!(since(12).await, (vec![2, 3], 25, 5));
        assert_eq!(since(25).await, (vec![], 25, 0));
        // A little beyond the end of the log is no reason to forget; far beyond it is.
        assert_eq!(since(90).await, (vec![], 25, 0));
        assert_eq!(since(SEQS_MAX + 26).await, (vec![], 0, 0));
        append(&log, 4, 4).await;
        assert_eq!(since(0).await.0, [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn what_is_long_past_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let log = FileLog::open(folder.path(), FileLogOptions::default()).unwrap();
        let deletions = Deletions::default();
        append(&log, 9, 1).await;
        deletions.since(&log, CONVERSATION, 0).await.unwrap();
        for n in 2..20 {
            append(&log, 1_000, n).await;
        }
        let all = deletions.since(&log, CONVERSATION, 0).await.unwrap();
        assert_eq!(all.messages.len(), 19, "what is asked for is all there");
        let newest = deletions.since(&log, CONVERSATION, all.until - 1).await.unwrap();
        assert_eq!((newest.messages.len(), newest.read), (1, 0));
        let entry = deletions.entry(CONVERSATION);
        let part = entry.lock().await;
        assert_eq!(part.from, all.until - SEQS_MAX);
        assert!(part.deletions.len() < 19 && part.deletions.iter().all(|(seq, _)| *seq >= part.from));
        assert_eq!(deletions.known.lock().deletions, part.deletions.len());
    }

    #[tokio::test]
    async fn conversations_that_were_asked_for_last_are_remembered() {
        let deletions = Deletions::default();
        let id = |n: usize| ConversationId(Uuid::from_u128(n as u128));
        let first = deletions.entry(id(0));
        deletions.entry(id(1));
        for n in 2..CONVERSATIONS_MAX {
            deletions.entry(id(n));
        }
        deletions.entry(id(0));
        deletions.entry(id(CONVERSATIONS_MAX));
        let known = deletions.known.lock();
        assert_eq!(known.conversations.len(), CONVERSATIONS_MAX);
        assert!(Arc::ptr_eq(&known.conversations[&id(0)].part, &first));
        assert!(!known.conversations.contains_key(&id(1)));
    }
}
