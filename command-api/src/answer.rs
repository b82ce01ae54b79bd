//! Outcomes and refusals as HTTP.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use nova_domain::{InvalidField, Refusal, RefusalClass};
use nova_http::{ApiError, FieldError, json_response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::execute::{CommandError, Outcome};

/// What a command answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// The thing that the command was about.
    pub(crate) id: Uuid,
    /// The revision of its stream; of a message, its seq. Null when nothing ever happened to it, and for a message that is already as
    /// asked for.
    pub(crate) revision: Option<u64>,
    /// Where in the log it stands; a query with `after=` this sees it.
    pub(crate) position: u64,
}

impl From<&Outcome> for Accepted {
    fn from(outcome: &Outcome) -> Self {
        Self { id: outcome.id, revision: outcome.revision, position: outcome.position }
    }
}

const POSITION: HeaderName = HeaderName::from_static("nova-position");

/// The answer to a command that was carried out, or that had nothing left to do.
pub(crate) fn accepted(status: StatusCode, outcome: &Outcome) -> Response {
    with_position(json_response(status, &Accepted::from(outcome)), outcome.position)
}

/// What was done stands there in the log.
pub(crate) fn with_position(mut response: Response, position: u64) -> Response {
    response.headers_mut().insert(POSITION, HeaderValue::from(position));
    response
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refused(&refusal),
            CommandError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key has been used for another request: of another kind, about something else or with another body",
            )
            .field("Idempotency-Key", "reused", "make a new UUID for each request, and repeat it with the same one only"),
            CommandError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "what this is about keeps changing; nothing was written, try again",
            )
            .retry_after(1),
            CommandError::Overloaded => Self::unavailable("too many commands wait; nothing was written"),
            CommandError::Unavailable => Self::unavailable("commands cannot be taken now"),
            CommandError::Failed => Self::internal(),
        }
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let status = match refusal.class() {
        RefusalClass::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalClass::Forbidden => StatusCode::FORBIDDEN,
        RefusalClass::Unknown => StatusCode::NOT_FOUND,
        RefusalClass::Gone => StatusCode::GONE,
        RefusalClass::Conflict => StatusCode::CONFLICT,
    };
    if let Refusal::Invalid(fields) = refusal {
        let errors = fields.iter().map(|InvalidField { field, code, detail }| FieldError {
            field: (*field).to_owned(),
            code,
            detail: detail.clone(),
        });
        return ApiError::validation(errors.collect());
    }
    let error = ApiError::new(status, refusal.code(), refusal.to_string());
    match refusal.field() {
        Some((field, code)) => error.field(field, code, refusal.to_string()),
        None => error,
    }
}
