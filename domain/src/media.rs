//! Media: reserving an upload, completing or rejecting it, sending or publishing it, deleting it.
//!
//! * Exactly what was reserved can be completed, by whom it was reserved for.
//! * A medium is carried by one message or one post, of its owner, and is gone for good with it.

use nova_events::media::{
    Carrier, MediaAttached, MediaDeleted, MediaEvent, MediaKind, RejectReason, UploadCompleted,
    UploadRejected, UploadReserved, Waveform,
};
use nova_events::{Actor, ConversationId, MediaId, Personal, UserId, streams};
use serde::Serialize;

use crate::limits::Limits;
use crate::message::check_may_speak;
use crate::refusal::Refusal;
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaState {
    pub reserved: Option<UploadReserved>,
    pub upload: Upload,
    pub carrier: Option<Carrier>,
    pub deleted: bool,
}

/// What has become of an upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Upload {
    #[default]
    Pending,
    Ready {
        duration_ms: Option<u64>,
    },
    Rejected(RejectReason),
}

impl MediaState {
    pub(crate) fn evolve(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::UploadReserved(event) => self.reserved = Some(event.clone()),
            MediaEvent::UploadCompleted(event) => {
                self.upload = Upload::Ready { duration_ms: event.duration_ms };
            }
            MediaEvent::UploadRejected(event) => self.upload = Upload::Rejected(event.reason),
            MediaEvent::MediaAttached(event) => self.carrier = Some(event.carrier),
            MediaEvent::MediaDeleted(_) => self.deleted = true,
        }
    }

    fn reserved(&self) -> Result<&UploadReserved, Refusal> {
        self.reserved.as_ref().ok_or(Refusal::Unknown("medium"))
    }

    /// Nothing can come of the upload any more: its time, and some more for what was under way, is over.
    fn is_over(&self, at_ms: i64, limits: &Limits) -> bool {
        let until_ms = self.reserved.as_ref().map(|reserved| reserved.expires_at_ms);
        until_ms.is_some_and(|until_ms| at_ms.saturating_sub(until_ms) > limits.upload_grace_ms)
    }
}

/// What is taken, by type. Each has its own shape in the first bytes.
pub const CONTENT_TYPES: [(&str, MediaKind); 10] = [
    ("audio/ogg", MediaKind::Audio),
    ("audio/webm", MediaKind::Audio),
    ("audio/mp4", MediaKind::Audio),
    ("audio/mpeg", MediaKind::Audio),
    ("image/jpeg", MediaKind::Image),
    ("image/png", MediaKind::Image),
    ("image/webp", MediaKind::Image),
    ("image/gif", MediaKind::Image),
    ("video/mp4", MediaKind::Video),
    ("video/webm", MediaKind::Video),
];

pub fn kind_of(content_type: &str) -> Option<MediaKind> {
    CONTENT_TYPES.iter().find(|(known, _)| *known == content_type).map(|(_, kind)| *kind)
}

/// I want to upload this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReserveUpload {
    #[serde(skip)]
    pub media: MediaId,
    /// To be sent there: only who may speak there may upload for it.
    pub conversation: Option<ConversationId>,
    /// `None`: as the type says.
    pub kind: Option<MediaKind>,
    pub content_type: String,
    pub content_length: u64,
    pub sha256: String,
    #[serde(skip)]
    pub staging_key: String,
    #[serde(skip)]
    pub expires_at_ms: i64,
}

impl ReserveUpload {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let owner = by.user()?;
        let kind = self.check(by.limits)?;
        let stream = streams::media(self.media);
        world.want([stream.clone(), streams::user(owner)])?;
        world.check_actor(owner)?;
        if let Some(conversation) = self.conversation {
            check_may_speak(owner, conversation, world)?;
        }
        if let Some(reserved) = &world.media(self.media)?.reserved {
            return if reserved.owner == owner {
                Ok(Decision::nothing(self.media.0, stream))
            } else {
                Err(Refusal::NotYours("medium").into())
            };
        }
        let event = UploadReserved {
            media_id: self.media,
            owner,
            kind,
            content_type: self.content_type.clone(),
            content_length: self.content_length,
            sha256: self.sha256.clone(),
            staging_key: self.staging_key.clone(),
            expires_at_ms: self.expires_at_ms,
        };
        Ok(Decision::one(self.media.0, stream, event))
    }

    /// What can be said without looking at anything.
    pub fn check(&self, limits: &Limits) -> Result<MediaKind, Refusal> {
        let Some(kind) = kind_of(&self.content_type) else {
            let known: Vec<_> = CONTENT_TYPES.iter().map(|(known, _)| *known).collect();
            let detail = format!("is not one of {}", known.join(", "));
            return Err(Refusal::invalid("content_type", "unsupported", detail));
        };
        if self.kind.is_some_and(|asked| asked != kind) {
            let detail = format!("does not go with the kind; it is {}", kind.as_str());
            return Err(Refusal::invalid("content_type", "wrong_kind", detail));
        }
        let bytes_max = limits.media_bytes_max(kind);
        if self.content_length == 0 {
            return Err(Refusal::invalid("content_length", "empty", "must be at least 1"));
        }
        if self.content_length > bytes_max {
            let detail = format!("may be at most {bytes_max} bytes for {}", kind.as_str());
            return Err(Refusal::invalid("content_length", "too_large", detail));
        }
        let is_digest =
            self.sha256.len() == 64 && self.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            let detail = "must be the SHA-256 of the bytes: 64 hexadecimal digits, or base64";
            return Err(Refusal::invalid("sha256", "invalid", detail));
        }
        Ok(kind)
    }
}

/// The bytes are there, and have been found to be what was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompleteUpload {
    pub media: MediaId,
    #[serde(skip)]
    pub duration_ms: Option<u64>,
}

impl CompleteUpload {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let owner = by.user()?;
        let stream = streams::media(self.media);
        world.want([stream.clone(), streams::user(owner)])?;
        world.check_actor(owner)?;
        let state = world.media(self.media)?;
        if state.reserved()?.owner != owner {
            return Err(world.medium_not_yours(owner, state.carrier));
        }
        if state.deleted {
            return Err(Refusal::Gone("medium").into());
        }
        match state.upload {
            Upload::Ready { .. } => return Ok(Decision::nothing(self.media.0, stream)),
            Upload::Rejected(RejectReason::Expired) => return Err(Refusal::UploadExpired.into()),
            Upload::Rejected(reason) => return Err(Refusal::UploadRejected(reason).into()),
            Upload::Pending if state.is_over(by.at_ms, by.limits) => {
                return Err(Refusal::UploadExpired.into());
            }
            Upload::Pending => {}
        }
        let event = UploadCompleted { media_id: self.media, owner, duration_ms: self.duration_ms };
        Ok(Decision::one(self.media.0, stream, event))
    }
}

/// The bytes are not what was reserved; or (by Nova itself) nobody completed it in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectUpload {
    pub media: MediaId,
    pub reason: RejectReason,
}

impl RejectUpload {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let stream = streams::media(self.media);
        let state = world.media(self.media)?;
        let owner = state.reserved()?.owner;
        if by.actor != Actor::System && by.user()? != owner {
            return Err(world.medium_not_yours(by.user()?, state.carrier));
        }
        let is_early = self.reason == RejectReason::Expired && !state.is_over(by.at_ms, by.limits);
        if state.deleted || state.upload != Upload::Pending || is_early {
            return Ok(Decision::nothing(self.media.0, stream));
        }
        let event = UploadRejected { media_id: self.media, owner, reason: self.reason };
        Ok(Decision::one(self.media.0, stream, event))
    }
}

/// Delete what I uploaded, as long as nothing carries it: what is carried goes with what carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeleteMedia {
    pub media: MediaId,
}

impl DeleteMedia {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let deleted_by = by.user()?;
        let stream = streams::media(self.media);
        world.want([stream.clone(), streams::user(deleted_by)])?;
        world.check_actor(deleted_by)?;
        let state = world.media(self.media)?;
        let owner = state.reserved()?.owner;
        if owner != deleted_by {
            return Err(world.medium_not_yours(deleted_by, state.carrier));
        }
        if state.deleted {
            return Ok(Decision::nothing(self.media.0, stream));
        }
        if state.carrier.is_some() {
            return Err(Refusal::MediaInUse.into());
        }
        let event = MediaDeleted { media_id: self.media, owner, deleted_by: Some(deleted_by) };
        Ok(Decision::one(self.media.0, stream, event))
    }
}

impl World {
    pub(crate) fn media(&self, id: MediaId) -> Result<&MediaState, Stop> {
        Ok(self.state(streams::media(id))?.media())
    }

    /// What the sender or author may attach: theirs, there, and not attached to anything yet.
    pub(crate) fn check_attachable(
        &self,
        owner: UserId,
        id: MediaId,
    ) -> Result<(MediaKind, Option<u64>), Stop> {
        let state = self.media(id)?;
        let reserved = state.reserved()?;
        if reserved.owner != owner {
            return Err(self.medium_not_yours(owner, state.carrier));
        }
        if state.deleted {
            return Err(Refusal::Gone("medium").into());
        }
        if state.carrier.is_some() {
            return Err(Refusal::MediaInUse.into());
        }
        match state.upload {
            Upload::Ready { duration_ms } => Ok((reserved.kind, duration_ms)),
            Upload::Pending => Err(Refusal::MediaNotReady.into()),
            Upload::Rejected(reason) => Err(Refusal::UploadRejected(reason).into()),
        }
    }
}

/// In the append of what carries it.
pub(crate) fn attached(
    media_id: MediaId,
    owner: UserId,
    carrier: Carrier,
    waveform: Option<Vec<u8>>,
) -> MediaAttached {
    let personal: Personal<Waveform> = waveform.map(|samples| Waveform { samples }).into();
    MediaAttached { media_id, owner, carrier, personal }
}

/// The medium goes with what carried it, in the same append.
pub(crate) fn gone_with_its_carrier(
    decision: Decision,
    world: &World,
    media: MediaId,
    deleted_by: Option<UserId>,
) -> Result<Decision, Stop> {
    let state = world.media(media)?;
    let Some(reserved) = state.reserved.as_ref().filter(|_| !state.deleted) else { return Ok(decision) };
    let event = MediaDeleted { media_id: media, owner: reserved.owner, deleted_by };
    Ok(decision.and(streams::media(media), event))
}
