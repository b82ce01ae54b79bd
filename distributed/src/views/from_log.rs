//! Messages read from the log itself, where no view can be asked: slower, and never behind.
//!
//! * What is answered is what PostgreSQL answers when it has seen the whole log, because it is put together from the same
//!   changes, by the same projection.
//! * Who is a member is what the last event about the viewer in `conversation-{id}` says, as of now.
//! * The page is read from `messages-{conversation}` at its place: backwards from `Before`, forwards from `After`, past the
//!   edits and deletions between the messages, until it is full.
//! * What became of a message later may stand anywhere behind it. It is not looked for there: every edit and deletion is
//!   also marked in the stream `message-{id}`, by the same command, and the command's first event is the edit or deletion.
//!   So the last marks lead to what the message says now. Where the page was read up to the end of the conversation, only
//!   messages that were seen to be changed are asked about.
//! * Bounded: at most [`EVENTS_MAX`] events are read for a page and its members, two marks for each message. A page that needs more
//!   is refused as unavailable, never answered in part.
//! * A part whose key is destroyed stays redacted. An event that cannot be read is never taken for one that did not happen:
//!   of members, it fails the question; a message is left out; an edit leaves nothing of what was said before.

use std::collections::HashSet;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use nova_eventlog::{Direction, EventLog, LogError, Recorded, StreamId};
use nova_events::message::{Body, MessageEvent, MessageMarkEvent};
use nova_events::{Codec, CodecError, ConversationId, Envelope, Event, KeyError, MessageId, UserId, streams};
use nova_views::{Change, Lookup, Message, MessageRange, ViewError, What};

use super::messages::{MESSAGES_MAX, media, readable};

/// Events that one question may read of a stream.
pub const EVENTS_MAX: usize = 10_000;
/// Events read at a time.
const PAGE_EVENTS: usize = 256;
/// Messages whose marks are looked at at a time.
const MARKS_AT_ONCE: usize = 8;

/// The projection that the views of conversations are made by.
pub type Project = fn(&Envelope) -> Vec<Change>;

/// The log as a view of conversations. Cheap to clone.
#[derive(Clone)]
pub struct FromLog {
    log: Arc<dyn EventLog>,
    codec: Codec,
    project: Project,
}

impl std::fmt::Debug for FromLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FromLog")
    }
}

impl FromLog {
    pub fn new(log: Arc<dyn EventLog>, codec: Codec, project: Project) -> Self {
        Self { log, codec, project }
    }

    /// As [`nova_views::ViewReader::messages`].
    pub async fn messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Result<Lookup<Vec<Message>>, ViewError> {
        if !self.is_member(viewer, conversation).await? {
            return Ok(Lookup::Unknown);
        }
        let page = self.page(conversation, range, limit.clamp(1, MESSAGES_MAX)).await?;
        let Page { messages, changed, reached_end, is_legible } = page;
        let mut messages: Vec<Message> = stream::iter(messages)
            .map(|message| {
                let settled = reached_end && is_legible && !changed.contains(&message.id);
                async move { if settled { Ok(message) } else { self.as_it_is_now(message).await } }
            })
            .buffer_unordered(MARKS_AT_ONCE)
            .try_collect()
            .await?;
        messages.sort_unstable_by_key(|message| message.seq);
        Ok(Lookup::Found(messages))
    }

    /// The last word on it, from the end backwards.
    async fn is_member(&self, viewer: UserId, conversation: ConversationId) -> Result<bool, ViewError> {
        let mut walk = Walk::new(streams::conversation(conversation), Direction::Backwards, u64::MAX);
        while let Some(events) = walk.next(&*self.log).await? {
            for recorded in events {
                let Some(envelope) = self.decode(&recorded).await? else {
                    let place = format!("{} at position {}", recorded.stream, recorded.position);
                    return Err(ViewError::Corrupt(format!("who is a member cannot be read: {place}")));
                };
                for change in (self.project)(&envelope) {
                    if let Some(is_member) = says_of(viewer, &change.what) {
                        return Ok(is_member);
                    }
                }
            }
        }
        Ok(false)
    }

    async fn page(
        &self,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Result<Page, ViewError> {
        let stream = streams::messages(conversation);
        let mut page = Page { is_legible: true, ..Page::default() };
        let mut walk = match range {
            MessageRange::After(seq) => {
                let from = u64::try_from(seq.saturating_add(1)).unwrap_or(0);
                Walk::new(stream, Direction::Forwards, from)
            }
            MessageRange::Before(0) => return Ok(page),
            MessageRange::Before(seq) => {
                // Nothing was said there and behind yet.
                page.reached_end =
                    self.log.stream_head(&stream).await.map_err(log_error)?.is_none_or(|head| head < seq);
                Walk::new(stream, Direction::Backwards, seq - 1)
            }
        };
        while let Some(events) = walk.next(&*self.log).await? {
            for recorded in events {
                if page.messages.len() == limit {
                    return Ok(page);
                }
                match self.decode(&recorded).await? {
                    Some(envelope) => page.take(&envelope, self.project),
                    None => page.is_legible = false,
                }
            }
        }
        page.reached_end |= matches!(range, MessageRange::After(_));
        Ok(page)
    }

    /// What the marks on a message lead to.
    async fn as_it_is_now(&self, mut message: Message) -> Result<Message, ViewError> {
        let marks = streams::message(message.id);
        // A deletion is the last mark there is; the one before it says when the message was edited.
        let last =
            self.log.read_stream(&marks, u64::MAX, Direction::Backwards, 2).await.map_err(log_error)?;
        for mark in last {
            let Some(envelope) = self.decode(&mark).await? else {
                return Err(unreadable(&mark));
            };
            let is_deletion = match &envelope.event {
                Event::MessageMark(MessageMarkEvent::MessageDeleteMarked(_)) => true,
                Event::MessageMark(MessageMarkEvent::MessageEditMarked(_)) => false,
                _ => return Err(unreadable(&mark)),
            };
            if is_deletion {
                message.deleted = true;
                message.media = None;
                say(&mut message, None);
                continue;
            }
            let edit = self.edit_of(&mark, &envelope, &message).await?;
            message.edited_at = Some(edit.at);
            if !message.deleted {
                say(&mut message, edit.body.as_ref());
            }
            break;
        }
        Ok(message)
    }

    /// The edit that a mark was made with.
    async fn edit_of(
        &self,
        mark: &Recorded,
        envelope: &Envelope,
        message: &Message,
    ) -> Result<Edit, ViewError> {
        let found = self.log.find(mark.command_id()).await.map_err(log_error)?;
        let recorded = found.ok_or_else(|| unreadable(mark))?;
        // Its key is gone for good, or it is damaged: it happened, and nobody can say what it says.
        let Some(edited) = self.decode(&recorded).await? else {
            return Ok(Edit { at: envelope.occurred_at(), body: None });
        };
        for change in (self.project)(&edited) {
            if let What::MessageBody { message: id, body, edited_at, .. } = change.what
                && id == message.id
            {
                return Ok(Edit { at: edited_at, body });
            }
        }
        Err(unreadable(mark))
    }

    /// `None`: nobody can read it.
    async fn decode(&self, recorded: &Recorded) -> Result<Option<Envelope>, ViewError> {
        match self.codec.decode(recorded).await {
            Ok(envelope) => Ok(Some(envelope)),
            Err(CodecError::Keys(KeyError::Unavailable(problem))) => {
                Err(ViewError::Unavailable(format!("the keyring: {problem}")))
            }
            Err(CodecError::Keys(error @ KeyError::Missing(_))) => {
                Err(ViewError::Unavailable(error.to_string()))
            }
            Err(
                CodecError::UnknownKind(_)
                | CodecError::Shape { .. }
                | CodecError::Seal { .. }
                | CodecError::Upcast(_)
                | CodecError::Keys(KeyError::Destroyed(_) | KeyError::Corrupt(_)),
            ) => Ok(None),
        }
    }
}

struct Edit {
    at: chrono::DateTime<chrono::Utc>,
    body: Option<Body>,
}

/// Messages as they were sent.
#[derive(Default)]
struct Page {
    messages: Vec<Message>,
    /// Those that an edit or a deletion on the way was about.
    changed: HashSet<MessageId>,
    /// Everything behind the messages was seen.
    reached_end: bool,
    /// All that was seen could be read.
    is_legible: bool,
}

impl Page {
    fn take(&mut self, envelope: &Envelope, project: Project) {
        for change in project(envelope) {
            if let Some(message) = message_of(&change.what) {
                self.messages.push(message);
            }
        }
        match &envelope.event {
            Event::Message(MessageEvent::MessageEdited(edited)) => {
                self.changed.insert(edited.message_id);
            }
            Event::Message(MessageEvent::MessageDeleted(deleted)) => {
                self.changed.insert(deleted.message_id);
            }
            // Sent; nothing else is in the stream.
            _ => {}
        }
    }
}

/// Goes through a stream, a page at a time.
struct Walk {
    stream: StreamId,
    direction: Direction,
    /// `None`: it is at its end.
    from: Option<u64>,
    read: usize,
}

impl Walk {
    fn new(stream: StreamId, direction: Direction, from: u64) -> Self {
        Self { stream, direction, from: Some(from), read: 0 }
    }

    async fn next(&mut self, log: &dyn EventLog) -> Result<Option<Vec<Recorded>>, ViewError> {
        let Some(from) = self.from else { return Ok(None) };
        if self.read >= EVENTS_MAX {
            let problem = format!("more than {EVENTS_MAX} events of {} would have to be read", self.stream);
            return Err(ViewError::Unavailable(problem));
        }
        let events =
            log.read_stream(&self.stream, from, self.direction, PAGE_EVENTS).await.map_err(log_error)?;
        self.read += events.len();
        // A page may be short because its events are large.
        self.from = events.last().and_then(|last| match self.direction {
            Direction::Forwards => last.revision.checked_add(1),
            Direction::Backwards => last.revision.checked_sub(1),
        });
        Ok(if events.is_empty() { None } else { Some(events) })
    }
}

/// Whether the change makes someone a member, or ends it.
fn says_of(viewer: UserId, what: &What) -> Option<bool> {
    match what {
        What::Conversation { members, .. } => Some(members.iter().any(|(user, _)| *user == viewer)),
        What::Member { user, role, .. } if *user == viewer => Some(role.is_some()),
        // Of others, or not about members at all.
        _ => None,
    }
}

fn message_of(what: &What) -> Option<Message> {
    let What::Message {
        message,
        conversation,
        seq,
        sender,
        message_type,
        body,
        reply_to,
        media: media_id,
        created_at,
    } = what
    else {
        return None;
    };
    let mut message = Message {
        id: *message,
        conversation_id: *conversation,
        seq: *seq,
        sender_id: *sender,
        message_type: *message_type,
        text: None,
        encrypted_content: None,
        nonce: None,
        media: media_id.map(|id| media(id.0, *message_type)),
        reply_to: *reply_to,
        created_at: *created_at,
        edited_at: None,
        deleted: false,
    };
    say(&mut message, body.as_ref());
    Some(message)
}

fn say(message: &mut Message, body: Option<&Body>) {
    let shown = |text: &Option<String>| text.as_deref().map(|text| readable(text).into_owned());
    message.text = body.and_then(|body| shown(&body.text));
    message.encrypted_content = body.and_then(|body| shown(&body.encrypted_content));
    message.nonce = body.and_then(|body| shown(&body.nonce));
}

fn unreadable(recorded: &Recorded) -> ViewError {
    let place = format!("{} at position {}", recorded.stream, recorded.position);
    ViewError::Corrupt(format!("what became of a message cannot be read: {place}"))
}

fn log_error(error: LogError) -> ViewError {
    match error {
        LogError::Corrupt { place, problem } => ViewError::Corrupt(format!("{place}: {problem}")),
        LogError::Conflict { .. }
        | LogError::Invalid(_)
        | LogError::Overloaded { .. }
        | LogError::Unavailable(_)
        | LogError::Format { .. }
        | LogError::Locked { .. } => ViewError::Unavailable(error.to_string()),
    }
}
