//! MP4 (ISO 14496-12): the longest of what the header of the movie says, what it says of its fragments, and the samples of
//! the fragments of a track (browsers that record write these only).

use super::{be32, be64, to_ms};

/// Boxes within boxes that are looked into.
const DEPTH_MAX: usize = 5;

#[derive(Default)]
struct Found {
    movie_rate: u64,
    movie: u64,
    fragments: u64,
    track_rate: u64,
    default_duration: u64,
    samples: u64,
    has_movie: bool,
}

pub(super) fn duration_ms(bytes: &[u8]) -> Option<u64> {
    if bytes.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let mut found = Found::default();
    found.walk(bytes, 0)?;
    if !found.has_movie {
        return None;
    }
    let declared = to_ms(found.movie.max(found.fragments), found.movie_rate)?;
    let counted = to_ms(found.samples, found.track_rate.max(1))?;
    Some(declared.max(counted)).filter(|ms| *ms > 0)
}

impl Found {
    fn walk(&mut self, bytes: &[u8], depth: usize) -> Option<()> {
        let mut at = 0;
        while at < bytes.len() {
            let small = u64::from(be32(bytes, at)?);
            let kind: [u8; 4] = super::array(bytes, at + 4)?;
            let (size, header_bytes) = match small {
                0 => (u64::try_from(bytes.len() - at).ok()?, 8),
                1 => (be64(bytes, at + 8)?, 16),
                size => (size, 8),
            };
            let end = at.checked_add(usize::try_from(size).ok()?)?;
            let body = bytes.get(at + header_bytes..end)?;
            match &kind {
                b"moov" | b"trak" | b"mdia" | b"mvex" | b"moof" | b"traf" if depth < DEPTH_MAX => {
                    self.walk(body, depth + 1)?;
                }
                b"mvhd" => {
                    (self.movie_rate, self.movie) = rate_and_duration(body)?;
                    self.has_movie = true;
                }
                b"mdhd" if self.track_rate == 0 => self.track_rate = rate_and_duration(body)?.0,
                b"mehd" => {
                    let long = *body.first()? == 1;
                    self.fragments = if long { be64(body, 4)? } else { u64::from(be32(body, 4)?) };
                }
                b"trex" => self.default_duration = u64::from(be32(body, 12)?),
                b"tfhd" => self.track_fragment(body)?,
                b"trun" => self.run(body)?,
                _ => {}
            }
            at = end;
        }
        Some(())
    }

    /// What a sample of this fragment plays, unless it says so itself.
    fn track_fragment(&mut self, body: &[u8]) -> Option<()> {
        let flags = be32(body, 0)?;
        let mut at = 8;
        at += if flags & 1 != 0 { 8 } else { 0 };
        at += if flags & 2 != 0 { 4 } else { 0 };
        if flags & 8 != 0 {
            self.default_duration = u64::from(be32(body, at)?);
        }
        Some(())
    }

    fn run(&mut self, body: &[u8]) -> Option<()> {
        let flags = be32(body, 0)?;
        let count = u64::from(be32(body, 4)?);
        if flags & 0x100 == 0 {
            self.samples = self.samples.saturating_add(count.saturating_mul(self.default_duration));
            return Some(());
        }
        let mut at = 8;
        at += if flags & 1 != 0 { 4 } else { 0 };
        at += if flags & 4 != 0 { 4 } else { 0 };
        let fields = [0x100, 0x200, 0x400, 0x800].iter().filter(|flag| flags & **flag != 0).count();
        for _ in 0..count {
            self.samples = self.samples.saturating_add(u64::from(be32(body, at)?));
            at += 4 * fields;
        }
        Some(())
    }
}

/// Of a movie's or a medium's header.
fn rate_and_duration(body: &[u8]) -> Option<(u64, u64)> {
    match body.first()? {
        0 => {
            let duration = be32(body, 16)?;
            // All ones: not known.
            Some((u64::from(be32(body, 12)?), if duration == u32::MAX { 0 } else { u64::from(duration) }))
        }
        1 => {
            let duration = be64(body, 24)?;
            Some((u64::from(be32(body, 20)?), if duration == u64::MAX { 0 } else { duration }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    fn header(rate: u32, duration: u32) -> Vec<u8> {
        [&[0; 12][..], &rate.to_be_bytes(), &duration.to_be_bytes(), &[0; 80]].concat()
    }

    fn file(boxes: &[Vec<u8>]) -> Vec<u8> {
        [vec![boxed(b"ftyp", b"M4A \0\0\0\0")], boxes.to_vec()].concat().concat()
    }

    #[test]
    fn the_movie_says_how_long_it_is() {
        let moov = boxed(b"moov", &boxed(b"mvhd", &header(600, 7_200)));
        assert_eq!(duration_ms(&file(&[moov.clone(), boxed(b"mdat", b"sound")])), Some(12_000));
        assert_eq!(duration_ms(&file(&[boxed(b"mdat", b"sound")])), None);
        let whole = file(&[moov]);
        assert_eq!(duration_ms(&whole[..whole.len() - 1]), None);
    }

    #[test]
    fn a_recording_is_counted_by_its_fragments() {
        let mdia = boxed(b"mdia", &boxed(b"mdhd", &header(48_000, 0)));
        let moov = [boxed(b"mvhd", &header(1_000, 0)), boxed(b"trak", &mdia)].concat();
        let tfhd = [&8_u32.to_be_bytes()[..], &1_u32.to_be_bytes(), &1_024_u32.to_be_bytes()].concat();
        let plain = [&0_u32.to_be_bytes()[..], &93_u32.to_be_bytes()].concat();
        let each = [&0x300_u32.to_be_bytes()[..], &1_u32.to_be_bytes(), &2_768_u32.to_be_bytes(), &[0; 4]];
        let traf = [boxed(b"tfhd", &tfhd), boxed(b"trun", &plain), boxed(b"trun", &each.concat())].concat();
        let moof = boxed(b"moof", &boxed(b"traf", &traf));
        // 93 * 1024 + 2768 = 98,000 of 48,000 a second.
        assert_eq!(duration_ms(&file(&[boxed(b"moov", &moov), moof])), Some(2_041));
    }
}
