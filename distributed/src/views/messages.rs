//! What every rung that reads messages agrees on with PostgreSQL.

use std::borrow::Cow;

use nova_events::MediaId;
use nova_events::message::MessageType;
use nova_views::MediaRef;
use uuid::Uuid;

/// More than a client's page: a live connection that resumes reads more at a time.
pub(super) const MESSAGES_MAX: usize = 1_000;

pub(super) fn media(id: Uuid, message_type: MessageType) -> MediaRef {
    let kind = match message_type {
        MessageType::Audio => "audio",
        MessageType::Video => "video",
        MessageType::Text | MessageType::Encrypted | MessageType::Image => "image",
    };
    MediaRef { id: MediaId(id), kind: kind.to_owned(), url: format!("/api/v1/media/{id}") }
}

/// PostgreSQL stores no zero byte.
pub(super) fn readable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
