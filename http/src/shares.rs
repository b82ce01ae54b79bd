//! Bounds how much of something that all clients share one of them may hold at once, so that nobody else goes without because one
//! client takes it all. Only clients that hold something cost memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

const SHARDS: usize = 16;

/// What each client holds.
#[derive(Debug)]
pub struct Shares<K> {
    held: [Mutex<HashMap<K, usize>>; SHARDS],
    hash: RandomState,
}

/// Part of what is shared, held by one client until it is dropped.
#[derive(Debug)]
pub struct Share<K: Hash + Eq> {
    shares: Arc<Shares<K>>,
    client: K,
    amount: usize,
}

impl<K: Hash + Eq> Default for Shares<K> {
    fn default() -> Self {
        Self { held: std::array::from_fn(|_| Mutex::default()), hash: RandomState::new() }
    }
}

impl<K: Hash + Eq + Copy> Shares<K> {
    /// Takes `amount` for a client. `None`: together with what the client holds it would be more than `most`, where 0 is no limit.
    pub fn take(self: &Arc<Self>, client: K, amount: usize, most: usize) -> Option<Share<K>> {
        let mut share = Share { shares: Arc::clone(self), client, amount: 0 };
        share.grow(amount, most).then_some(share)
    }

    /// Returns what the client holds.
    pub fn held_by(&self, client: &K) -> usize {
        self.shard(client).lock().get(client).copied().unwrap_or(0)
    }
}

impl<K: Hash + Eq> Shares<K> {
    fn shard(&self, client: &K) -> &Mutex<HashMap<K, usize>> {
        &self.held[self.hash.hash_one(client) as usize % SHARDS]
    }
}

impl<K: Hash + Eq + Copy> Share<K> {
    /// Takes so much more, or nothing if the client then held more than `most`; 0 is no limit.
    pub fn grow(&mut self, by: usize, most: usize) -> bool {
        if by == 0 {
            return true;
        }
        let mut held = self.shares.shard(&self.client).lock();
        let of_client = held.entry(self.client).or_insert(0);
        let fits = most == 0 || *of_client + by <= most;
        if fits {
            *of_client += by;
            self.amount += by;
        } else if *of_client == 0 {
            held.remove(&self.client);
        }
        fits
    }
}

impl<K: Hash + Eq> Drop for Share<K> {
    fn drop(&mut self) {
        if self.amount == 0 {
            return;
        }
        let mut held = self.shares.shard(&self.client).lock();
        if let Some(of_client) = held.get_mut(&self.client) {
            *of_client = of_client.saturating_sub(self.amount);
            if *of_client == 0 {
                held.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_holds_no_more_than_its_share_and_gives_all_of_it_back() {
        let shares = Arc::<Shares<u8>>::default();
        let first = shares.take(1, 2, 3).unwrap();
        assert!(shares.take(1, 2, 3).is_none());
        let mut second = shares.take(1, 1, 3).unwrap();
        assert!(!second.grow(1, 3) && second.grow(1, 4), "what is refused takes nothing");
        assert!(shares.take(2, 3, 3).is_some(), "another client has a share of its own");
        assert_eq!(shares.held_by(&1), 4);
        drop(first);
        assert_eq!(shares.held_by(&1), 2);
        drop(second);
        assert!(shares.take(1, 5, 4).is_none() && shares.take(1, 5, 0).is_some());
        assert!(shares.held.iter().all(|held| held.lock().is_empty()), "who holds nothing costs nothing");
    }
}
