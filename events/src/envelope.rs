//! Who caused an event, when, and why: the envelope around each one.

use chrono::{DateTime, Utc};
use nova_eventlog::StreamId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, UserId};

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    User(UserId),
    /// Nova itself, such as the purge of what was deleted long ago.
    System,
}

impl Actor {
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::System => None,
        }
    }
}

/// What the writer of an event says about it. Stored beside the event as JSON, in clear: it holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The version of the event's shape. Set when it is encoded.
    #[serde(rename = "v")]
    pub schema_version: u16,
    /// When it happened, in milliseconds since the Unix epoch; for imported history long before it was recorded.
    #[serde(rename = "at")]
    pub occurred_at_ms: i64,
    pub actor: Actor,
    /// Whom the event is about, the actor included.
    pub subjects: Vec<UserId>,
    /// Ties together all that one request set in motion.
    pub correlation_id: Uuid,
    /// The event or command that this is an answer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// W3C Trace Context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The keyed hash of the request, in hexadecimal, on the first event of a command that came with an idempotency key:
    /// tells the same request from another one with the same key.
    #[serde(rename = "fp", default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// An event with everything known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    pub position: u64,
    pub stream: StreamId,
    pub revision: u64,
    pub event_id: Uuid,
    pub command_id: Uuid,
    pub recorded_at_ms: u64,
    pub meta: Meta,
    pub event: Event,
}

impl Envelope {
    /// When it happened, in milliseconds since the Unix epoch: as its writer says, but never after it was recorded. So no
    /// writer with a clock that is ahead, and no import, puts anything into the future.
    pub fn occurred_at_ms(&self) -> i64 {
        self.meta.occurred_at_ms.min(i64::try_from(self.recorded_at_ms).unwrap_or(i64::MAX))
    }

    /// [`Self::occurred_at_ms`] as a time. Times that no calendar holds become its ends.
    pub fn occurred_at(&self) -> DateTime<Utc> {
        time_of_ms(self.occurred_at_ms())
    }
}

/// Milliseconds since the Unix epoch as a time. What lies outside the calendar becomes its nearest end.
pub fn time_of_ms(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(if ms < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}
