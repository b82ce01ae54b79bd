//! Path parameters, query parameters and headers, refused in the same way as bodies: 422 with the parameter's name.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, RawPathParams};
use axum::http::{HeaderName, request::Parts};
use serde::de::DeserializeOwned;
use serde_urlencoded::Deserializer;
use uuid::Uuid;

use crate::json::field_error;
use crate::problem::ApiError;

/// The path's parameters as `T`.
#[derive(Debug, Clone, Copy)]
pub struct ValidPath<T>(pub T);

/// The query's parameters as `T`; `T` must deny unknown fields, so that a mistyped parameter is an error, not ignored.
#[derive(Debug, Clone, Copy)]
pub struct ValidQuery<T>(pub T);

/// The header `Idempotency-Key`: the id of the command, chosen by the client.
#[derive(Debug, Clone, Copy)]
pub struct IdempotencyKey(pub Option<Uuid>);

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ValidPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                let names = names(parts, state).await;
                Err(path_error(error.kind(), &names))
            }
            Err(_) => {
                tracing::error!("a handler takes path parameters that its route does not have");
                Err(ApiError::internal())
            }
        }
    }
}

async fn names<S: Send + Sync>(parts: &mut Parts, state: &S) -> Vec<String> {
    match RawPathParams::from_request_parts(parts, state).await {
        Ok(params) => params.iter().map(|(name, _)| name.to_owned()).collect(),
        Err(_) => Vec::new(),
    }
}

fn path_error(kind: &ErrorKind, names: &[String]) -> ApiError {
    let named = |index: usize| names.get(index).cloned().unwrap_or_else(|| "path".to_owned());
    let field = match kind {
        ErrorKind::ParseErrorAtKey { key, .. }
        | ErrorKind::DeserializeError { key, .. }
        | ErrorKind::InvalidUtf8InPathParam { key } => key.clone(),
        ErrorKind::ParseErrorAtIndex { index, .. } => named(*index),
        _ if names.len() == 1 => named(0),
        _ => "path".to_owned(),
    };
    ApiError::invalid_field(field, "invalid", "is not a valid value")
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    serde_urlencoded::from_str(query).map_err(|_| {
        let pairs = Deserializer::new(form_urlencoded(query));
        match serde_path_to_error::deserialize::<_, T>(pairs) {
            Ok(_) => ApiError::bad_request("malformed_query", "The query cannot be read."),
            Err(error) => {
                let mut field = field_error(&error.path().to_string(), &error.inner().to_string());
                if field.field == "body" {
                    "query".clone_into(&mut field.field);
                }
                ApiError::validation(vec![field])
            }
        }
    })
}

fn form_urlencoded(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(&IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let id = value.to_str().ok().and_then(|text| Uuid::try_parse(text.trim()).ok());
        match id {
            Some(id) if !id.is_nil() => Ok(Self(Some(id))),
            _ => Err(invalid_header(&IDEMPOTENCY_KEY)),
        }
    }
}

/// 400 for a header that must be a UUID and is not.
pub(crate) fn invalid_header(name: &HeaderName) -> ApiError {
    let detail = "A header does not hold what it must.";
    ApiError::bad_request("invalid_header", detail).field(name.as_str(), "invalid", "must be a UUID")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Query {
        limit: Option<usize>,
        user: Option<Uuid>,
    }

    fn refused(query: &str) -> (u16, String, &'static str) {
        let error = parse_query::<Query>(query).unwrap_err();
        (error.status().as_u16(), error.errors()[0].field.clone(), error.errors()[0].code)
    }

    #[test]
    fn a_query_is_read_by_name() {
        assert_eq!(parse_query("limit=5").ok(), Some(Query { limit: Some(5), user: None }));
        assert_eq!(parse_query("").ok(), Some(Query { limit: None, user: None }));
    }

    #[test]
    fn a_bad_query_names_the_parameter() {
        assert_eq!(refused("limit=x"), (422, "limit".to_owned(), "invalid"));
        assert_eq!(refused("limit=-1"), (422, "limit".to_owned(), "invalid"));
        assert_eq!(refused("user=x&limit=2"), (422, "user".to_owned(), "invalid"));
        assert_eq!(refused("limt=5"), (422, "limt".to_owned(), "unknown_field"));
        assert_eq!(refused("limit=5&limit=6"), (422, "limit".to_owned(), "duplicate_field"));
    }
}
