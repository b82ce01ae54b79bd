//! MP3 (MPEG-1, 2 and 2.5, layer III): every frame counted.

use super::array;

/// kbit/s, by index; 0: not a valid one.
const MPEG1_KBPS: [u64; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
const MPEG2_KBPS: [u64; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
const TAG_HEADER_BYTES: usize = 10;
const OLD_TAG_BYTES: usize = 128;

pub(super) fn duration_ms(bytes: &[u8]) -> Option<u64> {
    let mut at = tag_bytes(bytes)?;
    let (mut micros, mut frames) = (0_u64, 0_u32);
    while let Some(header) = array::<4>(bytes, at) {
        if header.starts_with(b"TAG") && bytes.len() - at == OLD_TAG_BYTES {
            break;
        }
        let frame = Frame::of(header)?;
        at += frame.bytes;
        micros += frame.samples * 1_000_000 / frame.rate;
        frames += 1;
    }
    (frames > 0).then_some(micros / 1_000)
}

/// An ID3v2 tag may stand before the sound.
fn tag_bytes(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"ID3") {
        return Some(0);
    }
    let size = array::<4>(bytes, 6)?
        .iter()
        .try_fold(0, |size: usize, digit| (*digit < 0x80).then(|| size << 7 | usize::from(*digit)))?;
    Some(TAG_HEADER_BYTES + size)
}

struct Frame {
    bytes: usize,
    samples: u64,
    rate: u64,
}

impl Frame {
    fn of([sync, version_layer, rates, _]: [u8; 4]) -> Option<Self> {
        // Eleven bits of sync, then the version, then layer III.
        if sync != 0xff || version_layer & 0xe6 != 0xe2 {
            return None;
        }
        let rate = *[44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))?;
        let bitrate = usize::from(rates >> 4);
        let (kbps, samples, rate) = match version_layer >> 3 & 3 {
            3 => (MPEG1_KBPS[bitrate], 1_152, rate),
            2 => (MPEG2_KBPS[bitrate], 576, rate / 2),
            0 => (MPEG2_KBPS[bitrate], 576, rate / 4),
            _ => return None,
        };
        if kbps == 0 {
            return None;
        }
        let padding = u64::from(rates >> 1 & 1);
        let bytes = usize::try_from(samples / 8 * kbps * 1_000 / rate + padding).ok()?;
        Some(Self { bytes, samples, rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MPEG-1, 128 kbit/s, 44.1 kHz: 417 bytes for 1152 samples.
    fn frames(count: usize) -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
        frame.resize(417, 0);
        frame.repeat(count)
    }

    #[test]
    fn frames_are_counted_behind_a_tag_and_before_an_old_one() {
        assert_eq!(duration_ms(&frames(100)), Some(2_612));
        let tag = [&b"ID3\x04\0\0\0\0\x01\x02"[..], &[0; 130]].concat();
        let old = [&b"TAG"[..], &[0; 125]].concat();
        assert_eq!(duration_ms(&[tag, frames(100), old].concat()), Some(2_612));
    }

    #[test]
    fn what_is_between_frames_is_not_sound() {
        assert_eq!(duration_ms(&[frames(2), b"<script>".to_vec()].concat()), None);
        assert_eq!(duration_ms(b"ID3\x04\0\0\0\0\0\0"), None);
    }
}
