//! PNG (W3C, third edition): chunks up to `IEND`.

use bytes::Bytes;

use super::exif;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Ancillary chunks that describe only how the picture looks.
const KEPT: [&[u8; 4]; 15] = [
    b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST",
    b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

pub(super) fn pieces(file: &Bytes) -> Option<Vec<Bytes>> {
    if !file.starts_with(SIGNATURE) {
        return None;
    }
    let mut pieces = vec![file.slice(..SIGNATURE.len())];
    let (mut at, mut turned, mut has_data) = (SIGNATURE.len(), None, false);
    loop {
        let length: [u8; 4] = file.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let body = at + 8;
        let end = body.checked_add(usize::try_from(u32::from_be_bytes(length)).ok()?)?;
        let (kind, contents) = (file.get(at + 4..body)?, file.get(body..end)?);
        let chunk = at..end.checked_add(4).filter(|end| *end <= file.len())?;
        at = chunk.end;
        if (kind == b"IHDR") != (pieces.len() == 1) {
            return None;
        }
        has_data |= kind == b"IDAT";
        // An upper-case letter: a decoder that does not know the chunk gives up.
        if kind[0].is_ascii_uppercase() || KEPT.iter().any(|kept| *kept == kind) {
            pieces.push(file.slice(chunk));
        } else if kind == b"eXIf" {
            turned = exif::orientation(contents);
        }
        if kind == b"IEND" {
            break;
        }
    }
    if let Some(turned) = turned {
        pieces.insert(2, chunk(b"eXIf", &exif::minimal(turned)));
    }
    has_data.then_some(pieces)
}

fn chunk(kind: &[u8; 4], contents: &[u8]) -> Bytes {
    let length = u32::try_from(contents.len()).unwrap_or(u32::MAX);
    let mut sum = crc32fast::Hasher::new();
    sum.update(kind);
    sum.update(contents);
    [&length.to_be_bytes()[..], kind, contents, &sum.finalize().to_be_bytes()].concat().into()
}
