//! GIF (89a): blocks up to the trailer. Of the extensions, those that say how frames follow each other are kept.

use bytes::Bytes;

const HEADER_BYTES: usize = 13;
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
const CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;

pub(super) fn pieces(file: &Bytes) -> Option<Vec<Bytes>> {
    if !file.starts_with(b"GIF87a") && !file.starts_with(b"GIF89a") {
        return None;
    }
    let mut at = HEADER_BYTES + colours(*file.get(10)?);
    file.get(..at)?;
    let (mut pieces, mut has_image) = (vec![file.slice(..at)], false);
    // Cut off between two blocks is played as far as it goes.
    while let Some(kind) = file.get(at).copied().filter(|kind| *kind != TRAILER) {
        let (end, is_kept) = match kind {
            IMAGE => {
                has_image = true;
                // A descriptor, its colours, the least code size, and the data.
                (end_of_blocks(file, at + 10 + colours(*file.get(at + 9)?) + 1)?, true)
            }
            EXTENSION => {
                let is_kept = match *file.get(at + 1)? {
                    CONTROL => true,
                    APPLICATION => matches!(file.get(at + 3..at + 14)?, b"NETSCAPE2.0" | b"ANIMEXTS1.0"),
                    _ => false,
                };
                (end_of_blocks(file, at + 2)?, is_kept)
            }
            _ => return None,
        };
        if is_kept {
            pieces.push(file.slice(at..end));
        }
        at = end;
    }
    pieces.push(Bytes::from_static(&[TRAILER]));
    has_image.then_some(pieces)
}

/// Bytes of a table of colours.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Blocks of up to 255 bytes, the last of which is empty.
fn end_of_blocks(file: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*file.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
