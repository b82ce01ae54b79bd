//! MP3 (MPEG-1, 2 and 2.5, layer III): every frame counted.

use std::ops::Range;

use super::array;

/// kbit/s, by index; 0: not a valid one.
const MPEG1_KBPS: [u64; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
const MPEG2_KBPS: [u64; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
const TAG_HEADER_BYTES: usize = 10;
/// ID3v1, at the very end, and its extension before it.
const OLD_TAG_BYTES: usize = 128;
const EXTENDED_TAG_BYTES: usize = 227;
/// APEv1 and APEv2: the footer, and the header that APEv2 has as well.
const APE_BYTES: usize = 32;
/// Lyrics3v2 ends in six digits (its size without them) and this; Lyrics3 in `LYRICSEND`.
const LYRICS_END: &[u8] = b"LYRICS200";
const OLD_LYRICS_END: &[u8] = b"LYRICSEND";
const OLD_LYRICS_BYTES_MAX: usize = 5_100;

pub(super) fn duration_ms(bytes: &[u8]) -> Option<u64> {
    let sound = bytes.get(sound(bytes)?)?;
    let (mut at, mut micros) = (0, 0_u64);
    while let Some(header) = array::<4>(sound, at) {
        let frame = Frame::of(header)?;
        at += frame.bytes;
        micros += frame.samples * 1_000_000 / frame.rate;
    }
    (at > 0).then_some(micros / 1_000)
}

/// Returns where the frames are: behind an ID3v2 tag, before the tags and the zeros that encoders put behind them. What is left
/// has no tag; `None` also where zeros hide one.
pub(crate) fn sound(bytes: &[u8]) -> Option<Range<usize>> {
    let begin = tag_bytes(bytes)?;
    let mut end = bytes.len();
    loop {
        let rest = bytes.get(begin..end)?;
        let tag = without_last_tag(rest).or_else(|| without_last_tag(&rest[..rest.len() - padding(rest)]));
        let Some(shorter) = tag else { break };
        end = begin + shorter;
    }
    let sound = &bytes[begin..end];
    let sound = &sound[..end_of_last_frame(sound)?];
    (!sound.is_empty() && without_last_tag(sound).is_none()).then_some(begin..begin + sound.len())
}

fn padding(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| **byte == 0).count()
}

/// Zeros may be the end of the last frame or follow it: frames are counted to find out.
fn end_of_last_frame(sound: &[u8]) -> Option<usize> {
    let (mut at, last) = (0, sound.len() - padding(sound));
    while at < last {
        at += Frame::of(array::<4>(sound, at)?)?.bytes;
    }
    Some(at.min(sound.len()))
}

/// How long it is without the tag that ends it, if one does.
fn without_last_tag(bytes: &[u8]) -> Option<usize> {
    let starts = |from_end: usize, magic: &[u8]| {
        bytes.len().checked_sub(from_end).filter(|at| bytes[*at..].starts_with(magic))
    };
    if let Some(at) = starts(OLD_TAG_BYTES, b"TAG").or_else(|| starts(EXTENDED_TAG_BYTES, b"TAG+")) {
        return Some(at);
    }
    if let Some(at) = starts(APE_BYTES, b"APETAGEX") {
        // The size counts items and footer; bit 31 of the flags says that a header stands before them.
        let size = usize::try_from(u32::from_le_bytes(array(bytes, at + 12)?)).ok()?;
        let has_header = u32::from_le_bytes(array(bytes, at + 20)?) >> 31 == 1;
        let whole = size.checked_add(if has_header { APE_BYTES } else { 0 })?;
        return bytes.len().checked_sub(whole).filter(|_| size >= APE_BYTES);
    }
    if bytes.ends_with(LYRICS_END) {
        let digits = bytes.len().checked_sub(LYRICS_END.len() + 6)?;
        let size: usize = std::str::from_utf8(&bytes[digits..digits + 6]).ok()?.parse().ok()?;
        return digits.checked_sub(size).filter(|at| bytes[*at..].starts_with(b"LYRICSBEGIN"));
    }
    if bytes.ends_with(OLD_LYRICS_END) {
        let from = bytes.len().saturating_sub(OLD_LYRICS_BYTES_MAX + 20);
        let found = bytes[from..].windows(11).position(|window| window == b"LYRICSBEGIN")?;
        return Some(from + found);
    }
    None
}

/// An ID3v2 tag may stand before the sound. A flag says that its header stands once more behind it.
fn tag_bytes(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"ID3") {
        return Some(0);
    }
    let footer = if bytes.get(5)? & 0x10 == 0 { 0 } else { TAG_HEADER_BYTES };
    let size = array::<4>(bytes, 6)?
        .iter()
        .try_fold(0, |size: usize, digit| (*digit < 0x80).then(|| size << 7 | usize::from(*digit)))?;
    Some(TAG_HEADER_BYTES + size + footer)
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
    fn tags_and_zeros_behind_the_sound_are_not_sound() {
        let sound = frames(100);
        let items = b"\x05\0\0\0\0\0\0\0Title\0hello";
        let ape = |flags: u32| {
            let size = u32::try_from(items.len() + APE_BYTES).unwrap();
            let fields = [2_000, size, 1, flags].map(u32::to_le_bytes).concat();
            [&b"APETAGEX"[..], &fields, &[0; 8]].concat()
        };
        let plain = [&items[..], &ape(0)].concat();
        let whole = [ape(1 << 31 | 1 << 29), items.to_vec(), ape(1 << 31)].concat();
        let lyrics = b"LYRICSBEGININD0000200000021LYRICS200".to_vec();
        let old = [&b"TAG"[..], &[7; 125]].concat();
        let extended = [&b"TAG+"[..], &[7; 223]].concat();
        for tail in [
            vec![0; 3_000],
            plain.clone(),
            whole.clone(),
            lyrics.clone(),
            b"LYRICSBEGINla la laLYRICSEND".to_vec(),
            [vec![0; 512], whole.clone()].concat(),
            [whole, lyrics.clone(), old.clone()].concat(),
            [plain, lyrics, extended, old].concat(),
        ] {
            let file = [sound.clone(), tail.clone()].concat();
            assert_eq!(super::sound(&file), Some(0..sound.len()), "{tail:?}");
            assert_eq!(duration_ms(&file), Some(2_612), "{tail:?}");
        }
    }

    #[test]
    fn tags_that_lie_about_their_size_are_refused() {
        let ape = [&b"APETAGEX"[..], &[0xff; 24]].concat();
        assert_eq!(duration_ms(&[frames(2), ape].concat()), None);
        assert_eq!(duration_ms(&[frames(2), b"LYRICSBEGIN999999LYRICS200".to_vec()].concat()), None);
        assert_eq!(duration_ms(b"LYRICS200"), None);
        assert_eq!(duration_ms(&[0; 500]), None);
    }

    #[test]
    fn what_is_between_frames_is_not_sound() {
        assert_eq!(duration_ms(&[frames(2), b"<script>".to_vec()].concat()), None);
        assert_eq!(duration_ms(b"ID3\x04\0\0\0\0\0\0"), None);
    }

    #[test]
    fn a_frame_has_its_header_before_the_tags() {
        let tag = [&b"TAG"[..], &[0x90; 125]].concat();
        assert_eq!(sound(&[&b"\xff\xfb\x45"[..], &tag].concat()), None);
        assert_eq!(sound(&[&b"\xff\xfb\x90\x64"[..], &tag].concat()), Some(0..4));
    }

    #[test]
    fn a_tag_that_zeros_hide_is_refused() {
        let mut sound = frames(2);
        let end = sound.len();
        sound[end - OLD_TAG_BYTES..][..3].copy_from_slice(b"TAG");
        assert_eq!(super::sound(&[&sound[..], &[0; 5]].concat()), None);
        assert_eq!(super::sound(&[frames(2), vec![0; 5]].concat()), Some(0..end));
    }
}
