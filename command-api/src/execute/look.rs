//! Looking at single things in the log: media, and messages, whose stream is too long to fold.

use nova_domain::World;
use nova_domain::media::MediaState;
use nova_domain::world::MessageSentAt;
use nova_eventlog::Direction;
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

    /// What a message says after the last mark that the decision has seen. An edit is the first event of its command, and its mark
    /// on the message another, so the mark's command names it. Redacted while that mark is not in the log yet: what the message
    /// said before is no answer.
    pub(super) async fn words(&self, id: MessageId, world: &World) -> Result<Personal<Body>, CommandError> {
        let stream = streams::message(id);
        let Some(revision) = world.seen_stream(&stream).and_then(|seen| seen.revision) else {
            let sent = world.message(id).ok().flatten();
            return Ok(sent.map_or(Personal::Redacted, |message| message.sent.personal.clone()));
        };
        let marks = self.log.read_stream(&stream, revision, Direction::Backwards, 1).await?;
        let Some(mark) = marks.first().filter(|mark| mark.revision == revision) else {
            return Ok(Personal::Redacted);
        };
        Ok(match self.message_event(mark.command_id()).await? {
            Some((MessageEvent::MessageEdited(edited), _)) => edited.personal,
            _ => Personal::Redacted,
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
