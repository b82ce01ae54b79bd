//! An event as a line of JSON.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use nova_eventlog::Recorded;
use nova_events::codec::{clear_part, sealed_part};
use nova_events::envelope::time_of_ms;
use nova_events::seal::{self, Place};
use nova_events::{Actor, Keyring, Meta, UserId};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    position: u64,
    stream: &'a str,
    revision: u64,
    id: Uuid,
    kind: &'a str,
    schema_version: u16,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    actor: Actor,
    subjects: Vec<UserId>,
    command_id: Uuid,
    correlation_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<Uuid>,
    data: &'a RawValue,
    /// What was sealed, or the word `redacted` when it was not to be opened or its key is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    personal: Option<Box<RawValue>>,
}

/// Opens personal parts, or leaves them closed.
pub(super) struct Opener(Option<Arc<dyn Keyring>>);

impl Opener {
    pub(super) fn with_keys(keyring: Arc<dyn Keyring>) -> Self {
        Self(Some(keyring))
    }

    pub(super) fn without_keys() -> Self {
        Self(None)
    }

    async fn open(&self, event: &Recorded, meta: &Meta) -> anyhow::Result<Option<Box<RawValue>>> {
        let Some(sealed) = sealed_part(&event.data) else { return Ok(None) };
        let redacted = || RawValue::from_string("\"redacted\"".to_owned()).map(Some);
        let Some(keyring) = &self.0 else { return Ok(redacted()?) };
        let (subject, class) = seal::owner(sealed)?;
        let Some(key) = keyring.key_to_open(subject, class).await? else { return Ok(redacted()?) };
        let place = Place {
            stream: event.stream.as_str(),
            event_id: event.id,
            kind: event.kind.as_str(),
            version: meta.schema_version,
        };
        let json = String::from_utf8(key.open(&place, sealed)?).context("the personal part is not text")?;
        Ok(Some(RawValue::from_string(json)?))
    }
}

impl<'a> Line<'a> {
    pub(super) async fn of(event: &'a Recorded, opener: &Opener) -> anyhow::Result<Self> {
        let at = || format!("the event at position {}", event.position);
        let meta: Meta = serde_json::from_slice(&event.meta).with_context(at)?;
        let personal = opener.open(event, &meta).await.with_context(at)?;
        Ok(Self {
            position: event.position,
            stream: event.stream.as_str(),
            revision: event.revision,
            id: event.id,
            kind: event.kind.as_str(),
            schema_version: meta.schema_version,
            occurred_at: time_of_ms(meta.occurred_at_ms),
            recorded_at: time_of_ms(i64::try_from(event.recorded_at_ms).unwrap_or(i64::MAX)),
            actor: meta.actor,
            subjects: meta.subjects,
            command_id: event.command_id(),
            correlation_id: meta.correlation_id,
            causation_id: meta.causation_id,
            data: serde_json::from_slice(clear_part(&event.data)).with_context(at)?,
            personal,
        })
    }
}
