//! Presigned addresses that lead to Nova itself, where media are kept in a folder: the same terms as on S3. No token: the
//! signature in the address is the permission.

use std::io::SeekFrom;
use std::ops::RangeInclusive;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use nova_http::{ApiError, ValidPath, ValidQuery};
use nova_media::folder::{PutClaims, PutError};
use nova_media::{Folder, keys};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::{Answered, CommandState};
use crate::params::{GetParams, PutParams};

const PART_BYTES: usize = 64 * 1024;

/// Put what was reserved, with the headers that came with the address. Its length, type and checksum are signed.
#[utoipa::path(put, path = "/api/v1/storage/{folder}/{name}", tag = "media",
    params(("folder" = String, Path), ("name" = String, Path), PutParams), security(()),
    responses((status = 200)))]
pub(crate) async fn store(
    State(state): State<CommandState>,
    ValidPath((folder, name)): ValidPath<(String, String)>,
    ValidQuery(params): ValidQuery<PutParams>,
    request: Request,
) -> Answered {
    let place = folder_of(&state)?;
    let (parts, body) = request.into_parts();
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(content_length) = text("content-length").parse() else {
        let detail = "The request needs a Content-Length.";
        return Err(ApiError::new(StatusCode::LENGTH_REQUIRED, "length_required", detail));
    };
    let key = format!("{folder}/{name}");
    let claims = PutClaims {
        key: &key,
        content_type: text("content-type"),
        content_length,
        checksum: text("x-amz-checksum-sha256"),
        expires: params.expires,
        signature: &params.signature,
    };
    place.check_put(&claims).map_err(refused)?;
    place.put(&claims, body.into_data_stream().map(|part| part)).await.map_err(refused)?;
    Ok(Response::new(Body::empty()))
}

/// Get a medium, or a range of it, from the address that `GET /media/{id}` gave.
#[utoipa::path(get, path = "/api/v1/storage/{folder}/{name}", tag = "media",
    params(("folder" = String, Path), ("name" = String, Path), GetParams), security(()),
    responses((status = 200), (status = 206)))]
pub(crate) async fn fetch(
    State(state): State<CommandState>,
    method: Method,
    headers: HeaderMap,
    ValidPath((folder, name)): ValidPath<(String, String)>,
    ValidQuery(params): ValidQuery<GetParams>,
) -> Answered {
    let place = folder_of(&state)?;
    let key = format!("{folder}/{name}");
    place.check_get(&key, &params.content_type, params.expires, &params.signature).map_err(refused)?;
    check_shown(&state, &key).await?;
    let opened = tokio::fs::File::open(place.path_of(&key)).await;
    let mut file = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ApiError::not_found("medium"),
        _ => refused(PutError::Io(error)),
    })?;
    let size = file.metadata().await.map_err(|error| refused(PutError::Io(error)))?.len();
    let range = match asked(&method, &headers).map(|range| range_of(range, size)) {
        None | Some(Asked::Ignored) => None,
        Some(Asked::Range(range)) => Some(range),
        Some(Asked::Beyond) => {
            let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "It is shorter than that.");
            return Err(error.header(header::CONTENT_RANGE, value(format!("bytes */{size}"))));
        }
    };
    let (from, length) =
        range.as_ref().map_or((0, size), |range| (*range.start(), range.end() - range.start() + 1));
    file.seek(SeekFrom::Start(from)).await.map_err(|error| refused(PutError::Io(error)))?;
    let mut response = Response::new(body_of(file, length));
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let told = format!("bytes {}-{}/{size}", range.start(), range.end());
        response.headers_mut().insert(header::CONTENT_RANGE, value(told));
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, value(params.content_type));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    Ok(response)
}

/// An address ends with what it shows, however long it was signed for. Whoever has it may be anybody, so only what is gone for
/// everybody ends it: the medium, the post that carries it, the account of the post's author.
async fn check_shown(state: &CommandState, key: &str) -> Result<(), ApiError> {
    match keys::medium_of(key) {
        Some(id) if !state.executor.is_medium_shown(id).await? => Err(ApiError::gone("medium")),
        Some(_) | None => Ok(()),
    }
}

fn folder_of(state: &CommandState) -> Result<&Folder, ApiError> {
    state.media()?.store.folder().ok_or_else(|| ApiError::not_found("route"))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// The next `length` bytes of a file, in parts.
fn body_of(file: tokio::fs::File, length: u64) -> Body {
    Body::from_stream(futures::stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut part = vec![0; PART_BYTES.min(usize::try_from(left).unwrap_or(PART_BYTES))];
        let read = file.read(&mut part).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        part.truncate(read);
        Ok(Some((Bytes::from(part), (file, left - read as u64))))
    }))
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Range(RangeInclusive<u64>),
    /// Nothing of it is there.
    Beyond,
    /// Not one range of bytes: answered as if nothing had been asked (RFC 9110).
    Ignored,
}

/// The range that counts. Only GET has ranges, and what `If-Range` compares with is not given out, so it cannot be the same.
fn asked<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut given = headers.get_all(header::RANGE).iter();
    match (given.next(), given.next()) {
        (Some(range), None) if *method == Method::GET && !headers.contains_key(header::IF_RANGE) => {
            range.to_str().ok()
        }
        _ => None,
    }
}

/// One range of bytes. RFC 9110, 14.1: the unit's case does not matter, and a position is digits and nothing else.
fn range_of(text: &str, size: u64) -> Asked {
    let Some((unit, range)) = text.split_once('=') else { return Asked::Ignored };
    let Some((first, last)) = range.trim_matches([' ', '\t']).split_once('-') else { return Asked::Ignored };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !unit.eq_ignore_ascii_case("bytes") || !are_digits(first) || !are_digits(last) {
        return Asked::Ignored;
    }
    // More digits than a number holds are beyond every end.
    let position = |digits: &str| digits.parse::<u64>().unwrap_or(u64::MAX);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => Asked::Ignored,
        (true, false) => match position(last) {
            0 => Asked::Beyond,
            _ if size == 0 => Asked::Ignored,
            suffix => Asked::Range(size.saturating_sub(suffix)..=size - 1),
        },
        (false, _) => {
            let (first, last) = (position(first), if last.is_empty() { u64::MAX } else { position(last) });
            match last >= first {
                false => Asked::Ignored,
                true if first >= size => Asked::Beyond,
                true => Asked::Range(first..=last.min(size - 1)),
            }
        }
    }
}

fn refused(error: PutError) -> ApiError {
    match error {
        PutError::Signature => ApiError::forbidden(
            "signature_mismatch",
            "The address or one of its headers is not what was signed.",
        ),
        PutError::Expired => {
            ApiError::forbidden("address_expired", "The address has expired: ask for another one.")
        }
        PutError::Length => ApiError::bad_request("length_mismatch", "The body has another length."),
        PutError::Checksum => ApiError::bad_request("checksum_mismatch", "The body has another checksum."),
        PutError::Incomplete => {
            ApiError::bad_request("incomplete_body", "The body ended before it was whole.")
        }
        PutError::Io(error) => {
            tracing::error!(error.message = %error, "the folder for media failed");
            ApiError::unavailable("Media cannot be taken or given right now.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_answered() {
        assert_eq!(range_of("bytes=0-9", 100), Asked::Range(0..=9));
        assert_eq!(range_of("bytes=90-", 100), Asked::Range(90..=99));
        assert_eq!(range_of("bytes=90-200", 100), Asked::Range(90..=99));
        assert_eq!(range_of("bytes=-5", 100), Asked::Range(95..=99));
        assert_eq!(range_of("bytes=-500", 100), Asked::Range(0..=99));
        assert_eq!(range_of("bytes=100-", 100), Asked::Beyond);
        assert_eq!(range_of("bytes=-0", 100), Asked::Beyond);
        for unit in ["Bytes=0-0", "BYTES=0-0", "bytes= 0-0 "] {
            assert_eq!(range_of(unit, 100), Asked::Range(0..=0), "{unit}");
        }
        assert_eq!(range_of("bytes=0-99999999999999999999", 100), Asked::Range(0..=99));
        assert_eq!(range_of("bytes=99999999999999999999-", 100), Asked::Beyond);
        assert_eq!(range_of("bytes=-99999999999999999999", 100), Asked::Range(0..=99));
        for ignored in [
            "bytes=9-5",
            "bytes=a-b",
            "items=0-1",
            "bytes=0-1,5-6",
            "bytes=-",
            "bytes=+0-+9",
            "bytes=0-+9",
            "bytes=-+5",
            "bytes=0x0-9",
            "bytes=0 - 9",
            "bytes",
            "bytes 0-9",
            "",
            "bytes=1.0-2",
            "bytes=200-100",
        ] {
            assert_eq!(range_of(ignored, 100), Asked::Ignored, "{ignored}");
        }
        assert_eq!(range_of("bytes=0-", 0), Asked::Beyond);
        assert_eq!(range_of("bytes=-5", 0), Asked::Ignored);
    }

    #[test]
    fn only_one_range_of_a_get_counts() {
        let with = |method: Method, given: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.append(name, value.parse().unwrap());
            }
            asked(&method, &headers).is_some()
        };
        assert!(with(Method::GET, &[("range", "bytes=0-0")]));
        assert!(!with(Method::HEAD, &[("range", "bytes=0-0")]));
        assert!(!with(Method::GET, &[("range", "bytes=0-0"), ("if-range", "\"x\"")]));
        assert!(!with(Method::GET, &[("range", "bytes=0-0"), ("range", "bytes=1-1")]));
    }
}
