//! Events to log records and back.
//!
//! An event's `data` in the log is its clear part as JSON, then, if it has a personal part, a zero byte (which JSON text
//! never contains) and the sealed part of [`crate::seal`]. Its `meta` is [`Meta`] as JSON.

use std::sync::Arc;

use bytes::Bytes;
use nova_eventlog::{Kind, NewEvent, Recorded, StreamId, event_id};
use uuid::Uuid;

use crate::keyring::{KeyError, Keyring};
use crate::seal::{self, Place, SealError};
use crate::upcast::{self, UpcastError};
use crate::{Envelope, Event, Meta};

#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("no such event: {0}")]
    UnknownKind(String),
    #[error("{kind} at position {position} is not of its shape: {problem}")]
    Shape { kind: String, position: u64, problem: String },
    #[error("{kind} at position {position}: {problem}")]
    Seal { kind: String, position: u64, problem: SealError },
    #[error(transparent)]
    Upcast(#[from] UpcastError),
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// Encodes and decodes events with the keys of one keyring. Cheap to clone.
#[derive(Clone)]
pub struct Codec {
    keyring: Arc<dyn Keyring>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codec")
    }
}

impl Codec {
    pub fn new(keyring: Arc<dyn Keyring>) -> Self {
        Self { keyring }
    }

    pub fn keyring(&self) -> &Arc<dyn Keyring> {
        &self.keyring
    }

    /// Encodes the event that will be number `ordinal` of its command, in `stream`.
    pub async fn encode(
        &self,
        event: &Event,
        meta: &Meta,
        stream: &StreamId,
        command_id: Uuid,
        ordinal: u16,
    ) -> Result<NewEvent, CodecError> {
        let (kind, version) = (event.kind(), event.version());
        let shape = |error: serde_json::Error| shape_error(kind, 0, &error);
        let mut data = event.clear_json().map_err(shape)?;
        if let Some((subject, class, personal)) = event.personal_json() {
            let personal = zeroize::Zeroizing::new(personal.map_err(shape)?);
            let key = match self.keyring.cached(subject, class) {
                Some(key) => key,
                None => self.keyring.key_to_seal(subject, class).await?,
            };
            let place =
                Place { stream: stream.as_str(), event_id: event_id(command_id, ordinal), kind, version };
            let sealed = key.seal(subject, class, &place, &personal).map_err(|problem| CodecError::Seal {
                kind: kind.to_owned(),
                position: 0,
                problem,
            })?;
            data.push(0);
            data.extend_from_slice(&sealed);
        }
        let meta = Meta { schema_version: version, ..meta.clone() };
        Ok(NewEvent {
            kind: Kind::new(kind).ok_or_else(|| CodecError::UnknownKind(kind.to_owned()))?,
            data: Bytes::from(data),
            meta: Bytes::from(serde_json::to_vec(&meta).map_err(shape)?),
        })
    }

    /// Decodes what the log returned, bringing old versions to today's shape. A personal part whose key is destroyed
    /// becomes [`crate::Personal::Redacted`].
    pub async fn decode(&self, recorded: &Recorded) -> Result<Envelope, CodecError> {
        let Some(sealed) = sealed_part(&recorded.data) else {
            return decode_clear(recorded, &recorded.data).map(|(envelope, _)| envelope);
        };
        let seal_error = |problem| CodecError::Seal {
            kind: recorded.kind.as_str().to_owned(),
            position: recorded.position,
            problem,
        };
        let clear = &recorded.data[..recorded.data.len() - sealed.len() - 1];
        let (mut envelope, stored_version) = decode_clear(recorded, clear)?;
        let (subject, class) = seal::owner(sealed).map_err(seal_error)?;
        let key = match self.keyring.cached(subject, class) {
            Some(key) => Some(key),
            None => self.keyring.key_to_open(subject, class).await?,
        };
        let personal = match key {
            None => None,
            Some(key) => {
                let place = Place {
                    stream: recorded.stream.as_str(),
                    event_id: recorded.id,
                    kind: recorded.kind.as_str(),
                    version: stored_version,
                };
                Some(zeroize::Zeroizing::new(key.open(&place, sealed).map_err(seal_error)?))
            }
        };
        envelope
            .event
            .set_personal(personal.as_ref().map(|json| json.as_slice()))
            .map_err(|error| shape_error(recorded.kind.as_str(), recorded.position, &error))?;
        Ok(envelope)
    }
}

/// The sealed part of a record's data, if it has one.
pub fn sealed_part(data: &[u8]) -> Option<&[u8]> {
    let zero = data.iter().position(|&byte| byte == 0)?;
    Some(&data[zero + 1..])
}

/// The clear part of a record's data: JSON text.
pub fn clear_part(data: &[u8]) -> &[u8] {
    data.iter().position(|&byte| byte == 0).map_or(data, |zero| &data[..zero])
}

fn decode_clear(recorded: &Recorded, clear: &[u8]) -> Result<(Envelope, u16), CodecError> {
    let kind = recorded.kind.as_str();
    let shape = |error: serde_json::Error| shape_error(kind, recorded.position, &error);
    let meta: Meta = serde_json::from_slice(&recorded.meta).map_err(shape)?;
    let known = version_of(kind).ok_or_else(|| CodecError::UnknownKind(kind.to_owned()))?;
    let event = if meta.schema_version == known {
        Event::from_clear_json(kind, clear)
    } else {
        let value = serde_json::from_slice(clear).map_err(shape)?;
        let value = upcast::upcast(upcast::STEPS, kind, meta.schema_version, known, value)?;
        Event::from_clear_json(kind, value.to_string().as_bytes())
    };
    let event = event.ok_or_else(|| CodecError::UnknownKind(kind.to_owned()))?.map_err(shape)?;
    let stored_version = meta.schema_version;
    let envelope = Envelope {
        position: recorded.position,
        stream: recorded.stream.clone(),
        revision: recorded.revision,
        event_id: recorded.id,
        command_id: recorded.command_id(),
        recorded_at_ms: recorded.recorded_at_ms,
        meta,
        event,
    };
    Ok((envelope, stored_version))
}

fn version_of(kind: &str) -> Option<u16> {
    Event::kinds().find(|(name, _)| *name == kind).map(|(_, version)| version)
}

/// serde_json's messages can quote the input, and the input can be personal: only where and what sort is kept.
fn shape_error(kind: &str, position: u64, error: &serde_json::Error) -> CodecError {
    CodecError::Shape {
        kind: kind.to_owned(),
        position,
        problem: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
    }
}
