//! Whether what was put there is what was reserved: length, checksum, how it begins, how long it plays. All of it is read,
//! in parts, so that nothing rests on what a store or a client says about it.

use aws_lc_rs::digest;
use nova_events::media::{MediaKind, RejectReason};

use crate::duration::duration_ms;
use crate::error::StoreError;
use crate::format::{MAGIC_BYTES, begins_as};
use crate::store::MediaStore;

const PART_BYTES: u64 = 1 << 20;

/// What was reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub kind: MediaKind,
    pub content_type: String,
    pub content_length: u64,
    /// In hexadecimal.
    pub sha256: String,
    /// Of audio.
    pub audio_ms_max: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    AsReserved { duration_ms: Option<u64> },
    Not(RejectReason),
}

/// Looks at an object of `expected.content_length` bytes. Audio, which is small, is held whole.
pub async fn look(store: &MediaStore, key: &str, expected: &Expected) -> Result<Found, StoreError> {
    if store.size(key).await? != expected.content_length {
        return Ok(Found::Not(RejectReason::NotAsReserved));
    }
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut held = Vec::new();
    let mut from = 0;
    while from < expected.content_length {
        let to = expected.content_length.min(from + PART_BYTES);
        let part = store.read(key, from..to).await?;
        digest.update(&part);
        if from == 0 || expected.kind == MediaKind::Audio {
            held.extend_from_slice(&part);
        }
        from = to;
    }
    if hex(digest.finish().as_ref()) != expected.sha256 {
        return Ok(Found::Not(RejectReason::NotAsReserved));
    }
    Ok(judged(&held, expected))
}

fn judged(held: &[u8], expected: &Expected) -> Found {
    if !begins_as(&expected.content_type, &held[..held.len().min(MAGIC_BYTES)]) {
        return Found::Not(RejectReason::WrongFormat);
    }
    if expected.kind != MediaKind::Audio {
        return Found::AsReserved { duration_ms: None };
    }
    match duration_ms(&expected.content_type, held) {
        None => Found::Not(RejectReason::WrongFormat),
        Some(ms) if ms > expected.audio_ms_max => Found::Not(RejectReason::TooLong),
        found => Found::AsReserved { duration_ms: found },
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A SHA-256 as base64, as S3 takes it in headers. `None`: it is not one in hexadecimal.
pub(crate) fn base64_of_hex(sha256: &str) -> Option<String> {
    use base64::Engine as _;
    let digits = sha256.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    Some(base64::engine::general_purpose::STANDARD.encode(bytes.filter(|bytes| bytes.len() == 32)?))
}

/// A SHA-256 in hexadecimal, from either way of writing it.
pub fn sha256_of(text: &str) -> Option<String> {
    use base64::Engine as _;
    if text.len() == 64 {
        return text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| text.to_ascii_lowercase());
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    (bytes.len() == 32).then(|| hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_go_from_one_form_to_the_other() {
        let text = hex(digest::digest(&digest::SHA256, b"abc").as_ref());
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let base64 = base64_of_hex(&text).unwrap();
        assert_eq!(base64, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!(sha256_of(&base64).as_deref(), Some(text.as_str()));
        assert_eq!(sha256_of(&text.to_uppercase()).as_deref(), Some(text.as_str()));
        for wrong in
            ["", "abc", &text[1..], "zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
        {
            assert_eq!(sha256_of(wrong), None, "{wrong}");
        }
    }
}
