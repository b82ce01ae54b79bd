//! Messages.

use nova_eventlog::StreamId;
use nova_events::conversation::ConversationKind;
use nova_events::media::{Carrier, MediaKind};
use nova_events::message::{
    Body, MessageDeleteMarked, MessageDeleted, MessageEditMarked, MessageEdited, MessageMarkEvent,
    MessageSent, MessageType,
};
use nova_events::nonce::{NonceEvent, NonceUsed};
use nova_events::user::Reason;
use nova_events::{ConversationId, MediaId, MessageId, Personal, UserId, streams};
use serde::Serialize;

use crate::media::{attached, gone_with_its_carrier};
use crate::refusal::Refusal;
use crate::text::{check_reason, check_text, is_blank};
use crate::world::{By, Decision, MessageSentAt, Stop, World};

/// The marks on one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarkState {
    pub deleted: bool,
}

impl MarkState {
    pub(crate) fn evolve(&mut self, event: &MessageMarkEvent) {
        match event {
            MessageMarkEvent::MessageEditMarked(_) => {}
            MessageMarkEvent::MessageDeleteMarked(_) => self.deleted = true,
        }
    }
}

/// One nonce of one device in one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NonceState {
    pub used: bool,
}

impl NonceState {
    pub(crate) fn evolve(&mut self, event: &NonceEvent) {
        match event {
            NonceEvent::NonceUsed(_) => self.used = true,
        }
    }
}

/// The stream that must be empty for a body to be taken: where its nonce is noted, if it says which device made it.
/// What looks at it here writes it in the same append, so of two with one nonce one is refused, whenever they come.
fn unused_nonce(
    by: &By<'_>,
    sender: UserId,
    conversation: ConversationId,
    body: &Body,
    world: &World,
) -> Result<Option<StreamId>, Stop> {
    let (Some(device), Some(nonce)) = (&body.device_id, &body.nonce) else { return Ok(None) };
    // The length of the device's id keeps the two apart whatever they hold.
    let name = format!("nonce\n{}\n{}\n{device}\n{nonce}", sender.0.simple(), device.len());
    let stream = streams::nonce(conversation, by.names.key(&name));
    if world.state(stream.clone())?.nonce().used {
        return Err(Refusal::NonceReused.into());
    }
    Ok(Some(stream))
}

/// Say something. The message's id is the command's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SendMessage {
    pub conversation: ConversationId,
    /// `None`: as the body says, text or encrypted.
    pub message_type: Option<MessageType>,
    pub body: Body,
    pub reply_to: Option<MessageId>,
    pub media: Option<MediaId>,
}

impl SendMessage {
    /// Conditional on the membership (and, between two people, on nobody blocking), and on nothing else: messages to
    /// one conversation do not conflict with each other. A nonce is used once by each device.
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        self.decide_with(None, by, world)
    }

    fn decide_with(&self, voice: Option<&SendVoice>, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let sender = by.user()?;
        let holds = self.check_content(by)?;
        let media = self.media.map(streams::media);
        let streams = [streams::conversation(self.conversation), streams::user(sender)];
        world.want(streams.into_iter().chain(media))?;
        world.check_actor(sender)?;
        check_may_speak(sender, self.conversation, world)?;
        let message_type = match self.media {
            Some(media) => self.check_media(media, voice, sender, world)?,
            None => holds,
        };
        if let Some(reply_to) = self.reply_to {
            let other = world.message(reply_to)?;
            if other.is_none_or(|other| other.sent.conversation_id != self.conversation) {
                let detail = "is not a message of this conversation";
                return Err(Refusal::invalid("reply_to", "unknown", detail).into());
            }
        }
        let nonce = unused_nonce(by, sender, self.conversation, &self.body, world)?;
        let message_id = MessageId(by.command_id);
        let event = MessageSent {
            message_id,
            conversation_id: self.conversation,
            sender,
            message_type,
            reply_to: self.reply_to,
            media_id: self.media,
            personal: Personal::Clear(match self.media {
                Some(_) => said_beside_medium(&self.body),
                None => self.body.clone(),
            }),
        };
        let sent = Decision::one(message_id.0, streams::messages(self.conversation), event).and_nonce(
            nonce,
            self.conversation,
            message_id,
        );
        let Some(media) = self.media else { return Ok(sent) };
        let carrier = Carrier::Message { conversation_id: self.conversation, message_id };
        let waveform = voice.map(|voice| voice.waveform.clone());
        Ok(sent.and(streams::media(media), attached(media, sender, carrier, waveform)))
    }

    /// What a message with this medium is.
    fn check_media(
        &self,
        media: MediaId,
        voice: Option<&SendVoice>,
        sender: UserId,
        world: &World,
    ) -> Result<MessageType, Stop> {
        let (kind, duration_ms) = world.check_attachable(sender, media)?;
        let message_type = match kind {
            MediaKind::Audio => MessageType::Audio,
            MediaKind::Image => MessageType::Image,
            MediaKind::Video => MessageType::Video,
        };
        if self.message_type.is_some_and(|asked| asked != message_type) {
            let detail = format!("does not go with the message: the medium is {}", kind.as_str());
            return Err(Refusal::invalid("media_id", "wrong_kind", detail).into());
        }
        if let (Some(voice), Some(found_ms)) = (voice, duration_ms)
            && voice.duration_ms.abs_diff(found_ms) > DURATION_DIFFERENCE_MS_MAX.max(found_ms / 10)
        {
            let detail = format!("is not how long it plays, which is {found_ms}");
            return Err(Refusal::invalid("duration_ms", "mismatch", detail).into());
        }
        Ok(message_type)
    }

    fn check_content(&self, by: &By<'_>) -> Result<MessageType, Refusal> {
        if let Some(id) = &self.body.client_message_id {
            check_text("client_message_id", id, by.limits.client_id_bytes_max)?;
        }
        if self.media.is_some() {
            return check_caption(&self.body, by);
        }
        let holds = check_body(&self.body, by)?;
        match self.message_type {
            None => Ok(holds),
            Some(asked) if asked == holds => Ok(holds),
            Some(MessageType::Audio | MessageType::Image | MessageType::Video) => {
                Err(Refusal::invalid("media_id", "missing", "is needed for a message of this type"))
            }
            Some(_) => {
                Err(Refusal::invalid("message_type", "mismatch", "does not fit what the message holds"))
            }
        }
    }
}

impl Decision {
    fn and_nonce(
        self,
        stream: Option<StreamId>,
        conversation_id: ConversationId,
        message_id: MessageId,
    ) -> Self {
        match stream {
            Some(stream) => self.and(stream, NonceUsed { conversation_id, message_id }),
            None => self,
        }
    }
}

/// Clients measure differently.
const DURATION_DIFFERENCE_MS_MAX: u64 = 2_000;

/// Say it aloud: an audio message with how loud it is over its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SendVoice {
    pub send: SendMessage,
    pub duration_ms: u64,
    pub waveform: Vec<u8>,
}

impl SendVoice {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let samples_max = by.limits.waveform_samples_max;
        if self.waveform.len() > samples_max {
            let detail = format!("may have at most {samples_max} samples");
            return Err(Refusal::invalid("waveform", "too_long", detail).into());
        }
        if self.duration_ms > by.limits.audio_ms_max {
            let detail = format!("may be at most {}", by.limits.audio_ms_max);
            return Err(Refusal::invalid("duration_ms", "too_long", detail).into());
        }
        self.send.decide_with(Some(self), by, world)
    }
}

/// Returns the caption of a medium: none (a blank text is none), or clear text. Nova cannot check encrypted content, so it
/// refuses it.
fn check_caption(body: &Body, by: &By<'_>) -> Result<MessageType, Refusal> {
    if body.encrypted_content.is_some() || body.nonce.is_some() {
        let detail = "cannot be sent together with a medium";
        return Err(Refusal::invalid("encrypted_content", "ambiguous", detail));
    }
    match said_beside_medium(body).text {
        None => Ok(MessageType::Text),
        Some(_) => check_body(body, by),
    }
}

/// Returns the part of a caption that is stored.
fn said_beside_medium(body: &Body) -> Body {
    let text = body.text.clone().filter(|text| !is_blank(text));
    Body { text, ..body.clone() }
}

/// A body is either clear text or encrypted content with its nonce.
fn check_body(body: &Body, by: &By<'_>) -> Result<MessageType, Refusal> {
    let text_max = by.limits.message_text_bytes_max;
    if let Some(device) = &body.device_id {
        check_text("device_id", device, by.limits.client_id_bytes_max)?;
    }
    match (&body.text, &body.encrypted_content, &body.nonce) {
        (Some(text), None, None) => {
            check_text("text", text, text_max)?;
            Ok(MessageType::Text)
        }
        (None, Some(content), Some(nonce)) => {
            Refusal::unless_all([
                check_text("encrypted_content", content, text_max),
                check_text("nonce", nonce, by.limits.nonce_bytes_max),
            ])?;
            Ok(MessageType::Encrypted)
        }
        (None, Some(_), None) => {
            Err(Refusal::invalid("nonce", "missing", "is needed with encrypted_content"))
        }
        (_, None, Some(_)) => Err(Refusal::invalid("encrypted_content", "missing", "is needed with a nonce")),
        (Some(_), Some(_), _) => {
            Err(Refusal::invalid("text", "ambiguous", "and encrypted_content exclude each other"))
        }
        (None, None, None) => Err(Refusal::invalid("text", "missing", "or encrypted_content is needed")),
    }
}

/// A member; and in a direct conversation neither blocks the other.
pub(crate) fn check_may_speak(user: UserId, id: ConversationId, world: &World) -> Result<(), Stop> {
    let state = world.conversation(id)?;
    let (kind, _) = state.check_member(user)?;
    if kind == ConversationKind::Direct {
        for member in &state.members {
            world.check_not_blocked(user, member.user)?;
        }
    }
    Ok(())
}

fn message_in(world: &World, id: MessageId, conversation: ConversationId) -> Result<&MessageSentAt, Stop> {
    let message = world.message(id)?.filter(|message| message.sent.conversation_id == conversation);
    Ok(message.ok_or(Refusal::Unknown("message"))?)
}

/// Say it differently: its sender, within the edit window. Races with a deletion, a removal or another edit have one
/// outcome, because the mark, the membership and the edit are one append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EditMessage {
    pub conversation: ConversationId,
    pub message: MessageId,
    pub body: Body,
}

impl EditMessage {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let sender = by.user()?;
        let mark = streams::message(self.message);
        world.want([streams::conversation(self.conversation), streams::user(sender), mark.clone()])?;
        world.check_actor(sender)?;
        check_may_speak(sender, self.conversation, world)?;
        let message = message_in(world, self.message, self.conversation)?;
        if message.sent.sender != sender {
            return Err(Refusal::NotYours("message").into());
        }
        if world.state(mark.clone())?.mark().deleted {
            return Err(Refusal::Gone("message").into());
        }
        // Of a message with a medium the words beside it can change, and go.
        let (holds, held) = match message.sent.media_id {
            Some(_) => (check_caption(&self.body, by)?, MessageType::Text),
            None => (check_body(&self.body, by)?, message.sent.message_type),
        };
        if holds != held {
            return Err(Refusal::invalid("message_type", "mismatch", "cannot change with an edit").into());
        }
        if by.at_ms.saturating_sub(message.at_ms) > by.limits.message_edit_window_ms {
            return Err(Refusal::EditWindowOver.into());
        }
        let nonce = unused_nonce(by, sender, self.conversation, &self.body, world)?;
        let (message_id, conversation_id) = (self.message, self.conversation);
        let body = match message.sent.media_id {
            Some(_) => said_beside_medium(&self.body),
            None => self.body.clone(),
        };
        if holds == MessageType::Text
            && world.words(message_id)?.clear().is_some_and(|old| old.text == body.text)
        {
            return Ok(Decision::nothing(message_id.0, streams::messages(conversation_id)));
        }
        let personal = Personal::Clear(body);
        let edited = MessageEdited { message_id, conversation_id, sender, personal };
        Ok(Decision::one(message_id.0, streams::messages(conversation_id), edited)
            .and(mark, MessageEditMarked { message_id, conversation_id })
            .and_nonce(nonce, conversation_id, message_id))
    }
}

/// Take it back: its sender, or an admin of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeleteMessage {
    pub conversation: ConversationId,
    pub message: MessageId,
    pub reason: Option<String>,
}

impl DeleteMessage {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let deleted_by = by.user()?;
        check_reason(self.reason.as_ref(), by.limits.reason_bytes_max)?;
        let mark = streams::message(self.message);
        world.want([streams::conversation(self.conversation), streams::user(deleted_by), mark.clone()])?;
        world.check_actor(deleted_by)?;
        let conversation = world.conversation(self.conversation)?;
        let (kind, _) = conversation.check_member(deleted_by)?;
        let message = message_in(world, self.message, self.conversation)?;
        if message.sent.sender != deleted_by
            && (kind == ConversationKind::Direct || !world.acts_as_admin(deleted_by, conversation)?)
        {
            return Err(Refusal::NotYours("message").into());
        }
        let (message_id, conversation_id) = (self.message, self.conversation);
        if world.state(mark.clone())?.mark().deleted {
            return Ok(Decision::nothing(message_id.0, streams::messages(conversation_id)));
        }
        let deleted = MessageDeleted {
            message_id,
            conversation_id,
            sender: message.sent.sender,
            deleted_by,
            personal: self.reason.clone().map(|reason| Reason { reason }).into(),
        };
        let media = message.sent.media_id;
        let decision = Decision::one(message_id.0, streams::messages(conversation_id), deleted)
            .and(mark, MessageDeleteMarked { message_id, conversation_id });
        match media {
            Some(media) => gone_with_its_carrier(decision, world, media, Some(deleted_by)),
            None => Ok(decision),
        }
    }
}
