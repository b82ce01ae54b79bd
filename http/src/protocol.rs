//! What HTTP itself asks of a request, whatever it is for.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};

use crate::problem::ApiError;

/// Refuses a request whose `Host` is missing, repeated or no host, with 400 (RFC 9112, 3.2). HTTP/1.0 did not have it.
pub(crate) fn check_host(request: &Request) -> Result<(), ApiError> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let problem = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => return Ok(()),
        (None, _) => "is required",
        (Some(_), Some(_)) => "is given more than once",
        (Some(host), None) if host.is_empty() || is_host(host) => return Ok(()),
        (Some(_), None) => "must be a host, with or without a port",
    };
    let detail = "A request names the one host that it is for.";
    Err(ApiError::bad_request("invalid_header", detail).field(header::HOST.as_str(), "invalid", problem))
}

fn is_host(host: &HeaderValue) -> bool {
    let authority = Authority::try_from(host.as_bytes());
    authority.is_ok_and(|authority| !authority.as_str().contains('@'))
}

/// Refuses a body in a coding with 415 and says that there is none to use (RFC 9110, 15.5.16).
pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_plain = |value: &HeaderValue| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
    };
    if headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Ok(());
    }
    let detail = "Bodies are taken as they are, without a Content-Encoding.";
    let error = ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding", detail);
    Err(error.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refused_host(version: Version, hosts: &[&str]) -> bool {
        let mut request = axum::http::Request::builder().version(version).body(Body::empty()).unwrap();
        for host in hosts {
            request.headers_mut().append(header::HOST, host.parse().unwrap());
        }
        check_host(&request).is_err_and(|error| error.status().as_u16() == 400)
    }

    #[test]
    fn a_request_names_one_host() {
        for host in ["nova.example", "nova.example:8080", "127.0.0.1:1", "[::1]:80", "[::1]", ""] {
            assert!(!refused_host(Version::HTTP_11, &[host]), "{host}");
        }
        for host in ["a b", "nova.example/path", "ada@nova.example", "http://a", "a:b:c"] {
            assert!(refused_host(Version::HTTP_11, &[host]), "{host}");
        }
        assert!(refused_host(Version::HTTP_11, &[]));
        assert!(!refused_host(Version::HTTP_10, &[]));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(refused_host(version, &["a", "a"]));
        }
    }

    #[test]
    fn only_plain_bodies_are_taken() {
        let refused = |codings: &[&str]| {
            let mut headers = HeaderMap::new();
            for coding in codings {
                headers.append(header::CONTENT_ENCODING, coding.parse().unwrap());
            }
            check_encoding(&headers).is_err_and(|error| error.code() == "unsupported_content_encoding")
        };
        for taken in [&[][..], &["identity"], &["Identity"], &[""], &["identity, identity"]] {
            assert!(!refused(taken), "{taken:?}");
        }
        for coding in [&["gzip"][..], &["br"], &["identity, gzip"], &["identity", "gzip"], &["zstd"], &["x"]]
        {
            assert!(refused(coding), "{coding:?}");
        }
    }
}
