//! WebM: the time of the last block (browsers that record write no duration), or the duration if it says more.

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const CLUSTER: u32 = 0x1f43_b675;
const BLOCK_GROUP: u32 = 0xa0;
const EBML: u32 = 0x1a45_dfa3;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const CLUSTER_TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK: u32 = 0xa1;

/// About what one block plays.
const LAST_BLOCK_MS: u64 = 20;

pub(super) fn duration_ms(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut scale_ns, mut declared, mut cluster, mut last) =
        (0, 1_000_000_u64, 0.0_f64, 0_u64, None);
    let (first, _) = id(bytes)?;
    if first != EBML {
        return None;
    }
    while at < bytes.len() {
        let (id, id_bytes) = id(bytes.get(at..)?)?;
        let (size, size_bytes) = size(bytes.get(at + id_bytes..)?)?;
        at += id_bytes + size_bytes;
        if matches!(id, SEGMENT | CLUSTER | BLOCK_GROUP | INFO) {
            // What is in these is read as if it stood beside them: their size may not be known.
            continue;
        }
        let end = at.checked_add(usize::try_from(size?).ok()?)?;
        let body = bytes.get(at..end)?;
        match id {
            TIMESTAMP_SCALE => scale_ns = number(body)?,
            CLUSTER_TIMESTAMP => cluster = number(body)?,
            DURATION => declared = float(body)?,
            SIMPLE_BLOCK | BLOCK => last = last.max(Some(block(body, cluster)?)),
            _ => {}
        }
        at = end;
    }
    let ms = |units: f64| (units * scale_ns as f64 / 1e6) as u64;
    let played = last.map_or(0, |units| ms(units as f64) + LAST_BLOCK_MS);
    Some(played.max(ms(declared))).filter(|ms| *ms > 0)
}

/// When a block is played: in its first bytes, after the number of its track, relative to its cluster.
fn block(body: &[u8], cluster: u64) -> Option<u64> {
    let (_, track_bytes) = size(body)?;
    let relative = i16::from_be_bytes(super::array(body, track_bytes)?);
    Some(cluster.saturating_add_signed(i64::from(relative)))
}

/// An element's id, with its marker.
fn id(bytes: &[u8]) -> Option<(u32, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 4 {
        return None;
    }
    let digits = bytes.get(..length)?;
    Some((digits.iter().fold(0, |id, byte| id << 8 | u32::from(*byte)), length))
}

/// A number of variable length; `None` in it: not known.
fn size(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let digits = bytes.get(1..length)?;
    let marker = 0x80_u8 >> (length - 1);
    let start = u64::from(first & (marker - 1));
    let value = digits.iter().fold(start, |value, byte| value << 8 | u64::from(*byte));
    let unknown = (1_u64 << (7 * length)) - 1;
    Some(((value != unknown).then_some(value), length))
}

fn number(body: &[u8]) -> Option<u64> {
    (body.len() <= 8).then(|| body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn float(body: &[u8]) -> Option<f64> {
    match body.len() {
        4 => super::array(body, 0).map(|bytes| f64::from(f32::from_be_bytes(bytes))),
        8 => super::array(body, 0).map(f64::from_be_bytes),
        _ => None,
    }
    .filter(|value| value.is_finite() && *value >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
        [id, &[0x40 | (body.len() >> 8) as u8, body.len() as u8], body].concat()
    }

    fn recorded(info: &[u8]) -> Vec<u8> {
        let block = |at: i16| element(&[0xa3], &[&[0x81][..], &at.to_be_bytes(), &[0x80], b"sound"].concat());
        let head = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm"));
        // The sizes of segment and clusters are not known while recording.
        let unknown = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let open = |id: [u8; 4]| [&id[..], &unknown].concat();
        [
            head,
            open([0x18, 0x53, 0x80, 0x67]),
            element(&[0x15, 0x49, 0xa9, 0x66], info),
            open([0x1f, 0x43, 0xb6, 0x75]),
            element(&[0xe7], &[0]),
            block(0),
            block(960),
            open([0x1f, 0x43, 0xb6, 0x75]),
            element(&[0xe7], &[0x03, 0xe8]),
            block(500),
        ]
        .concat()
    }

    #[test]
    fn the_last_block_tells() {
        assert_eq!(duration_ms(&recorded(&[])), Some(1_520));
    }

    #[test]
    fn a_duration_counts_if_it_says_more() {
        let says = |ms: f32| element(&[0x44, 0x89], &ms.to_be_bytes());
        assert_eq!(duration_ms(&recorded(&says(9_000.0))), Some(9_000));
        assert_eq!(duration_ms(&recorded(&says(3.0))), Some(1_520));
    }

    #[test]
    fn what_is_cut_has_no_duration() {
        let whole = recorded(&[]);
        assert_eq!(duration_ms(&whole[..whole.len() - 2]), None);
    }
}
