//! Media: what one is, and for a short time where to get it. Who may see what carries it may see it; so may its owner.
//!
//! Decided on the medium's own stream, which has a handful of events, and on what carries it as the views show it: a
//! deletion counts as soon as it is in the log.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use nova_eventlog::Direction;
use nova_events::media::{Carrier, MediaEvent, MediaKind, UploadReserved};
use nova_events::{Event, MediaId, UserId, streams};
use nova_http::{ApiError, Caller, OwnAddress, ValidPath, ValidQuery, json_response};
use nova_media::{MediaStore, keys};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{Reply, found, view_error};
use crate::params::MediaParams;
use crate::state::QueryState;

/// A stream of a medium has fewer.
const EVENTS_MAX: usize = 16;

/// Where media are, for who may see them.
#[derive(Debug, Clone)]
pub struct MediaAccess {
    pub store: MediaStore,
    /// How long an address is good.
    pub get_ttl: Duration,
    /// Where clients reach Nova.
    pub own_address: OwnAddress,
}

/// A medium, and where to get it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Medium {
    #[schema(value_type = uuid::Uuid)]
    id: MediaId,
    #[schema(value_type = uuid::Uuid)]
    owner_id: UserId,
    /// `audio`, `image` or `video`.
    kind: &'static str,
    content_type: String,
    content_length: u64,
    /// Of the bytes, in hexadecimal.
    sha256: String,
    /// How long it plays; of audio.
    duration_ms: Option<u64>,
    /// How loud a voice message is over its time, from 0 to 255.
    waveform: Option<Vec<u8>>,
    /// GET it there, without a token.
    url: String,
    /// In seconds.
    expires_in: u64,
}

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new().route("/media/{id}", get(medium))
}

/// Get a medium, with an address to get it from that is good for a few minutes.
#[utoipa::path(get, path = "/media/{id}", operation_id = "media_read", tag = "media", params(("id" = uuid::Uuid, Path), MediaParams),
    responses((status = 200, body = Medium), (status = 307, description = "Redirect to the bytes.")))]
pub(crate) async fn medium(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    headers: HeaderMap,
    ValidPath(id): ValidPath<MediaId>,
    ValidQuery(params): ValidQuery<MediaParams>,
) -> Reply {
    state.wait_for(&caller, params.after).await?;
    let Some(access) = &state.media else {
        return Err(ApiError::unavailable("This installation has no place for media."));
    };
    let history = history_of(&state, id).await?;
    let reserved = history.reserved.as_ref().ok_or_else(|| ApiError::not_found("medium"))?;
    // Its owner sees it whatever becomes of the conversation, but no longer than the post that it was published with.
    if reserved.owner != caller.user || matches!(history.carrier, Some(Carrier::Post { .. })) {
        may_see(&state, caller.user, &history).await?;
    }
    if history.deleted {
        return Err(ApiError::gone("medium"));
    }
    if !history.ready {
        return Err(ApiError::conflict(
            "media_not_ready",
            "This medium is not ready: its upload has not been completed.",
        ));
    }
    let base = access.store.base(|| access.own_address.base(&headers))?;
    let url = access.store.presign_get(&keys::media(id), &reserved.content_type, access.get_ttl, &base);
    if params.redirect {
        return redirect(&url);
    }
    let medium = Medium {
        id,
        owner_id: reserved.owner,
        kind: MediaKind::as_str(reserved.kind),
        content_type: reserved.content_type.clone(),
        content_length: reserved.content_length,
        sha256: reserved.sha256.clone(),
        duration_ms: history.duration_ms,
        waveform: history.waveform,
        url,
        expires_in: access.get_ttl.as_secs(),
    };
    Ok(json_response(StatusCode::OK, &medium))
}

#[derive(Default)]
struct History {
    reserved: Option<UploadReserved>,
    ready: bool,
    deleted: bool,
    duration_ms: Option<u64>,
    carrier: Option<Carrier>,
    waveform: Option<Vec<u8>>,
}

async fn history_of(state: &QueryState, id: MediaId) -> Result<History, ApiError> {
    let unavailable = || ApiError::unavailable("What this medium is cannot be read right now: try again.");
    let page = state.log.read_stream(&streams::media(id), 0, Direction::Forwards, EVENTS_MAX).await;
    let page = page.map_err(|error| {
        tracing::warn!(error.message = %error, "a medium's stream cannot be read");
        unavailable()
    })?;
    let mut history = History::default();
    for recorded in page {
        let envelope = state.codec.decode(&recorded).await.map_err(|error| {
            tracing::error!(position = recorded.position, error.message = %error, "an event cannot be decoded");
            unavailable()
        })?;
        if let Event::Media(event) = envelope.event {
            history.see(event);
        }
    }
    Ok(history)
}

impl History {
    fn see(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::UploadReserved(event) => self.reserved = Some(event),
            MediaEvent::UploadCompleted(event) => {
                self.ready = true;
                self.duration_ms = event.duration_ms;
            }
            MediaEvent::UploadRejected(_) => {}
            MediaEvent::MediaAttached(event) => {
                self.carrier = Some(event.carrier);
                self.waveform = event.personal.clear().map(|waveform| waveform.samples.clone());
            }
            MediaEvent::MediaDeleted(_) => self.deleted = true,
        }
    }
}

/// Someone who is not its owner hears what they would hear of what carries it; of what nothing carries, nothing.
async fn may_see(state: &QueryState, viewer: UserId, history: &History) -> Result<(), ApiError> {
    match history.carrier {
        None => Err(ApiError::not_found("medium")),
        Some(Carrier::Post { post_id }) => {
            let answer = state.reader.post(viewer, post_id).await.map_err(view_error)?;
            found("medium", answer.value).map(|_| ())
        }
        Some(Carrier::Message { conversation_id, .. }) => {
            let answer = state.reader.conversation(viewer, conversation_id).await.map_err(view_error)?;
            found("medium", answer.value).map(|_| ())
        }
    }
}

fn redirect(url: &str) -> Reply {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let location = HeaderValue::from_str(url).map_err(|_| ApiError::internal())?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
