//! What makes the caches exact.
//!
//! Each view has a table of counters. Whoever loads something for a cache notes the counter of its key *before* loading
//! and keeps it with what was loaded; that is valid for as long as the counter stays the same. Whoever writes raises the
//! counters of all that was touched *after* the commit and before the position is announced. So what was loaded before a
//! commit is never taken for what is there after it; and two keys that share a counter cost a load, never a wrong answer.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

const SLOTS: usize = 1 << 15;

#[derive(Debug)]
pub(crate) struct Epochs {
    slots: Box<[AtomicU64]>,
    hash: IdHash,
}

impl Default for Epochs {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), hash: IdHash::default() }
    }
}

impl Epochs {
    fn slot(&self, key: Uuid) -> &AtomicU64 {
        &self.slots[self.hash.hash_one(key) as usize % SLOTS]
    }

    pub(crate) fn of(&self, key: Uuid) -> u64 {
        self.slot(key).load(Ordering::Acquire)
    }

    pub(crate) fn raise(&self, key: Uuid) {
        self.slot(key).fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn raise_all(&self) {
        for slot in &self.slots {
            slot.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// A bounded cache whose entries know the epoch they were loaded in.
#[derive(Debug)]
pub(crate) struct EpochCache<V: Weigh> {
    entries: Cache<Uuid, (u64, V), ByBytes, IdHash>,
}

/// About how many bytes it takes, itself included.
pub(crate) trait Weigh: Clone {
    fn bytes(&self) -> usize;
}

#[derive(Debug, Clone)]
pub(crate) struct ByBytes;

impl<V: Weigh> Weighter<Uuid, (u64, V)> for ByBytes {
    fn weight(&self, _key: &Uuid, entry: &(u64, V)) -> u64 {
        (entry.1.bytes() + 64) as u64
    }
}

impl<V: Weigh> EpochCache<V> {
    /// `entry_bytes` is what an entry is expected to take.
    pub(crate) fn new(bytes_max: usize, entry_bytes: usize) -> Self {
        let entries = (bytes_max / (entry_bytes + 64)).max(16);
        Self {
            entries: Cache::with(
                entries,
                bytes_max as u64,
                ByBytes,
                IdHash::default(),
                quick_cache::sync::DefaultLifecycle::default(),
            ),
        }
    }

    pub(crate) fn get(&self, key: Uuid, epochs: &Epochs) -> Option<V> {
        let (epoch, value) = self.entries.get(&key)?;
        (epoch == epochs.of(key)).then_some(value)
    }

    /// `epoch` is that of the key before the value was loaded.
    pub(crate) fn put(&self, key: Uuid, epoch: u64, value: V) {
        self.entries.insert(key, (epoch, value));
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    pub(crate) fn holds(&self, key: Uuid) -> bool {
        self.entries.contains_key(&key)
    }
}

/// Hashes ids: a multiplication and a fold for every 8 bytes, seeded so that nobody can choose ids that collide.
#[derive(Debug, Clone)]
pub(crate) struct IdHash(u64);

impl Default for IdHash {
    fn default() -> Self {
        Self(std::hash::RandomState::new().hash_one(0u8) | 1)
    }
}

impl BuildHasher for IdHash {
    type Hasher = IdHasher;
    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.0)
    }
}

#[derive(Debug)]
pub(crate) struct IdHasher(u64);

impl IdHasher {
    fn add(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(crate) type IdSet<T> = std::collections::HashSet<T, IdHash>;
pub(crate) type IdMap<K, V> = std::collections::HashMap<K, V, IdHash>;

/// An empty set with room for so many.
pub(crate) fn id_set<T: Hash + Eq>(capacity: usize) -> IdSet<T> {
    IdSet::with_capacity_and_hasher(capacity, IdHash::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for u32 {
        fn bytes(&self) -> usize {
            4
        }
    }

    #[test]
    fn an_entry_loaded_before_a_write_is_not_valid_after_it() {
        let (epochs, cache) = (Epochs::default(), EpochCache::new(1 << 16, 4));
        let key = Uuid::from_u128(7);
        let epoch = epochs.of(key);
        epochs.raise(key);
        cache.put(key, epoch, 1u32);
        assert_eq!(cache.get(key, &epochs), None);
        cache.put(key, epochs.of(key), 2u32);
        assert_eq!(cache.get(key, &epochs), Some(2));
        epochs.raise_all();
        assert_eq!(cache.get(key, &epochs), None);
    }
}
