//! What auditors ask: what was deleted, and what stands in the log itself.
//!
//! Events are shown as they are stored: the clear part in the shape of its version, and the personal part opened, or
//! said to be redacted when its key has been destroyed.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use nova_eventlog::{Filter, LogError, Recorded};
use nova_events::envelope::time_of_ms;
use nova_events::seal::{self, Place, SealError};
use nova_events::{Actor, Codec, KeyError, Meta, UserId, codec};
use nova_http::{ApiError, AuditorCaller, ValidQuery, json_response};
use nova_views::Deletion;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{ListOf, Reply, list};
use crate::params::{DeletionsParams, EventsParams, limit, page, position};
use crate::state::QueryState;

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new().route("/audit/deletions", get(deletions)).route("/audit/events", get(events))
}

/// List what was deleted, when, by whom and why, newest first.
#[utoipa::path(get, path = "/audit/deletions", operation_id = "deletions_list", tag = "audit", params(DeletionsParams),
    responses((status = 200, body = ListOf<Deletion>)))]
pub(crate) async fn deletions(
    State(state): State<Arc<QueryState>>,
    AuditorCaller(caller): AuditorCaller,
    ValidQuery(params): ValidQuery<DeletionsParams>,
) -> Reply {
    let query = params.query(Utc::now())?;
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.deletions(query, page).await)
}

/// Read the event log, in its order.
#[utoipa::path(get, path = "/audit/events", operation_id = "events_list", tag = "audit", params(EventsParams),
    responses((status = 200, body = EventPage)))]
pub(crate) async fn events(
    State(state): State<Arc<QueryState>>,
    _auditor: AuditorCaller,
    ValidQuery(params): ValidQuery<EventsParams>,
) -> Result<Response, ApiError> {
    let limit = limit(params.limit)?;
    let filter = Filter {
        categories: params.category.into_iter().collect(),
        kinds: params.kind.into_iter().collect(),
    };
    let page = read(&state, position("after", params.after)?.unwrap_or(0), &filter, limit).await?;
    Ok(json_response(StatusCode::OK, &page))
}

/// Part of the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventPage {
    items: Vec<AuditedEvent>,
    /// The `after` to go on with; null at the head of the log.
    next_cursor: Option<String>,
    /// Everything up to here has been looked at.
    position: u64,
    /// The head of the log.
    head: u64,
    #[schema(value_type = String, example = "log")]
    source: &'static str,
    as_of: DateTime<Utc>,
    degraded: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AuditedEvent {
    position: u64,
    #[schema(example = "post-0190c4a200007000800000000000abcd")]
    stream: String,
    revision: u64,
    event_id: Uuid,
    command_id: Uuid,
    #[schema(example = "PostPublished")]
    kind: String,
    schema_version: u16,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    /// `system`, or `{"user": id}`.
    #[schema(value_type = Object)]
    actor: Actor,
    #[schema(value_type = Vec<Uuid>)]
    subjects: Vec<UserId>,
    correlation_id: Uuid,
    causation_id: Option<Uuid>,
    traceparent: Option<String>,
    /// The part that is not personal.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    /// The personal part; null when there is none or it cannot be read.
    #[schema(value_type = Option<Object>)]
    personal: Option<Box<RawValue>>,
    personal_state: PersonalState,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PersonalState {
    /// The event has no personal part.
    Absent,
    Clear,
    /// Its key has been destroyed.
    Redacted,
    /// It does not open: it has been altered or moved, or was sealed by something else.
    Damaged,
}

/// Pages of a filtered log may be empty far from its head: read on until there is something to show or the time of one
/// request is used up.
async fn read(state: &QueryState, after: u64, filter: &Filter, limit: usize) -> Result<EventPage, ApiError> {
    const PAGES_MAX: usize = 64;
    let mut page = state.log.read_all(after, filter, limit).await.map_err(|error| log_error(&error))?;
    for _ in 1..PAGES_MAX {
        if !page.events.is_empty() || page.position >= page.head {
            break;
        }
        page = state.log.read_all(page.position, filter, limit).await.map_err(|error| log_error(&error))?;
    }
    let mut items = Vec::with_capacity(page.events.len());
    for recorded in &page.events {
        items.push(audited(&state.codec, recorded).await?);
    }
    let (position, head) = (page.position, page.head);
    let next_cursor = (position < head).then(|| position.to_string());
    Ok(EventPage { items, next_cursor, position, head, source: "log", as_of: Utc::now(), degraded: false })
}

async fn audited(codec: &Codec, recorded: &Recorded) -> Result<AuditedEvent, ApiError> {
    let meta: Meta = serde_json::from_slice(&recorded.meta).map_err(|_| unreadable(recorded))?;
    let clear = str::from_utf8(codec::clear_part(&recorded.data)).map_err(|_| unreadable(recorded))?;
    let data = RawValue::from_string(clear.to_owned()).map_err(|_| unreadable(recorded))?;
    let (personal, personal_state) = open(codec, recorded, meta.schema_version).await?;
    Ok(AuditedEvent {
        position: recorded.position,
        stream: recorded.stream.to_string(),
        revision: recorded.revision,
        event_id: recorded.id,
        command_id: recorded.command_id(),
        kind: recorded.kind.to_string(),
        schema_version: meta.schema_version,
        occurred_at: time_of_ms(meta.occurred_at_ms),
        recorded_at: time_of_ms(i64::try_from(recorded.recorded_at_ms).unwrap_or(i64::MAX)),
        actor: meta.actor,
        subjects: meta.subjects,
        correlation_id: meta.correlation_id,
        causation_id: meta.causation_id,
        traceparent: meta.traceparent,
        data,
        personal,
        personal_state,
    })
}

async fn open(
    codec: &Codec,
    recorded: &Recorded,
    version: u16,
) -> Result<(Option<Box<RawValue>>, PersonalState), ApiError> {
    let Some(sealed) = codec::sealed_part(&recorded.data) else {
        return Ok((None, PersonalState::Absent));
    };
    let Ok((subject, class)) = seal::owner(sealed) else {
        return Ok((None, PersonalState::Damaged));
    };
    let key = match codec.keyring().key_to_open(subject, class).await {
        Ok(Some(key)) => key,
        Ok(None) | Err(KeyError::Destroyed(_)) => return Ok((None, PersonalState::Redacted)),
        Err(error @ KeyError::Missing(_)) => {
            tracing::error!(log.position = recorded.position, %error, "personal data cannot be opened");
            return Err(ApiError::unavailable(format!(
                "The key of subject {subject} is missing, and was not destroyed. An operator has to put back the keys."
            )));
        }
        Err(KeyError::Unavailable(_) | KeyError::Corrupt(_)) => {
            return Err(ApiError::unavailable("The keys of personal data are not at hand right now."));
        }
    };
    let place = Place {
        stream: recorded.stream.as_str(),
        event_id: recorded.id,
        kind: recorded.kind.as_str(),
        version,
    };
    let text =
        key.open(&place, sealed).and_then(|json| String::from_utf8(json).map_err(|_| SealError::Altered));
    Ok(match text.ok().and_then(|text| RawValue::from_string(text).ok()) {
        Some(personal) => (Some(personal), PersonalState::Clear),
        None => (None, PersonalState::Damaged),
    })
}

fn unreadable(recorded: &Recorded) -> ApiError {
    tracing::error!(log.position = recorded.position, "an event of the log is not of its shape");
    ApiError::internal()
}

/// What the log's errors mean to a reader.
pub(crate) fn log_error(error: &LogError) -> ApiError {
    match error {
        LogError::Unavailable(_) | LogError::Overloaded { .. } => {
            tracing::warn!(error.message = %error, "the log could not be read");
            ApiError::unavailable("The log cannot be read right now. Nothing is lost: try again.")
        }
        LogError::Conflict { .. }
        | LogError::Invalid(_)
        | LogError::Corrupt { .. }
        | LogError::Format { .. }
        | LogError::Locked { .. } => {
            tracing::error!(error.message = %error, "the log could not be read");
            ApiError::internal()
        }
    }
}
