//! The hash of stream names and command ids in memory and on disk: 64 bits, keyed with the log's id so that nobody
//! outside can aim for collisions. Never an identity: whoever looks something up compares the name itself. Being on
//! disk, the function is part of the format. Construction: multiply-and-fold over 8-byte words, as in wyhash.

use std::hash::{BuildHasher, Hasher};

const K: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn of(log_id: u128) -> Self {
        Self(fold(log_id as u64 ^ K[0], (log_id >> 64) as u64 ^ K[1]) | 1)
    }

    pub(crate) fn bytes(self, data: &[u8]) -> u64 {
        let mut state = self.0 ^ fold(data.len() as u64 ^ K[0], K[1]);
        let mut words = data.chunks_exact(8);
        for word in &mut words {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            state = fold(state ^ u64::from_le_bytes(bytes), K[2]);
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut bytes = [0; 8];
            bytes[..rest.len()].copy_from_slice(rest);
            state = fold(state ^ u64::from_le_bytes(bytes), K[2]);
        }
        fold(state ^ K[0], K[1])
    }

    pub(crate) fn id(self, id: u128) -> u64 {
        let state = fold(self.0 ^ id as u64, K[2]);
        fold(fold(state ^ (id >> 64) as u64, K[2]) ^ K[0], K[1])
    }
}

/// The same hash for maps in memory.
impl BuildHasher for Key {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher { key: *self, state: 0 }
    }
}

#[derive(Debug)]
pub(crate) struct KeyHasher {
    key: Key,
    state: u64,
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.state = self.state.rotate_left(5) ^ self.key.bytes(bytes);
    }

    /// Ends a string; says nothing.
    fn write_u8(&mut self, _: u8) {}

    fn write_u128(&mut self, id: u128) {
        self.state = self.state.rotate_left(5) ^ self.key.id(id);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_spreads_near_keys_and_stays_as_it_is() {
        let key = Key::of(7);
        let mut seen: Vec<u64> = (0..10_000u32).map(|n| key.bytes(format!("post-{n}").as_bytes())).collect();
        seen.extend((0..10_000u128).map(|n| key.id(n << 16)));
        let buckets = seen.iter().fold([0u32; 64], |mut buckets, hash| {
            buckets[(hash >> 58) as usize] += 1;
            buckets
        });
        assert!(buckets.iter().all(|&n| (200..430).contains(&n)), "{buckets:?}");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 20_000);
        // Indexes on disk hold these: a change here needs a new format version.
        assert_eq!(key.bytes(b"post-1"), Key::of(7).bytes(b"post-1"));
        assert_ne!(key.bytes(b"post-1"), Key::of(8).bytes(b"post-1"));
        assert_ne!(key.bytes(b"a"), key.bytes(b"a\0"));
    }
}
