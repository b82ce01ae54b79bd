//! Takes out of a file what is neither picture nor sound: positions, cameras, serial numbers, thumbnails, comments, and
//! whatever follows the end. Pixels and samples stay as they are, byte for byte; so does the colour profile.
//!
//! * Each format keeps a list of parts that a player needs; every other part goes, also one that is not known here.
//! * How a picture is turned (EXIF, tag 0x0112) is kept, alone, in an EXIF part made here: without it pictures of
//!   telephones lie on their side.
//! * A file whose parts cannot be told apart is not cleaned but refused, because what it carries is not known.
//! * The parts of a film are overwritten in place instead of removed: its index holds offsets into the file.
//!
//! Ogg, WebM and the metadata tracks of films (`mebx`, `gpmd`) are left as they are.
//!
//! `img-parts` 0.4 reads the same containers. It keeps everything behind the first scan of a JPEG as one piece, with what
//! follows the picture, and descends into RIFF lists without a bound: both would have to be done here again.

use bytes::Bytes;

use crate::duration::mp3_sound;

mod exif;
mod film;
mod gif;
mod jpeg;
mod png;
mod webp;

pub(crate) use film::{MetadataBox, Scanner, free};

/// Returns the file without its metadata, or `None` if it cannot be read as what `content_type` says.
pub fn clean(content_type: &str, file: &Bytes) -> Option<Bytes> {
    let pieces = match content_type {
        "image/jpeg" => jpeg::pieces(file)?,
        "image/png" => png::pieces(file)?,
        "image/webp" => webp::pieces(file)?,
        "image/gif" => gif::pieces(file)?,
        "audio/mpeg" => vec![file.slice(mp3_sound(file)?)],
        "audio/mp4" => return film::clean(file),
        _ => return Some(file.clone()),
    };
    match <[Bytes; 1]>::try_from(pieces) {
        Ok([whole]) => Some(whole),
        Err(pieces) => Some(pieces.concat().into()),
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let pair: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(usize::from(u16::from_be_bytes(pair)))
}

#[cfg(test)]
mod tests;
