//! Errors as clients see them: RFC 9457 `application/problem+json` with a stable `code`.
//!
//! * Every answer of 400 and above is a problem; `code` never changes its meaning, `detail` is for people.
//! * A problem never repeats what the client sent, and never tells what a database or a library said.
//! * The body is written by the layer around the request ([`crate::layers`]), which knows the correlation id.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The path of the field, such as `members[2]`; a parameter's or a header's name.
    pub field: String,
    #[schema(value_type = String, example = "required")]
    pub code: &'static str,
    pub detail: String,
}

/// A refused or failed request.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of an error. Written by hand-picked fields so that nothing else can slip in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// Names the kind of problem: `urn:nova:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    pub title: &'a str,
    #[schema(example = 422)]
    pub status: u16,
    /// Stable; for programs.
    #[schema(example = "validation_failed")]
    pub code: &'a str,
    /// For people.
    pub detail: &'a str,
    /// Ties the answer to Nova's own records of the request.
    pub correlation_id: Uuid,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [FieldError],
}

pub const PROBLEM_JSON: &str = "application/problem+json";

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Parts { status, code, detail, errors: Vec::new(), headers: Vec::new() }))
    }

    /// Adds what is wrong with one field.
    pub fn field(mut self, field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        self.0.errors.push(FieldError { field: field.into(), code, detail: detail.into() });
        self
    }

    /// Tells the client when to try again.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Sets a header of the answer.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.retain(|(held, _)| *held != name);
        self.0.headers.push((name, value));
        self
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422: the request is understood, and some fields do not hold what they must.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let mut error =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", "Some fields are not valid.");
        error.0.errors = errors;
        error
    }

    /// 422 for one field.
    pub fn invalid_field(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::validation(Vec::new()).field(field, code, detail)
    }

    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"nova\""))
    }

    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404; `what` names the kind of thing, such as "post".
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."))
    }

    /// 410: it was there and has been deleted.
    pub fn gone(what: &str) -> Self {
        Self::new(StatusCode::GONE, "gone", format!("This {what} has been deleted."))
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 503 with `Retry-After: 1`.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
    }

    pub fn too_many_requests() -> Self {
        let detail = "You send requests faster than you may.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(1)
    }

    pub fn payload_too_large(bytes_max: usize) -> Self {
        let detail = format!("The body is larger than {bytes_max} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
    }

    /// 500. The cause is for the log, not for the client.
    pub fn internal() -> Self {
        let detail = "Nova failed to answer. The correlation id finds the cause in its records.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// The problem for an answer that something other than Nova's handlers made, such as the router.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::BAD_REQUEST => "bad_request",
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
            StatusCode::GONE => "gone",
            StatusCode::PAYLOAD_TOO_LARGE => "payload_too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
            StatusCode::UNPROCESSABLE_ENTITY => "validation_failed",
            StatusCode::UPGRADE_REQUIRED => "upgrade_required",
            status if status.is_client_error() => "refused",
            _ => "internal",
        };
        Self::new(status, code, status.canonical_reason().unwrap_or("Refused"))
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn code(&self) -> &'static str {
        self.0.code
    }

    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The body. Also for channels that are not HTTP answers, such as the per-item results of a batch.
    pub fn problem(&self, correlation_id: Uuid) -> Problem<'_> {
        Problem {
            kind: format!("urn:nova:problem:{}", self.0.code),
            title: self.0.status.canonical_reason().unwrap_or("Error"),
            status: self.0.status.as_u16(),
            code: self.0.code,
            detail: &self.0.detail,
            correlation_id,
            errors: &self.0.errors,
        }
    }

    pub(crate) fn render(&self, correlation_id: Uuid, mut headers: HeaderMap) -> Response {
        let body = serde_json::to_vec(&self.problem(correlation_id)).unwrap_or_default();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.remove(header::CONTENT_LENGTH);
        (self.0.status, headers, body).into_response()
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.code, self.0.detail)
    }
}

impl std::error::Error for ApiError {}

/// Status and headers, with the error for the layer to write the body from.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.0.status;
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_fields_of_the_rfc_and_ours() {
        let error = ApiError::invalid_field("limit", "out_of_range", "1 to 100");
        let json = serde_json::to_value(error.problem(Uuid::nil())).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:nova:problem:validation_failed",
                "title": "Unprocessable Entity",
                "status": 422,
                "code": "validation_failed",
                "detail": "Some fields are not valid.",
                "correlation_id": "00000000-0000-0000-0000-000000000000",
                "errors": [{"field": "limit", "code": "out_of_range", "detail": "1 to 100"}],
            })
        );
    }

    #[test]
    fn a_problem_without_fields_has_no_list_of_them() {
        let json = serde_json::to_value(ApiError::gone("post").problem(Uuid::nil())).unwrap();
        assert_eq!(json.get("errors"), None);
        assert_eq!(json["code"], "gone");
    }

    #[test]
    fn to_try_again_later_says_when() {
        let response = ApiError::unavailable("busy").retry_after(7).into_response();
        let values: Vec<_> = response.headers().get_all(header::RETRY_AFTER).iter().collect();
        assert_eq!(values.len(), 1, "the last one counts: {values:?}");
        assert_eq!(values[0], "7");
    }
}
