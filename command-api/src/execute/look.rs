//! Looking at single things in the log: media, and messages, whose stream is too long to fold.

use nova_domain::media::MediaState;
use nova_domain::world::MessageSentAt;
use nova_eventlog::{Direction, Recorded};
use nova_events::message::{Body, MessageEvent};
use nova_events::{Event, MediaId, MessageId, Personal, PostId, streams};
use uuid::Uuid;

use super::{CommandError, Executor};

impl Executor {
    /// A medium as the log has it now, whoever wrote it.
    pub async fn media(&self, id: MediaId) -> Result<MediaState, CommandError> {
        let (_, state) = self.states.load(&streams::media(id)).await?;
        Ok(state.media().clone())
    }

    /// The media that a post was published with.
    pub async fn media_of_post(&self, id: PostId) -> Result<Vec<MediaId>, CommandError> {
        let (_, state) = self.states.load(&streams::post(id)).await?;
        Ok(state.post().published.as_ref().map(|published| published.media.clone()).unwrap_or_default())
    }

    /// The medium that a message was sent with.
    pub async fn media_of_message(&self, id: MessageId) -> Result<Option<MediaId>, CommandError> {
        Ok(self.message(id).await?.and_then(|message| message.sent.media_id))
    }

    pub(super) async fn message(&self, id: MessageId) -> Result<Option<MessageSentAt>, CommandError> {
        Ok(match self.message_event(id.0).await? {
            Some((MessageEvent::MessageSent(sent), at_ms)) => Some(MessageSentAt { sent, at_ms }),
            _ => None,
        })
    }

    /// What a message says after its last edit. An edit is the first event of its command, and its mark on the message another,
    /// so the last mark's command names it.
    pub(super) async fn words(&self, id: MessageId) -> Result<Personal<Body>, CommandError> {
        let marks = self.log.read_stream(&streams::message(id), u64::MAX, Direction::Backwards, 1).await?;
        let said_by = marks.first().map_or(id.0, Recorded::command_id);
        Ok(match self.message_event(said_by).await? {
            Some((MessageEvent::MessageSent(sent), _)) => sent.personal,
            Some((MessageEvent::MessageEdited(edited), _)) => edited.personal,
            Some((MessageEvent::MessageDeleted(_), _)) | None => Personal::Redacted,
        })
    }

    /// The event with this id, when it is one of a conversation's messages, and when it happened.
    async fn message_event(&self, id: Uuid) -> Result<Option<(MessageEvent, i64)>, CommandError> {
        let recorded = self.log.find(id).await?;
        let Some(recorded) = recorded.filter(|recorded| recorded.stream.category() == "messages") else {
            return Ok(None);
        };
        let envelope = self.codec.decode(&recorded).await?;
        let at_ms = envelope.occurred_at_ms();
        Ok(match envelope.event {
            Event::Message(event) => Some((event, at_ms)),
            _ => None,
        })
    }
}
