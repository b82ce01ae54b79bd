//! JPEG (ITU-T T.81, annex B): segments up to the end of the image.

use bytes::Bytes;

use super::{be16, exif};

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;
const APP15: u8 = 0xef;
const COMMENT: u8 = 0xfe;
/// A JFIF segment without a thumbnail: marker, length, 14 bytes.
const JFIF_BYTES: usize = 18;

/// Returns the pieces that are kept. Truncated scans are taken, as viewers take them; the end is put behind them.
pub(super) fn pieces(file: &Bytes) -> Option<Vec<Bytes>> {
    if file.get(..2)? != [0xff, START] {
        return None;
    }
    let mut pieces = vec![file.slice(..2)];
    let (mut at, mut turned, mut has_scan) = (2, None, false);
    loop {
        let Some(marker) = next_marker(file, &mut at) else {
            if !has_scan {
                return None;
            }
            break;
        };
        match marker {
            END => break,
            // Without a length: temporary use, and restarts that have lost their scan.
            0x01 | 0xd0..=0xd7 => continue,
            0x00 | START => return None,
            _ => {}
        }
        let segment = at - 2..at.checked_add(be16(file, at)?)?;
        let contents = file.get(at + 2..segment.end)?;
        at = segment.end;
        match kept(marker, contents) {
            Kept::Whole => pieces.push(file.slice(segment)),
            Kept::WithoutThumbnail => pieces.push(jfif(contents)),
            Kept::Not => {
                if let Some(tiff) = contents.strip_prefix(b"Exif\0\0").filter(|_| marker == APP1) {
                    turned = turned.or_else(|| exif::orientation(tiff));
                }
            }
        }
        if marker == SCAN {
            has_scan = true;
            let end = end_of_scan(file, at);
            pieces.push(file.slice(at..end));
            at = end;
        }
    }
    if !has_scan {
        return None;
    }
    if let Some(turned) = turned {
        let after = if pieces.get(1).is_some_and(|piece| piece[1] == APP0) { 2 } else { 1 };
        pieces.insert(after, app1(&exif::minimal(turned)));
    }
    pieces.push(Bytes::from_static(&[0xff, END]));
    Some(pieces)
}

enum Kept {
    Whole,
    WithoutThumbnail,
    Not,
}

fn kept(marker: u8, contents: &[u8]) -> Kept {
    match marker {
        APP0 if contents.starts_with(b"JFIF\0") && contents.len() >= 14 => Kept::WithoutThumbnail,
        APP2 if contents.starts_with(b"ICC_PROFILE\0") => Kept::Whole,
        // How the colours are transformed.
        APP14 if contents.starts_with(b"Adobe") => Kept::Whole,
        APP0..=APP15 | COMMENT => Kept::Not,
        _ => Kept::Whole,
    }
}

/// Moves behind the next marker. Bytes before it are not part of any segment, and go.
fn next_marker(file: &[u8], at: &mut usize) -> Option<u8> {
    let found = *at + file.get(*at..)?.iter().position(|byte| *byte == 0xff)?;
    let marker = found + file[found..].iter().position(|byte| *byte != 0xff)?;
    *at = marker + 1;
    Some(file[marker])
}

/// Entropy-coded data ends before a marker; `ff 00` is a byte of it, and restarts are part of it.
fn end_of_scan(file: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = file.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0xff)) {
        at += found;
        match file.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            // Fill bytes.
            Some(0xff) => at += 1,
            Some(_) => return at,
            None => break,
        }
    }
    file.len()
}

fn jfif(contents: &[u8]) -> Bytes {
    let mut segment = vec![0xff, APP0, 0, 16];
    segment.extend_from_slice(&contents[..12]);
    segment.extend_from_slice(&[0, 0]);
    debug_assert_eq!(segment.len(), JFIF_BYTES);
    segment.into()
}

fn app1(tiff: &[u8]) -> Bytes {
    let length = u8::try_from(2 + 6 + tiff.len()).unwrap_or(u8::MAX);
    [&[0xff, APP1, 0, length][..], b"Exif\0\0", tiff].concat().into()
}
