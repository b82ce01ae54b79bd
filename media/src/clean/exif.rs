//! The one tag of EXIF that is kept: how the picture is turned. TIFF 6.0; EXIF 2.32, 4.6.4.

use bytes::Bytes;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;
const ENTRY_BYTES: usize = 12;
/// The first directory of a camera holds about twenty.
const ENTRIES_MAX: usize = 512;

/// Returns how the picture is turned, 2 to 8. `None`: it is not turned, or the tag cannot be read.
pub(super) fn orientation(tiff: &[u8]) -> Option<u8> {
    let is_big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let pair = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let long = |at: usize| -> Option<u32> {
        let four = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = usize::from(short(directory)?).min(ENTRIES_MAX);
    (0..entries).find_map(|index| {
        let entry = directory.checked_add(2 + index * ENTRY_BYTES)?;
        let is_it = short(entry)? == ORIENTATION && short(entry + 2)? == SHORT;
        let value = u8::try_from(short(entry + 8)?).ok()?;
        (is_it && (2..=8).contains(&value)).then_some(value)
    })
}

/// Returns EXIF that says how the picture is turned and nothing else.
pub(super) fn minimal(orientation: u8) -> Bytes {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    tiff[19] = orientation;
    tiff.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_is_read_in_both_byte_orders_and_written_back() {
        let little =
            b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0abcd\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(orientation(little), Some(6));
        for turned in 2..=8 {
            assert_eq!(orientation(&minimal(turned)), Some(turned));
        }
        assert_eq!(orientation(&minimal(1)), None, "not turned");
        assert_eq!(orientation(&minimal(9)), None, "out of range");
    }

    #[test]
    fn damaged_exif_has_no_orientation() {
        let whole = minimal(6);
        for cut in 0..18 {
            assert_eq!(orientation(&whole[..cut]), None, "cut at {cut}");
        }
        assert_eq!(orientation(b"MM\0*\xff\xff\xff\xff"), None);
    }
}
