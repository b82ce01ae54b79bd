//! What people's clients tell of: impressions, views, how long something was looked at. For analysts; nothing in the
//! product depends on them, so they are not events of the domain and never enter the log.
//!
//! * They hold ids, numbers and words of a few fixed letters, never text that someone wrote.
//! * What was accepted is not lost: see [`ClientEvents`]. It may arrive more than once; the id tells.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::UserId;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientEventKind {
    /// It was on the screen.
    Impression,
    /// It was opened.
    View,
    Click,
    /// It was looked at for so long: the property `duration_ms`.
    Dwell,
    Scroll,
    Expand,
    Play,
    Pause,
    /// It was played or read to its end.
    Complete,
    Share,
    Hide,
    /// The client came to the front, or went.
    Open,
    Close,
}

impl ClientEventKind {
    pub const ALL: [Self; 13] = [
        Self::Impression,
        Self::View,
        Self::Click,
        Self::Dwell,
        Self::Scroll,
        Self::Expand,
        Self::Play,
        Self::Pause,
        Self::Complete,
        Self::Share,
        Self::Hide,
        Self::Open,
        Self::Close,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Impression => "impression",
            Self::View => "view",
            Self::Click => "click",
            Self::Dwell => "dwell",
            Self::Scroll => "scroll",
            Self::Expand => "expand",
            Self::Play => "play",
            Self::Pause => "pause",
            Self::Complete => "complete",
            Self::Share => "share",
            Self::Hide => "hide",
            Self::Open => "open",
            Self::Close => "close",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    Post,
    Comment,
    User,
    Conversation,
    Message,
    Media,
}

/// What it was done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSubject {
    #[serde(rename = "type")]
    pub kind: SubjectType,
    pub id: Uuid,
}

/// A number, a truth value, or a word of `a-z 0-9 _ . -`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Property {
    Truth(bool),
    Whole(i64),
    Number(f64),
    Word(String),
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientEvent {
    /// The same id is the same event.
    pub id: Uuid,
    pub kind: ClientEventKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<EventSubject>,
    /// When it happened, by the client's clock.
    pub at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
}

/// What one request brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientEventBatch {
    pub user: UserId,
    /// By Nova's clock.
    pub received_at: DateTime<Utc>,
    pub correlation_id: Uuid,
    /// W3C Trace Context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    pub events: Vec<ClientEvent>,
}

impl ClientEventBatch {
    /// Each event as analysts get it, as one JSON object: the event's fields, `user_id` and `received_at`.
    pub fn rows(&self) -> impl Iterator<Item = ClientEventRow<'_>> {
        self.events.iter().map(|event| ClientEventRow {
            user_id: self.user,
            received_at: self.received_at,
            event,
        })
    }
}

/// An event with who it is of.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ClientEventRow<'a> {
    pub user_id: UserId,
    pub received_at: DateTime<Utc>,
    #[serde(flatten)]
    pub event: &'a ClientEvent,
}

/// How events that were accepted are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// They wait on disk for the transport to come back.
    pub queued: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientEventsError {
    /// Nothing of the batch was taken: what waits on disk is as much as may.
    #[error("the queue of client events is full")]
    Full { retry_after_s: u64 },
    /// It is not known whether anything of the batch was taken.
    #[error("client events cannot be taken: {0}")]
    Unavailable(String),
}

/// Where client events go.
///
/// * **Durable when it returns.** A batch that was answered `Ok` is not lost by a crash of the process or the machine.
/// * **In order.** A user's batch that begins after another was answered stands behind it.
/// * **At least once.** An event may come twice, with the same id.
/// * **Bounded and prompt.** It does not wait for a transport that does not answer; what is too much is refused.
#[async_trait::async_trait]
pub trait ClientEvents: std::fmt::Debug + Send + Sync + 'static {
    async fn publish(&self, batch: ClientEventBatch) -> Result<Published, ClientEventsError>;

    /// Brings the gauges up to date; called when metrics are asked for.
    fn record_metrics(&self);

    /// Stops what runs; what waits stays on disk.
    async fn close(&self);
}

/// Names of the metrics that every implementation has.
pub mod names {
    /// Events that the transport has acknowledged (or, without one, that are on disk).
    pub const PUBLISHED: &str = "client_events_published_total";
    /// Events that went to the queue on disk first.
    pub const QUEUED: &str = "client_events_queued_total";
    /// Events that were refused because there is no room for them, or no disk.
    pub const REFUSED: &str = "client_events_refused_total";
    /// Events that were given up: by the transport for what they are, or for newer ones.
    pub const DROPPED: &str = "client_events_dropped_total";
    pub const QUEUE_BYTES: &str = "client_events_queue_bytes";
    /// Of requests: each is one entry, whatever events it holds.
    pub const QUEUE_BATCHES: &str = "client_events_queue_batches";
    pub const QUEUE_AGE: &str = "client_events_queue_age_seconds";
    /// 1 while events go straight to the transport.
    pub const TRANSPORT_UP: &str = "client_events_transport_up";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_as_they_are_called() {
        for kind in ClientEventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn a_batch_comes_back_as_it_was_and_a_row_is_flat() {
        let text = r#"{"user":"00000000-0000-0000-0000-000000000001","received_at":"2026-11-21T00:00:01Z",
            "correlation_id":"00000000-0000-0000-0000-000000000002","events":[{"id":"00000000-0000-0000-0000-000000000003",
            "kind":"dwell","subject":{"type":"post","id":"00000000-0000-0000-0000-000000000004"},"at":"2026-11-21T00:00:00Z",
            "properties":{"autoplay":true,"duration_ms":1200,"share":0.5,"surface":"home"}}]}"#;
        let batch: ClientEventBatch = serde_json::from_str(text).unwrap();
        let properties: Vec<_> = batch.events[0].properties.values().cloned().collect();
        let expected = [
            Property::Truth(true),
            Property::Whole(1200),
            Property::Number(0.5),
            Property::Word("home".into()),
        ];
        assert_eq!(properties, expected);
        let again = serde_json::to_string(&batch).unwrap();
        assert_eq!(serde_json::from_str::<ClientEventBatch>(&again).unwrap(), batch);
        let row = serde_json::to_value(batch.rows().next().unwrap()).unwrap();
        assert_eq!(row["user_id"], "00000000-0000-0000-0000-000000000001");
        assert_eq!((&row["kind"], &row["properties"]["surface"]), (&"dwell".into(), &"home".into()));
        assert_eq!(row.get("session_id"), None);
    }
}
