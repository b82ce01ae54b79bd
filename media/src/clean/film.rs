//! MP4 and QuickTime (ISO/IEC 14496-12): boxes. Positions, names of devices and comments are in `udta`, `meta` and XMP
//! (`uuid`) boxes of the movie and its tracks. These become free space of the same size, filled with zeros.
//!
//! Boxes are found in one pass over the file, in parts of any size, with a few bytes of memory: a container is entered by
//! not skipping its contents.

use std::ops::Range;

use bytes::Bytes;

/// A film has a few, one for each track and the movie; a file with more is not a film.
const METADATA_BOXES_MAX: usize = 256;
const HEADER_BYTES: usize = 8;
const LONG_HEADER_BYTES: usize = 16;

/// A box of metadata: where its kind stands in the film, and its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetadataBox {
    kind: Range<u64>,
    contents: Range<u64>,
}

/// Finds the boxes of metadata of a film that comes in parts.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// How far the film has been looked at.
    position: u64,
    /// Where the next box begins.
    next: u64,
    header: Vec<u8>,
    found: Vec<MetadataBox>,
    is_over: bool,
}

impl Scanner {
    pub(crate) fn push(&mut self, part: &[u8]) {
        let end = self.position + part.len() as u64;
        while !self.is_over {
            let from = self.next + self.header.len() as u64;
            if from >= end {
                break;
            }
            // A header that begins in one part goes on in the next.
            let offset = usize::try_from(from.saturating_sub(self.position)).unwrap_or(usize::MAX);
            let wanted = self.header_bytes() - self.header.len();
            let Some(rest) = part.get(offset..) else { break };
            self.header.extend_from_slice(&rest[..rest.len().min(wanted)]);
            if self.header.len() == self.header_bytes() {
                self.enter();
            }
        }
        self.position = end;
    }

    /// A size of 1 says that the size follows in 64 bits.
    fn header_bytes(&self) -> usize {
        if self.header.get(..4) == Some(&[0, 0, 0, 1]) { LONG_HEADER_BYTES } else { HEADER_BYTES }
    }

    fn enter(&mut self) {
        let header = std::mem::take(&mut self.header);
        let short = header.first_chunk().map_or(0, |size| u64::from(u32::from_be_bytes(*size)));
        let long = header
            .get(HEADER_BYTES..)
            .and_then(|rest| rest.first_chunk())
            .map(|size| u64::from_be_bytes(*size));
        let size = match long {
            Some(size) => size,
            // To the end of the file.
            None if short == 0 => u64::MAX,
            None => short,
        };
        let (begin, header_bytes) = (self.next, header.len() as u64);
        let end = begin.saturating_add(size);
        if size < header_bytes {
            self.is_over = true;
            return;
        }
        self.next = end;
        match header.get(4..HEADER_BYTES) {
            Some(b"moov" | b"trak" | b"mdia" | b"minf" | b"moof" | b"traf") => {
                self.next = begin + header_bytes
            }
            Some(b"udta" | b"meta" | b"uuid") => {
                let (kind, contents) = (begin + 4..begin + 8, begin + header_bytes..end);
                self.found.push(MetadataBox { kind, contents });
                self.is_over = self.found.len() > METADATA_BOXES_MAX;
            }
            _ => {}
        }
        self.is_over |= self.next == u64::MAX;
    }

    /// Returns the boxes of metadata, or `None` if there are more than a film has.
    pub(crate) fn found(self) -> Option<Vec<MetadataBox>> {
        (self.found.len() <= METADATA_BOXES_MAX).then_some(self.found)
    }
}

/// Makes free space of these boxes in a part of the film that begins at `position`.
pub(crate) fn free(boxes: &[MetadataBox], position: u64, part: &mut [u8]) {
    let length = part.len();
    for MetadataBox { kind, contents } in boxes {
        let free = b"free".iter().skip(skipped(kind, position));
        part[overlap(kind, position, length)].iter_mut().zip(free).for_each(|(byte, free)| *byte = *free);
        part[overlap(contents, position, length)].fill(0);
    }
}

/// Where a range of the film lies in a part of it.
fn overlap(range: &Range<u64>, position: u64, length: usize) -> Range<usize> {
    let within = |at: u64| usize::try_from(at.saturating_sub(position)).map_or(length, |at| at.min(length));
    within(range.start)..within(range.end)
}

/// Bytes of a range that lie before the part.
fn skipped(range: &Range<u64>, position: u64) -> usize {
    usize::try_from(position.saturating_sub(range.start)).unwrap_or(usize::MAX)
}

pub(super) fn clean(file: &Bytes) -> Option<Bytes> {
    let mut scanner = Scanner::default();
    scanner.push(file);
    let found = scanner.found()?;
    if found.is_empty() {
        return Some(file.clone());
    }
    let mut file = file.to_vec();
    free(&found, 0, &mut file);
    Some(file.into())
}
