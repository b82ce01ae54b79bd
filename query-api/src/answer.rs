//! From what a view answered to what a client gets: the one table of view errors, and the three forms of an answer
//! (a list, a thing, a thing that may be gone).

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use nova_http::{ApiError, json_response};
use nova_views::{Answer, List, Lookup, ViewError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::params::invalid_cursor;

/// The rung of the ladder that answered.
pub const SOURCE: HeaderName = HeaderName::from_static("nova-source");
/// What is known is known as of this time.
pub const AS_OF: HeaderName = HeaderName::from_static("nova-as-of");
/// There when a better source should have answered.
pub const DEGRADED: HeaderName = HeaderName::from_static("nova-degraded");
/// A position of the log.
pub const POSITION: HeaderName = HeaderName::from_static("nova-position");

/// Part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListOf<T> {
    pub items: Vec<T>,
    /// Goes on with the list; null at its end.
    pub next_cursor: Option<String>,
    /// Which source answered.
    #[schema(value_type = String, example = "sqlite")]
    pub source: &'static str,
    /// The answer holds what was known at this time.
    pub as_of: DateTime<Utc>,
    /// A better source should have answered.
    pub degraded: bool,
}

type Answered<T> = Result<Answer<T>, ViewError>;
pub type Reply = Result<Response, ApiError>;

/// A list.
pub fn list<T: Serialize>(answered: Answered<List<T>>) -> Reply {
    Ok(list_response(answered.map_err(view_error)?))
}

/// A list of something that may be unknown or gone, such as the comments of a post.
pub fn list_of<T: Serialize>(what: &str, answered: Answered<Lookup<List<T>>>) -> Reply {
    let answer = answered.map_err(view_error)?;
    let Answer { value, source, as_of, degraded } = answer;
    Ok(list_response(Answer { value: found(what, value)?, source, as_of, degraded }))
}

/// One thing.
pub fn one<T: Serialize>(what: &str, answered: Answered<Lookup<T>>) -> Reply {
    let answer = answered.map_err(view_error)?;
    let mut response = json_response(StatusCode::OK, &found(what, answer.value)?);
    let headers = response.headers_mut();
    headers.insert(SOURCE, HeaderValue::from_static(answer.source));
    if let Ok(time) = HeaderValue::from_str(&answer.as_of.to_rfc3339_opts(SecondsFormat::Millis, true)) {
        headers.insert(AS_OF, time);
    }
    mark(&mut response, answer.degraded);
    Ok(response)
}

pub fn found<T>(what: &str, lookup: Lookup<T>) -> Result<T, ApiError> {
    match lookup {
        Lookup::Found(value) => Ok(value),
        Lookup::Gone => Err(ApiError::gone(what)),
        Lookup::Unknown => Err(ApiError::not_found(what)),
    }
}

fn list_response<T: Serialize>(answer: Answer<List<T>>) -> Response {
    let Answer { value: List { items, next }, source, as_of, degraded } = answer;
    let next_cursor = next.map(|cursor| cursor.0);
    let mut response = json_response(StatusCode::OK, &ListOf { items, next_cursor, source, as_of, degraded });
    mark(&mut response, degraded);
    response
}

fn mark(response: &mut Response, degraded: bool) {
    if degraded {
        response.headers_mut().insert(DEGRADED, HeaderValue::from_static("true"));
    }
}

/// The one table from view errors to problems.
pub fn view_error(error: ViewError) -> ApiError {
    match error {
        ViewError::Unavailable(_) | ViewError::Switched => {
            tracing::warn!(error.message = %error, "a query could not be answered");
            ApiError::unavailable("No view can answer this right now. Nothing is lost: try again.")
        }
        ViewError::Corrupt(_) | ViewError::Schema { .. } => {
            tracing::error!(error.message = %error, "a query could not be answered");
            ApiError::internal()
        }
        ViewError::BadCursor => invalid_cursor(),
        ViewError::BadQuery(problem) => ApiError::invalid_field("q", "invalid", problem),
        ViewError::UnknownProjection(_) => ApiError::not_found("projection"),
        ViewError::Behind { wanted, applied, .. } => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "views_behind",
            format!("The views have seen the log up to position {applied}, not yet up to {wanted}."),
        )
        .header(POSITION, HeaderValue::from(applied))
        .retry_after(1),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::to_bytes;

    use super::*;

    fn answer<T>(value: T, degraded: bool) -> Answer<T> {
        Answer { value, source: "sqlite", as_of: DateTime::<Utc>::UNIX_EPOCH, degraded }
    }

    async fn json(response: Response) -> serde_json::Value {
        serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_list_says_where_it_comes_from() {
        let next = Some(nova_views::Cursor("next".to_owned()));
        let response = list(Ok(answer(List { items: vec![1, 2], next }, true))).unwrap();
        assert_eq!(response.headers()["nova-degraded"], "true");
        assert_eq!(
            json(response).await,
            serde_json::json!({
                "items": [1, 2],
                "next_cursor": "next",
                "source": "sqlite",
                "as_of": "1970-01-01T00:00:00Z",
                "degraded": true,
            })
        );
    }

    #[tokio::test]
    async fn one_thing_is_the_thing_itself() {
        let response = one("post", Ok(answer(Lookup::Found(7), false))).unwrap();
        assert_eq!(response.headers()["nova-source"], "sqlite");
        assert_eq!(response.headers()["nova-as-of"], "1970-01-01T00:00:00.000Z");
        assert!(!response.headers().contains_key("nova-degraded"));
        assert_eq!(json(response).await, 7);
    }

    #[test]
    fn gone_and_unknown_are_told_apart() {
        let refused = |lookup| one::<u8>("post", Ok(answer(lookup, false))).unwrap_err();
        assert_eq!((refused(Lookup::Gone).status().as_u16(), refused(Lookup::Gone).code()), (410, "gone"));
        assert_eq!(refused(Lookup::Unknown).status().as_u16(), 404);
    }

    #[test]
    fn each_view_error_has_its_problem() {
        let behind = ViewError::Behind { wanted: 9, applied: 7, waited: Duration::ZERO };
        let schema = ViewError::Schema { found: 1, known: 2, remedy: "secret".to_owned() };
        for (error, status, code) in [
            (ViewError::Unavailable("secret".to_owned()), 503, "unavailable"),
            (ViewError::Corrupt("secret".to_owned()), 500, "internal"),
            (schema, 500, "internal"),
            (ViewError::BadCursor, 400, "invalid_cursor"),
            (ViewError::BadQuery("is too long"), 422, "validation_failed"),
            (ViewError::UnknownProjection("x".to_owned()), 404, "not_found"),
            (behind, 503, "views_behind"),
        ] {
            let problem = view_error(error);
            assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
            assert!(!problem.to_string().contains("secret"), "{problem}");
        }
    }
}
