//! Ogg (RFC 3533) with Opus (RFC 7845) or Vorbis: the position of the last page, of each chained stream.

use super::{array, to_ms};

const HEADER_BYTES: usize = 27;
/// A page on which no packet ends has no position.
const NO_POSITION: u64 = u64::MAX;

struct Stream {
    serial: u32,
    rate: u64,
    skipped: u64,
    position: u64,
}

pub(super) fn duration_ms(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut total_ms, mut current) = (0, 0_u64, None::<Stream>);
    while at < bytes.len() {
        let page = bytes.get(at..)?;
        if !page.starts_with(b"OggS") {
            return None;
        }
        let position = u64::from_le_bytes(array(page, 6)?);
        let serial = u32::from_le_bytes(array(page, 14)?);
        let segments = usize::from(*page.get(26)?);
        let lengths = page.get(HEADER_BYTES..HEADER_BYTES + segments)?;
        let body_bytes: usize = lengths.iter().map(|length| usize::from(*length)).sum();
        let body = page.get(HEADER_BYTES + segments..HEADER_BYTES + segments + body_bytes)?;
        let is_first = page[5] & 2 != 0;
        if is_first {
            total_ms += finished(current.take())?;
            current = Some(begun(serial, body)?);
        } else if let Some(stream) = current.as_mut().filter(|stream| stream.serial == serial) {
            if position != NO_POSITION {
                stream.position = stream.position.max(position);
            }
        } else {
            return None;
        }
        at += HEADER_BYTES + segments + body_bytes;
    }
    current.as_ref()?;
    Some(total_ms + finished(current)?)
}

fn begun(serial: u32, body: &[u8]) -> Option<Stream> {
    let (rate, skipped) = if body.starts_with(b"OpusHead") {
        // Opus counts at 48 kHz, whatever it was recorded at.
        (48_000, u64::from(u16::from_le_bytes(array(body, 10)?)))
    } else if body.starts_with(b"\x01vorbis") {
        (u64::from(u32::from_le_bytes(array(body, 12)?)), 0)
    } else {
        return None;
    };
    Some(Stream { serial, rate, skipped, position: 0 })
}

fn finished(stream: Option<Stream>) -> Option<u64> {
    let Some(stream) = stream else { return Some(0) };
    to_ms(stream.position.saturating_sub(stream.skipped), stream.rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(flags: u8, position: u64, serial: u32, body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend_from_slice(&position.to_le_bytes());
        page.extend_from_slice(&serial.to_le_bytes());
        page.extend_from_slice(&[0; 8]);
        page.push(1);
        page.push(body.len() as u8);
        page.extend_from_slice(body);
        page
    }

    fn opus_head(skipped: u16) -> Vec<u8> {
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend_from_slice(&skipped.to_le_bytes());
        head.extend_from_slice(&[0; 7]);
        head
    }

    fn opus(position: u64, serial: u32) -> Vec<u8> {
        [
            page(2, 0, serial, &opus_head(312)),
            page(0, 0, serial, b"OpusTags"),
            page(0, NO_POSITION, serial, b"begins"),
            page(4, position, serial, b"ends"),
        ]
        .concat()
    }

    #[test]
    fn the_last_position_counts_without_what_is_skipped() {
        assert_eq!(duration_ms(&opus(48_000 * 3 + 312, 1)), Some(3_000));
    }

    #[test]
    fn chained_streams_play_one_after_the_other() {
        let both = [opus(48_000 + 312, 1), opus(96_000 + 312, 2)].concat();
        assert_eq!(duration_ms(&both), Some(3_000));
    }

    #[test]
    fn what_is_cut_or_not_audio_has_no_duration() {
        let whole = opus(48_000, 1);
        for cut in [1, 20, 50, whole.len() - 1] {
            assert_eq!(duration_ms(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(duration_ms(&page(2, 0, 1, b"\x80theora")), None);
    }
}
