//! JSON bodies in and out.
//!
//! * What comes in is checked in this order: media type (415), size (413), JSON (400), shape (422).
//! * An object is an object: see [`objects`]. A byte order mark before the JSON is passed over (RFC 8259, 8.1).
//! * An error names the field, never what stood in it.
//! * What goes out is serialised once, straight to the bytes of the answer.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::layers::{HttpLimits, RequestContext};
use crate::problem::{ApiError, FieldError};

use objects::Objects;

pub mod objects;

/// A JSON body of shape `T`.
#[derive(Debug, Clone, Copy)]
pub struct ValidJson<T>(pub T);

/// A JSON body of shape `T`, or none: no body, or `null`.
#[derive(Debug, Clone, Copy)]
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ValidJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        check_media_type(request.headers())?;
        parse(&read(request).await?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let media_type = check_media_type(request.headers());
        let body = read(request).await?;
        if body.is_empty() {
            return Ok(Self(None));
        }
        media_type?;
        parse::<Option<T>>(&body).map(Self)
    }
}

/// An answer of this value.
pub fn json_response<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    let mut body = Vec::with_capacity(512);
    if let Err(error) = serde_json::to_writer(&mut body, value) {
        tracing::error!(error.category = ?error.classify(), "an answer could not be serialised");
        return axum::response::IntoResponse::into_response(ApiError::internal());
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || (essence.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("application/"))
            && essence.get(essence.len() - 5..).is_some_and(|end| end.eq_ignore_ascii_case("+json")));
    if is_json {
        return Ok(());
    }
    let detail = "The body must be JSON, with Content-Type: application/json.";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
}

async fn read(request: Request) -> Result<Bytes, ApiError> {
    let context = request.extensions().get::<RequestContext>();
    let bytes_max =
        context.map_or_else(|| HttpLimits::default().body_bytes_max, RequestContext::body_bytes_max);
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > bytes_max as u64)
    {
        return Err(ApiError::payload_too_large(bytes_max));
    }
    match Limited::new(request.into_body(), bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::payload_too_large(bytes_max)),
        Err(_) => Err(ApiError::bad_request("incomplete_body", "The body ended before it was whole.")),
    }
}

/// Parses a body. Only a body that does not parse is looked at a second time, to find where.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    objects::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => shape_error::<T>(body),
        // A number where a word belongs is told as if it were no JSON.
        Category::Syntax if serde_json::from_slice::<serde_json::Value>(body).is_ok() => {
            shape_error::<T>(body)
        }
        Category::Syntax | Category::Eof | Category::Io => malformed(&error),
    })
}

fn malformed(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let detail = format!("The body is not valid JSON in UTF-8: line {line}, column {column}.");
    ApiError::bad_request("malformed_json", detail)
}

fn shape_error<T: DeserializeOwned>(body: &[u8]) -> ApiError {
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(Objects(&mut json)) {
        Ok(_) => ApiError::bad_request("malformed_json", "The body has something after its JSON value."),
        Err(error) => {
            let path = error.path().to_string();
            ApiError::validation(vec![field_error(&path, &error.inner().to_string())])
        }
    }
}

const FIELD_CHARS_MAX: usize = 64;

/// What a deserialiser's message says about the field at `path`, without the values that the message may quote. The
/// messages are those of serde's `de::Error`.
pub(crate) fn field_error(path: &str, message: &str) -> FieldError {
    let named = || message.split('`').nth(1).unwrap_or_default();
    let parent = if path == "." { "" } else { path };
    let (field, code, detail) = if message.starts_with("missing field") {
        (join(parent, named()), "required", "is required")
    } else if message.starts_with("unknown field") {
        let last = parent.rsplit('.').next().unwrap_or_default();
        let path = if last == named() { parent.to_owned() } else { join(parent, named()) };
        (path, "unknown_field", "is not a field that this takes")
    } else if message.starts_with("duplicate field") {
        (join(parent, named()), "duplicate_field", "is given more than once")
    } else if message.starts_with("unknown variant") {
        (parent.to_owned(), "unknown_value", "is not one of the values that this takes")
    } else if message.starts_with("invalid type") {
        (parent.to_owned(), "wrong_type", "is of another type than this takes")
    } else {
        (parent.to_owned(), "invalid", "is not a valid value")
    };
    let field = if field.is_empty() { "body".to_owned() } else { field };
    FieldError { field: field.chars().take(FIELD_CHARS_MAX).collect(), code, detail: detail.to_owned() }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

#[cfg(test)]
mod tests {
    use nova_events::UserId;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct Start {
        kind: Kind,
        members: Vec<UserId>,
        #[serde(default)]
        size: Option<u8>,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Direct,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct Inner {
        a: u8,
    }

    fn refused(body: &[u8]) -> ApiError {
        parse::<Start>(body).unwrap_err()
    }

    fn first(body: &str) -> (String, &'static str) {
        let error = refused(body.as_bytes());
        assert_eq!((error.status().as_u16(), error.code()), (422, "validation_failed"), "{body}");
        (error.errors()[0].field.clone(), error.errors()[0].code)
    }

    fn at(field: &str, code: &'static str) -> (String, &'static str) {
        (field.to_owned(), code)
    }

    #[test]
    fn what_is_not_json_says_where() {
        for body in [&b"{"[..], b"", b"{]", b"\xff", b"{\"kind\":\"\xff\"}", b"nul"] {
            let error = refused(body);
            assert_eq!((error.status().as_u16(), error.code()), (400, "malformed_json"), "{body:?}");
            assert!(error.detail().contains("column"), "{error}");
        }
    }

    #[test]
    fn what_is_of_another_shape_names_the_field() {
        let id = "\"0190c4a2-0000-7000-8000-000000000000\"";
        assert_eq!(first(r#"{"kind":"direct"}"#), at("members", "required"));
        assert_eq!(first(r#"{"kind":"secret","members":[]}"#), at("kind", "unknown_value"));
        assert_eq!(first(r#"{"kind":"direct","members":[7]}"#), at("members[0]", "wrong_type"));
        assert_eq!(first(r#"{"kind":7,"members":[]}"#), at("kind", "invalid"));
        let body = format!(r#"{{"kind":"direct","members":[{id},"x"]}}"#);
        assert_eq!(first(&body), at("members[1]", "invalid"));
        assert_eq!(first(r#"{"kind":"direct","members":[],"size":300}"#), at("size", "invalid"));
        assert_eq!(first(r#"{"kind":"direct","members":[],"sise":3}"#), at("sise", "unknown_field"));
        assert_eq!(first(r#"{"inner":{"b":1}}"#), at("inner.b", "unknown_field"));
        assert_eq!(first(r#"{"inner":{}}"#), at("inner.a", "required"));
        assert_eq!(first(r#"{"inner":{"a":1,"a":1}}"#), at("inner.a", "duplicate_field"));
        assert_eq!(first("[]"), at("body", "wrong_type"));
        assert_eq!(first(r#"["direct",[]]"#), at("body", "wrong_type"));
        assert_eq!(first(r#"{"kind":"direct","members":[],"inner":[1]}"#), at("inner", "wrong_type"));
        assert_eq!(first("7"), at("body", "wrong_type"));
    }

    #[test]
    fn no_error_repeats_a_value() {
        for body in [
            r#"{"kind":"s3cret","members":[]}"#,
            r#"{"kind":"direct","members":["s3cret"]}"#,
            r#"{"kind":"direct","members":"s3cret"}"#,
            r#"{"size":"s3cret"}"#,
            r#""s3cret""#,
            r#"{"s3cret"#,
        ] {
            let error = refused(body.as_bytes());
            assert!(!format!("{error} {:?}", error.errors()).contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn a_long_field_name_is_cut() {
        let body = format!(r#"{{"{}":1}}"#, "x".repeat(5000));
        assert_eq!(first(&body).0.len(), FIELD_CHARS_MAX);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_once() {
        let body =
            |mark: &str| parse::<Start>(format!(r#"{mark}{{"kind":"direct","members":[]}}"#).as_bytes());
        assert!(body("\u{feff}").is_ok());
        assert!(body("\u{feff}\u{feff}").is_err());
    }

    #[test]
    fn something_after_the_value_is_malformed() {
        let body = br#"{"kind":"direct","members":[]} x"#;
        assert_eq!(refused(body).code(), "malformed_json");
    }

    #[test]
    fn json_media_types() {
        let checked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            check_media_type(&headers).is_ok()
        };
        assert!(checked("application/json"));
        assert!(checked("Application/JSON; charset=utf-8"));
        assert!(checked("application/merge-patch+json"));
        for other in ["text/plain", "application/x-www-form-urlencoded", "", "json", "application/jsonx"] {
            assert!(!checked(other), "{other}");
        }
        assert!(check_media_type(&HeaderMap::new()).is_err());
    }

    #[test]
    fn whatever_a_body_holds_it_is_answered_with_a_field_or_a_place() {
        let id = "01920f3e-7c1b-7000-8000-000000000000";
        let sound = [
            format!(r#"{{"kind": "direct", "members": ["{id}"], "size": 7, "inner": {{"a": 1}}}}"#),
            r#"{"kind":"direct","members":[]}"#.to_owned(),
            "\u{feff}{\"kind\": \"direct\", \"members\": [], \"inner\": null}".to_owned(),
        ];
        let sound = sound.into_iter().map(String::into_bytes).collect();
        nova_testkit::fuzz::fuzz("json-body", sound, |body| match parse::<Start>(body) {
            Ok(_) => (200, String::new()),
            Err(error) => {
                let status = error.status().as_u16();
                assert!([400, 422].contains(&status), "{status}");
                let field = error.errors().first().map_or_else(String::new, |error| error.field.clone());
                assert!(status == 400 || !field.is_empty(), "it names nothing");
                (status, field)
            }
        });
    }
}
