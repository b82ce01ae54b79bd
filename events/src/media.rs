//! Media: voice messages, pictures, films. Stream `media-{id}`, from the reservation of an upload to its deletion. The bytes
//! are elsewhere; what stands here decides whether they count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::area::area;
use crate::{ConversationId, MediaId, MessageId, Personal, PostId, UserId};

area! {
    pub enum MediaEvent {
        UploadReserved = 1;
        UploadCompleted = 1;
        UploadRejected = 1;
        MediaAttached = 1, personal(owner, Messages);
        MediaDeleted = 1;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Audio,
    Image,
    Video,
}

impl MediaKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Video => "video",
        }
    }
}

/// Someone may upload exactly this: so many bytes of this type with this checksum, until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadReserved {
    pub media_id: MediaId,
    pub owner: UserId,
    pub kind: MediaKind,
    pub content_type: String,
    pub content_length: u64,
    /// Of the bytes, in hexadecimal.
    pub sha256: String,
    /// Where they are put until they have been looked at. Random, and nobody else's.
    pub staging_key: String,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
}

/// The bytes are there, and they are what was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadCompleted {
    pub media_id: MediaId,
    pub owner: UserId,
    /// How long it plays, as found in the bytes; of audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// Why an upload never came to anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Nobody completed it in time.
    Expired,
    /// The bytes have another length or checksum than what was reserved.
    NotAsReserved,
    /// The bytes are of another format than their type says, or of one that cannot be read.
    WrongFormat,
    /// It plays for longer than is allowed.
    TooLong,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadRejected {
    pub media_id: MediaId,
    pub owner: UserId,
    pub reason: RejectReason,
}

/// What carries a medium. Who may see that may see the medium, and nobody else but its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    Post { post_id: PostId },
    Message { conversation_id: ConversationId, message_id: MessageId },
}

/// It has been sent or published, in the same append as what carries it. Once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaAttached {
    pub media_id: MediaId,
    pub owner: UserId,
    pub carrier: Carrier,
    #[serde(skip)]
    pub personal: Personal<Waveform>,
}

/// How loud a voice message is over its time, to be drawn: it can tell who speaks, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waveform {
    /// From 0 to 255.
    pub samples: Vec<u8>,
}

/// It is gone for good, by its owner's wish or with what carried it. `None`: by Nova, with a purged post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaDeleted {
    pub media_id: MediaId,
    pub owner: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<UserId>,
}
