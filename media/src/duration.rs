//! How long audio plays, as its container tells: by what is in it where that can be counted, so that a header that says
//! less does not help. `None`: it is not audio of this type, or is cut short.

mod mp3;
mod mp4;
mod ogg;
mod webm;

pub(crate) use mp3::sound as mp3_sound;

/// Milliseconds, of the whole file.
pub fn duration_ms(content_type: &str, bytes: &[u8]) -> Option<u64> {
    match content_type {
        "audio/ogg" => ogg::duration_ms(bytes),
        "audio/webm" => webm::duration_ms(bytes),
        "audio/mp4" => mp4::duration_ms(bytes),
        "audio/mpeg" => mp3::duration_ms(bytes),
        _ => None,
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// `units` of which there are `per_second`, in milliseconds.
fn to_ms(units: u64, per_second: u64) -> Option<u64> {
    u64::try_from(u128::from(units) * 1_000 / u128::from(per_second).max(1)).ok().filter(|_| per_second > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_makes_it_panic() {
        let mut seed = 7_u64;
        let mut bytes = Vec::new();
        for length in 0..2_000_usize {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push((seed >> 33) as u8);
            if length % 50 == 0 {
                for (content_type, magic) in [
                    ("audio/ogg", &b"OggS"[..]),
                    ("audio/webm", &[0x1a, 0x45, 0xdf, 0xa3]),
                    ("audio/mp4", b"\0\0\0\x08ftyp\0\0\0\0moov"),
                    ("audio/mpeg", &[0xff, 0xfb]),
                ] {
                    let file = [magic, &bytes].concat();
                    let _ = duration_ms(content_type, &file);
                    assert_eq!(duration_ms("image/png", &file), None);
                }
            }
        }
        for content_type in ["audio/ogg", "audio/webm", "audio/mp4", "audio/mpeg"] {
            assert_eq!(duration_ms(content_type, b""), None);
            assert_eq!(duration_ms(content_type, b"not audio at all, by any means"), None);
        }
    }
}
