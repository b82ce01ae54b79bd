//! Which web pages of other origins may read Nova's answers in a browser (Fetch Standard, "CORS protocol").
//!
//! Nova knows its callers by bearer tokens, which a browser adds to no request by itself. So a page that may not read answers could
//! not do anything with a visitor's account either, and credentials (cookies) are never allowed. For the same reason the `Origin` of
//! a WebSocket is not looked at: the token in its first frame is the permission, and clients that are no browsers send any origin.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser remembers that it may. Chromium caps it at two hours.
const MAX_AGE: Duration = Duration::from_secs(3_600);

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What a page may read of an answer beside what every page may (Fetch Standard, "CORS-safelisted response-header name").
const EXPOSED: [HeaderName; 13] = [
    HeaderName::from_static("nova-position"),
    HeaderName::from_static("nova-source"),
    HeaderName::from_static("nova-as-of"),
    HeaderName::from_static("nova-degraded"),
    crate::layers::CORRELATION_ID,
    header::RETRY_AFTER,
    header::LOCATION,
    header::WWW_AUTHENTICATE,
    header::ALLOW,
    header::ACCEPT_RANGES,
    header::CONTENT_RANGE,
    header::CONTENT_DISPOSITION,
    header::ETAG,
];

/// The origins whose pages may read answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CorsOrigins {
    #[default]
    None,
    Any,
    These(Vec<HeaderValue>),
}

/// Fails with an entry that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    #[error(
        "{0:?} is no origin such as https://app.example: scheme, host and port, without a path, in lower case"
    )]
    Malformed(String),
    #[error("\"*\" stands for every origin and stands alone")]
    AnyAndOthers,
}

impl CorsOrigins {
    /// Parses exact origins, or `*` for every one.
    ///
    /// # Examples
    /// ```
    /// use nova_http::CorsOrigins;
    ///
    /// assert!(CorsOrigins::parse(&["https://app.example", "http://localhost:5173"]).is_ok());
    /// assert!(CorsOrigins::parse(&["https://app.example/"]).is_err());
    /// ```
    pub fn parse<S: AsRef<str>>(origins: &[S]) -> Result<Self, InvalidOrigin> {
        match origins {
            [] => Ok(Self::None),
            [any] if any.as_ref() == "*" => Ok(Self::Any),
            _ if origins.iter().any(|origin| origin.as_ref() == "*") => Err(InvalidOrigin::AnyAndOthers),
            _ => origins
                .iter()
                .map(|origin| parse_origin(origin.as_ref()))
                .collect::<Result<_, _>>()
                .map(Self::These),
        }
    }
}

/// Browsers write origins in one way only, and they are compared byte for byte.
fn parse_origin(text: &str) -> Result<HeaderValue, InvalidOrigin> {
    let malformed = || InvalidOrigin::Malformed(text.to_owned());
    let uri = text.parse::<Uri>().map_err(|_| malformed())?;
    let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(malformed)?;
    let is_exact = format!("{scheme}://{authority}") == text && !authority.as_str().contains('@');
    if !is_exact || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(malformed());
    }
    HeaderValue::from_str(text).map_err(|_| malformed())
}

/// Surrounds everything else, so that preflights cost nothing and a page can read refusals too.
pub fn with_cors(router: Router, origins: &CorsOrigins) -> Router {
    let allowed = match origins {
        CorsOrigins::None => return router,
        CorsOrigins::Any => AllowOrigin::any(),
        CorsOrigins::These(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    // Headers are no permission: whatever a page sends is looked at by whoever it is for.
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(METHODS)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE);
    router.layer(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_taken_as_browsers_write_them() {
        for origin in
            ["https://app.example", "http://localhost:5173", "http://[::1]:1", "capacitor://localhost"]
        {
            assert_eq!(CorsOrigins::parse(&[origin]), Ok(CorsOrigins::These(vec![origin.parse().unwrap()])));
        }
        assert_eq!(CorsOrigins::parse::<&str>(&[]), Ok(CorsOrigins::None));
        assert_eq!(CorsOrigins::parse(&["*"]), Ok(CorsOrigins::Any));
        assert_eq!(CorsOrigins::parse(&["https://a", "*"]), Err(InvalidOrigin::AnyAndOthers));
        for malformed in [
            "https://app.example/",
            "app.example",
            "https://App.example",
            "null",
            "",
            "https://*.example/x",
            "https://a@b",
        ] {
            let refused = CorsOrigins::parse(&["https://a.example", malformed]);
            assert_eq!(refused, Err(InvalidOrigin::Malformed(malformed.to_owned())), "{malformed}");
        }
    }
}
