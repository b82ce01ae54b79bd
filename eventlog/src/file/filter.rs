//! "Surely not here, or maybe": a split-block Bloom filter (the one of the Parquet format). A key touches one block of
//! 32 bytes, so a look-up is one cache miss in memory or one small read on disk. 12 bits per key: about 1 in 200 false.

const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];
pub(crate) const BLOCK_BYTES: usize = 32;
const BITS_PER_KEY: usize = 12;

#[derive(Debug)]
pub(crate) struct Filter(Vec<u8>);

impl Filter {
    pub(crate) fn blocks_for(keys: usize) -> usize {
        (keys * BITS_PER_KEY).div_ceil(BLOCK_BYTES * 8).max(1)
    }

    pub(crate) fn for_keys(keys: usize) -> Self {
        Self(vec![0; Self::blocks_for(keys) * BLOCK_BYTES])
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn add(&mut self, hash: u64) {
        let at = Self::block_of(hash, self.0.len() / BLOCK_BYTES) * BLOCK_BYTES;
        for (lane, mask) in self.0[at..at + BLOCK_BYTES].chunks_exact_mut(4).zip(masks(hash)) {
            for (byte, bits) in lane.iter_mut().zip(mask.to_le_bytes()) {
                *byte |= bits;
            }
        }
    }

    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        let at = Self::block_of(hash, self.0.len() / BLOCK_BYTES) * BLOCK_BYTES;
        Self::block_may_hold(&self.0[at..at + BLOCK_BYTES], hash)
    }

    pub(crate) fn block_of(hash: u64, blocks: usize) -> usize {
        (((hash >> 32) * blocks as u64) >> 32) as usize
    }

    pub(crate) fn block_may_hold(block: &[u8], hash: u64) -> bool {
        let mut missing = 0;
        for (lane, mask) in block.chunks_exact(4).zip(masks(hash)) {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(lane);
            missing |= mask & !u32::from_le_bytes(bytes);
        }
        missing == 0
    }
}

fn masks(hash: u64) -> [u32; 8] {
    SALTS.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::hash::Key;

    #[test]
    fn it_never_denies_what_it_holds_and_seldom_claims_what_it_does_not() {
        let key = Key::of(3);
        let mut filter = Filter::for_keys(20_000);
        (0..20_000).for_each(|n| filter.add(key.id(n)));
        assert!((0..20_000).all(|n| filter.may_hold(key.id(n))));
        let false_hits = (20_000..120_000).filter(|&n| filter.may_hold(key.id(n))).count();
        assert!(false_hits < 1_000, "{false_hits} of 100,000");
    }
}
