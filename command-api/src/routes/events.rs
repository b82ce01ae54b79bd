//! Client events: what analysts want to know of. They are checked and passed on; nothing is decided about them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use nova_events::client_events::{
    ClientEvent, ClientEventBatch, ClientEventKind, ClientEventsError, EventSubject, Property,
};
use nova_events::envelope::time_of_ms;
use nova_http::{ApiError, FieldError, ValidJson, json_response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Answered, CommandState};
use crate::asking::Asking;
use crate::quotas::Quota;

/// What is accepted of clients.
#[derive(Debug, Clone)]
pub struct ClientEventLimits {
    /// In one request.
    pub events_max: usize,
    /// Of one event.
    pub properties_max: usize,
    pub property_name_bytes_max: usize,
    /// Of a property that is a word.
    pub property_bytes_max: usize,
    /// How far ahead of Nova's clock a client's may be.
    pub at_ahead_ms_max: u64,
    /// How long ago it may have happened.
    pub at_age_ms_max: u64,
}

impl Default for ClientEventLimits {
    fn default() -> Self {
        Self {
            events_max: 100,
            properties_max: 16,
            property_name_bytes_max: 32,
            property_bytes_max: 64,
            at_ahead_ms_max: 300_000,
            at_age_ms_max: 7 * 24 * 3_600_000,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsBody {
    events: Vec<EventBody>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventBody {
    /// The same id is the same event, however often it is sent. Made when it is not given; the same again for the same
    /// `Idempotency-Key`.
    id: Option<Uuid>,
    /// `impression`, `view`, `click`, `dwell`, `scroll`, `expand`, `play`, `pause`, `complete`, `share`, `hide`, `open`
    /// or `close`.
    #[schema(value_type = String, example = "impression")]
    kind: ClientEventKind,
    /// `{"type": "post" | "comment" | "user" | "conversation" | "message" | "media", "id"}`.
    #[schema(value_type = Option<Object>)]
    subject: Option<EventSubject>,
    /// When it happened; now when it is not given.
    at: Option<DateTime<Utc>>,
    session_id: Option<Uuid>,
    /// Numbers, truth values and words of `a-z 0-9 _ . -`; no text that someone wrote.
    #[serde(default)]
    #[schema(value_type = Object)]
    properties: BTreeMap<String, Property>,
}

/// How many were accepted: all of them.
#[derive(Debug, Serialize, ToSchema)]
struct EventsAccepted {
    accepted: usize,
    /// They wait on disk, since the transport is away. They are not lost.
    queued: bool,
}

/// Send client events for analysts. An event may arrive more than once, with the same id.
#[utoipa::path(post, path = "/api/v1/events", tag = "events", request_body = EventsBody,
    responses((status = 202, body = EventsAccepted)))]
pub(crate) async fn publish(
    State(state): State<CommandState>,
    asking: Asking,
    ValidJson(body): ValidJson<EventsBody>,
) -> Answered {
    let batch = batch_of(body, &asking, &state.options.client_events)?;
    let accepted = batch.events.len();
    state.quotas.take(asking.user, Quota::ClientEvents, accepted)?;
    let published = state.client_events.publish(batch).await.map_err(refused)?;
    Ok(json_response(StatusCode::ACCEPTED, &EventsAccepted { accepted, queued: published.queued }))
}

fn refused(error: ClientEventsError) -> ApiError {
    match error {
        ClientEventsError::Full { retry_after_s } => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "events_queue_full",
            "Too many events wait to be passed on; nothing of these was taken. Send them again later.",
        )
        .retry_after(retry_after_s),
        ClientEventsError::Unavailable(_) => ApiError::unavailable("Events cannot be taken now."),
    }
}

fn batch_of(
    body: EventsBody,
    asking: &Asking,
    limits: &ClientEventLimits,
) -> Result<ClientEventBatch, ApiError> {
    let most = limits.events_max;
    if body.events.is_empty() || body.events.len() > most {
        return Err(ApiError::invalid_field("events", "count", format!("must hold 1 to {most} events")));
    }
    let now = time_of_ms(asking.context.at_ms);
    let mut errors = Vec::new();
    for (index, event) in body.events.iter().enumerate() {
        check(event, index, now, limits, &mut errors);
    }
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let event = |(index, event): (usize, EventBody)| ClientEvent {
        id: event.id.unwrap_or_else(|| asking.part(index).command_id),
        kind: event.kind,
        subject: event.subject,
        at: event.at.unwrap_or(now),
        session_id: event.session_id,
        properties: event.properties,
    };
    Ok(ClientEventBatch {
        user: asking.user,
        received_at: now,
        correlation_id: asking.context.correlation_id,
        traceparent: asking.context.traceparent.clone(),
        events: body.events.into_iter().enumerate().map(event).collect(),
    })
}

/// Errors of one answer; more would not help anyone.
const ERRORS_MAX: usize = 20;

fn check(
    event: &EventBody,
    index: usize,
    now: DateTime<Utc>,
    limits: &ClientEventLimits,
    errors: &mut Vec<FieldError>,
) {
    let mut wrong = |field: &str, code: &'static str, detail: String| {
        if errors.len() < ERRORS_MAX {
            errors.push(FieldError { field: format!("events[{index}].{field}"), code, detail });
        }
    };
    let subject = event.subject.map(|subject| subject.id);
    for (field, id) in [("id", event.id), ("subject.id", subject), ("session_id", event.session_id)] {
        if id.is_some_and(|id| id.is_nil()) {
            wrong(field, "invalid", "must not be the nil UUID".to_owned());
        }
    }
    let milliseconds = |ms: u64| TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX / 2));
    if let Some(at) = event.at {
        let age = now.signed_duration_since(at);
        if age < -milliseconds(limits.at_ahead_ms_max) {
            wrong("at", "in_the_future", "is ahead of the time".to_owned());
        } else if age > milliseconds(limits.at_age_ms_max) {
            wrong("at", "too_old", format!("at most {} ms ago", limits.at_age_ms_max));
        }
    }
    if event.properties.len() > limits.properties_max {
        wrong("properties", "count", format!("at most {}", limits.properties_max));
    }
    for (name, value) in &event.properties {
        let name_max = limits.property_name_bytes_max;
        if name.is_empty()
            || name.len() > name_max
            || !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        {
            // What it is called may be what it should not be.
            wrong("properties", "invalid_name", format!("names are 1 to {name_max} of a-z 0-9 _"));
            continue;
        }
        match value {
            Property::Truth(_) | Property::Whole(_) | Property::Number(_) => {}
            Property::Word(word) if is_word(word, limits.property_bytes_max) => {}
            Property::Word(_) => {
                let detail = format!("words are 1 to {} of a-z 0-9 _ . -", limits.property_bytes_max);
                wrong(&format!("properties.{name}"), "not_a_word", detail);
            }
        }
    }
}

fn is_word(word: &str, bytes_max: usize) -> bool {
    let of_word = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    !word.is_empty() && word.len() <= bytes_max && word.bytes().all(of_word)
}
