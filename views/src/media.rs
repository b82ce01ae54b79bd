//! Media of posts, as stores keep them: the ids with what each is, packed, so that a row needs no table beside it.

use nova_events::MediaId;
use nova_events::media::MediaKind;
use uuid::Uuid;

use crate::post_card::MediaRef;

/// What it is (1), its id (16).
const ENTRY_BYTES: usize = 17;

impl MediaRef {
    pub fn new(id: MediaId, kind: MediaKind) -> Self {
        Self { id, kind: kind.as_str().to_owned(), url: format!("/api/v1/media/{id}") }
    }
}

pub fn pack(media: &[(MediaId, MediaKind)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(media.len() * ENTRY_BYTES);
    for (id, kind) in media {
        packed.push(match kind {
            MediaKind::Audio => 0,
            MediaKind::Image => 1,
            MediaKind::Video => 2,
        });
        packed.extend_from_slice(id.0.as_bytes());
    }
    packed
}

/// What is not of this shape is left out.
pub fn unpack(packed: &[u8]) -> impl Iterator<Item = MediaRef> + '_ {
    packed.chunks_exact(ENTRY_BYTES).filter_map(|entry| {
        let kind = match entry[0] {
            0 => MediaKind::Audio,
            1 => MediaKind::Image,
            2 => MediaKind::Video,
            _ => return None,
        };
        Some(MediaRef::new(MediaId(Uuid::from_slice(&entry[1..]).ok()?), kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_again_with_its_address() {
        let media: Vec<_> = [MediaKind::Audio, MediaKind::Image, MediaKind::Video]
            .into_iter()
            .enumerate()
            .map(|(n, kind)| (MediaId(Uuid::from_u128(n as u128)), kind))
            .collect();
        let packed = pack(&media);
        let found: Vec<_> = unpack(&packed).collect();
        assert_eq!(found, media.iter().map(|(id, kind)| MediaRef::new(*id, *kind)).collect::<Vec<_>>());
        assert_eq!(found[2].url, format!("/api/v1/media/{}", media[2].0));
        assert_eq!(unpack(&packed[..packed.len() - 1]).count(), 2);
        assert_eq!(unpack(&[]).count(), 0);
    }
}
