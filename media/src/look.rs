//! Whether what was put there is what was reserved: length, checksum, how it begins, how long it plays. All of it is read,
//! in parts, so that nothing rests on what a store or a client says about it.
//!
//! An upload that is as reserved goes to where it counts without its metadata ([`crate::clean`]). The bytes that are written are those
//! that were checked, whatever a client puts to its address meanwhile; and what was put stays there, so that a process that
//! is killed in between can begin again.

use aws_lc_rs::digest;
use bytes::Bytes;
use nova_events::media::{MediaKind, RejectReason};

use crate::clean::{MetadataBox, Scanner, clean, free};
use crate::duration::duration_ms;
use crate::error::StoreError;
use crate::format::{MAGIC_BYTES, begins_as};
use crate::store::{Copy, MediaStore};

const PART_BYTES: u64 = 1 << 20;
/// S3 takes parts of at least 5 MiB, but for the last one.
const COPY_PART_BYTES: u64 = 8 << 20;

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

/// Checks the object at `from` and brings it to `to` without its metadata, if it is as reserved. Pictures and sound, which
/// are small, are held whole; a film is read twice and held in parts.
pub async fn take_in(
    store: &MediaStore,
    from: &str,
    to: &str,
    expected: &Expected,
) -> Result<Found, StoreError> {
    if store.size(from).await? != expected.content_length {
        return Ok(Found::Not(RejectReason::NotAsReserved));
    }
    match expected.kind {
        MediaKind::Video => take_in_film(store, from, to, expected).await,
        MediaKind::Image | MediaKind::Audio => take_in_whole(store, from, to, expected).await,
    }
}

async fn take_in_whole(
    store: &MediaStore,
    from: &str,
    to: &str,
    expected: &Expected,
) -> Result<Found, StoreError> {
    let mut held = Vec::with_capacity(usize::try_from(expected.content_length).unwrap_or(0));
    let is_expected = read_all(store, from, expected, |part| held.extend_from_slice(part)).await?;
    if !is_expected {
        return Ok(Found::Not(RejectReason::NotAsReserved));
    }
    let held = Bytes::from(held);
    let found = judged(&held, expected);
    if let Found::Not(_) = found {
        return Ok(found);
    }
    let Some(clean) = clean(&expected.content_type, &held) else {
        return Ok(Found::Not(RejectReason::WrongFormat));
    };
    store.put(to, clean).await?;
    Ok(found)
}

async fn take_in_film(
    store: &MediaStore,
    from: &str,
    to: &str,
    expected: &Expected,
) -> Result<Found, StoreError> {
    let (mut head, mut scanner) = (Vec::new(), Scanner::default());
    let has_boxes = expected.content_type == "video/mp4";
    let is_expected = read_all(store, from, expected, |part| {
        head.extend_from_slice(&part[..part.len().min(MAGIC_BYTES - head.len())]);
        if has_boxes {
            scanner.push(part);
        }
    });
    if !is_expected.await? {
        return Ok(Found::Not(RejectReason::NotAsReserved));
    }
    let found = judged(&head, expected);
    if let Found::Not(_) = found {
        return Ok(found);
    }
    let Some(metadata) = scanner.found() else { return Ok(Found::Not(RejectReason::WrongFormat)) };
    let mut copy = store.begin_copy(to).await?;
    match copy_without(store, from, &mut copy, expected, &metadata).await {
        Ok(true) => copy.finish().await?,
        // A client has put something else there meanwhile.
        Ok(false) => {
            copy.abort().await;
            return Ok(Found::Not(RejectReason::NotAsReserved));
        }
        Err(error) => {
            copy.abort().await;
            return Err(error);
        }
    }
    Ok(found)
}

/// Copies a film and makes free space of its metadata. Returns whether what was copied is what was reserved.
async fn copy_without(
    store: &MediaStore,
    from: &str,
    copy: &mut Copy<'_>,
    expected: &Expected,
    metadata: &[MetadataBox],
) -> Result<bool, StoreError> {
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut at = 0;
    while at < expected.content_length {
        let part = store.read(from, at..expected.content_length.min(at + COPY_PART_BYTES)).await?;
        if part.is_empty() {
            return Ok(false);
        }
        digest.update(&part);
        let mut part = Vec::from(part);
        free(metadata, at, &mut part);
        at += part.len() as u64;
        copy.push(part.into()).await?;
    }
    Ok(hex(digest.finish().as_ref()) == expected.sha256)
}

/// Reads an object of `expected.content_length` bytes in parts. Returns whether its checksum is the expected one.
async fn read_all(
    store: &MediaStore,
    key: &str,
    expected: &Expected,
    mut take: impl FnMut(&[u8]),
) -> Result<bool, StoreError> {
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut from = 0;
    while from < expected.content_length {
        let part = store.read(key, from..expected.content_length.min(from + PART_BYTES)).await?;
        if part.is_empty() {
            return Ok(false);
        }
        digest.update(&part);
        take(&part);
        from += part.len() as u64;
    }
    Ok(hex(digest.finish().as_ref()) == expected.sha256)
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
