//! Orders of lists that are kept for a while, so that a list can be paged through in the order it was given once.

use std::time::Duration;

use nova_views::{FeedReason, ViewError};
use uuid::Uuid;

use super::RedisViews;
use super::connect::view_error;
use super::scripts::unreadable;

/// One place in a frozen order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frozen {
    pub id: Uuid,
    pub score: f64,
    pub reason: FeedReason,
}

/// Id, score, reason.
const BYTES: usize = 16 + 8 + 1;

impl RedisViews {
    /// Keeps an order for `ttl`, under a name that says whose it is.
    pub async fn freeze(&self, name: &str, places: &[Frozen], ttl: Duration) -> Result<(), ViewError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("SET");
        command.arg(self.frozen_key(name)).arg(encode(places)).arg("PX").arg(ttl_ms);
        self.ask(&command).await
    }

    /// `None`: it is not kept any more.
    pub async fn frozen(&self, name: &str) -> Result<Option<Vec<Frozen>>, ViewError> {
        let mut command = redis::cmd("GET");
        command.arg(self.frozen_key(name));
        let bytes: Option<Vec<u8>> =
            command.query_async(&mut self.reads().clone()).await.map_err(|error| view_error(&error))?;
        bytes.map(|bytes| decode(&bytes).ok_or_else(unreadable)).transpose()
    }

    fn frozen_key(&self, name: &str) -> String {
        self.key_of_history(&format!("z:{name}"))
    }
}

fn encode(places: &[Frozen]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(places.len() * BYTES);
    for place in places {
        bytes.extend_from_slice(place.id.as_bytes());
        bytes.extend_from_slice(&place.score.to_le_bytes());
        bytes.push(match place.reason {
            FeedReason::Following => 0,
            FeedReason::Affinity => 1,
            FeedReason::Trending => 2,
        });
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Frozen>> {
    let (places, rest) = bytes.as_chunks::<BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let place = |bytes: &[u8; BYTES]| {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let (score, reason) = rest.split_first_chunk::<8>()?;
        let reason = match reason {
            [0] => FeedReason::Following,
            [1] => FeedReason::Affinity,
            [2] => FeedReason::Trending,
            _ => return None,
        };
        Some(Frozen { id: Uuid::from_bytes(*id), score: f64::from_le_bytes(*score), reason })
    };
    places.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_comes_back_as_it_was() {
        let reasons = [FeedReason::Following, FeedReason::Affinity, FeedReason::Trending];
        let places: Vec<Frozen> = (0..9u8)
            .map(|n| Frozen {
                id: Uuid::from_u128(u128::from(n) << 100),
                score: f64::from(n) / 7.0,
                reason: reasons[usize::from(n) % 3],
            })
            .collect();
        let bytes = encode(&places);
        assert_eq!(bytes.len(), 9 * BYTES);
        assert_eq!(decode(&bytes), Some(places));
        assert_eq!(decode(&bytes[1..]), None);
        assert_eq!(decode(&[9; BYTES]), None, "there is no such reason");
    }
}
