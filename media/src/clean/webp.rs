//! WebP (RFC 9649): chunks of a RIFF file, and those of its frames.

use bytes::Bytes;

use super::exif;

const HEADER_BYTES: usize = 12;
/// Before the chunks of a frame: where it is, how large, how long.
const FRAME_BYTES: usize = 16;
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

struct Chunk {
    kind: [u8; 4],
    contents: Bytes,
}

pub(super) fn pieces(file: &Bytes) -> Option<Vec<Bytes>> {
    if file.get(..4)? != b"RIFF" || file.get(8..HEADER_BYTES)? != b"WEBP" {
        return None;
    }
    let end = 8 + usize::try_from(le32(file, 4)?).ok()?;
    // Shorter than it says is truncated; longer is something else behind it.
    let chunks = chunks(
        &file.slice(HEADER_BYTES..Some(end).filter(|end| (HEADER_BYTES..=file.len()).contains(end))?),
    )?;
    let turned = chunks.iter().find(|chunk| &chunk.kind == b"EXIF").and_then(|chunk| {
        let tiff = chunk.contents.strip_prefix(b"Exif\0\0").unwrap_or(&chunk.contents);
        exif::orientation(tiff)
    });
    let mut body = b"WEBP".to_vec();
    let (mut has_picture, mut is_extended) = (false, false);
    for Chunk { kind, contents } in &chunks {
        match kind {
            b"VP8X" => {
                let mut contents = contents.to_vec();
                let flags = contents.first_mut()?;
                *flags &= !(HAS_EXIF | HAS_XMP);
                *flags |= if turned.is_some() { HAS_EXIF } else { 0 };
                is_extended = true;
                put(&mut body, kind, &contents);
            }
            b"ANMF" => {
                has_picture = true;
                put(&mut body, kind, &frame(contents)?);
            }
            b"VP8 " | b"VP8L" => {
                has_picture = true;
                put(&mut body, kind, contents);
            }
            b"ALPH" | b"ANIM" | b"ICCP" => put(&mut body, kind, contents),
            _ => {}
        }
    }
    if let Some(turned) = turned.filter(|_| is_extended) {
        put(&mut body, b"EXIF", &exif::minimal(turned));
    }
    let length = u32::try_from(body.len()).ok()?.to_le_bytes();
    has_picture.then(|| vec![[&b"RIFF"[..], &length, &body].concat().into()])
}

/// A frame without what is not picture.
fn frame(contents: &Bytes) -> Option<Vec<u8>> {
    let mut kept = contents.get(..FRAME_BYTES)?.to_vec();
    for Chunk { kind, contents } in chunks(&contents.slice(FRAME_BYTES..))? {
        if matches!(&kind, b"ALPH" | b"VP8 " | b"VP8L") {
            put(&mut kept, &kind, &contents);
        }
    }
    Some(kept)
}

fn chunks(bytes: &Bytes) -> Option<Vec<Chunk>> {
    let (mut chunks, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let kind = bytes.get(at..at + 4)?.try_into().ok()?;
        let end = (at + 8).checked_add(usize::try_from(le32(bytes, at + 4)?).ok()?)?;
        bytes.get(at + 8..end)?;
        chunks.push(Chunk { kind, contents: bytes.slice(at + 8..end) });
        // Chunks begin at even offsets.
        at = end + end % 2;
    }
    Some(chunks)
}

fn put(body: &mut Vec<u8>, kind: &[u8; 4], contents: &[u8]) {
    body.extend_from_slice(kind);
    body.extend_from_slice(&u32::try_from(contents.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend_from_slice(contents);
    if contents.len() % 2 == 1 {
        body.push(0);
    }
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
