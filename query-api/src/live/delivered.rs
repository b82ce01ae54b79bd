//! Delivered marks that a session's client sends one by one, so that they become few commands.
//!
//! * A mark goes out at once when the one before it, of the same device in the same conversation, is long enough ago.
//!   Otherwise it waits until it is, and takes the place of one that waits already: of each device in each conversation
//!   at most one goes out in an interval.
//! * The last one always goes out: when its interval ends, or when the session does.

use std::collections::HashMap;
use std::time::Duration;

use nova_events::ConversationId;
use tokio::time::Instant;

/// Devices in conversations that one session speaks for; beyond it, those that have nothing waiting are forgotten, and
/// then marks go out at once.
const HELD_MAX: usize = 512;

type Whose = (ConversationId, String);

#[derive(Debug)]
struct Held {
    /// When the last one went out.
    sent: Instant,
    waits: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct DeliveredMarks {
    held: HashMap<Whose, Held>,
}

/// A mark that is to go out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delivered {
    pub(crate) conversation: ConversationId,
    pub(crate) device_id: String,
    pub(crate) seq: u64,
}

impl DeliveredMarks {
    /// Takes a mark in. `Some`: it is to go out now.
    pub(crate) fn take(&mut self, mark: Delivered, now: Instant, interval: Duration) -> Option<Delivered> {
        let whose = (mark.conversation, mark.device_id.clone());
        if let Some(held) = self.held.get_mut(&whose) {
            if now.duration_since(held.sent) < interval || held.waits.is_some() {
                held.waits = held.waits.max(Some(mark.seq));
                return None;
            }
            held.sent = now;
            return Some(mark);
        }
        if self.held.len() >= HELD_MAX {
            self.held.retain(|_, held| held.waits.is_some() || now.duration_since(held.sent) < interval);
        }
        if self.held.len() < HELD_MAX {
            self.held.insert(whose, Held { sent: now, waits: None });
        }
        Some(mark)
    }

    /// When the next one that waits is to go out.
    pub(crate) fn due(&self, interval: Duration) -> Option<Instant> {
        self.held.values().filter(|held| held.waits.is_some()).map(|held| held.sent + interval).min()
    }

    /// Those whose interval is over.
    pub(crate) fn take_due(&mut self, now: Instant, interval: Duration) -> Vec<Delivered> {
        self.take_waiting(|held| held.sent + interval <= now, now)
    }

    /// All that wait, for the end of the session.
    pub(crate) fn take_all(&mut self) -> Vec<Delivered> {
        self.take_waiting(|_| true, Instant::now())
    }

    fn take_waiting(&mut self, which: impl Fn(&Held) -> bool, now: Instant) -> Vec<Delivered> {
        let mut taken = Vec::new();
        for ((conversation, device_id), held) in self.held.iter_mut().filter(|(_, held)| which(held)) {
            if let Some(seq) = held.waits.take() {
                held.sent = now;
                taken.push(Delivered { conversation: *conversation, device_id: device_id.clone(), seq });
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(500);

    fn mark(conversation: u128, device: &str, seq: u64) -> Delivered {
        let conversation = ConversationId(Uuid::from_u128(conversation));
        Delivered { conversation, device_id: device.to_owned(), seq }
    }

    #[test]
    fn a_crowd_of_marks_becomes_the_first_and_the_last() {
        let mut marks = DeliveredMarks::default();
        let start = Instant::now();
        assert_eq!(marks.take(mark(1, "a", 0), start, INTERVAL), Some(mark(1, "a", 0)));
        for seq in [1, 2, 9, 3] {
            assert_eq!(marks.take(mark(1, "a", seq), start, INTERVAL), None);
        }
        assert_eq!(marks.due(INTERVAL), Some(start + INTERVAL));
        assert_eq!(marks.take_due(start + INTERVAL / 2, INTERVAL), []);
        let later = start + INTERVAL;
        // One that comes when another is due waits with it, so that none goes backwards.
        assert_eq!(marks.take(mark(1, "a", 4), later, INTERVAL), None);
        assert_eq!(marks.take_due(later, INTERVAL), [mark(1, "a", 9)]);
        assert_eq!((marks.due(INTERVAL), marks.take_all()), (None, Vec::new()));
        assert_eq!(marks.take(mark(1, "a", 10), later, INTERVAL), None, "the interval begins anew");
        assert_eq!(marks.take_all(), [mark(1, "a", 10)], "the end of the session does not lose it");
    }

    #[test]
    fn devices_and_conversations_do_not_wait_for_each_other() {
        let mut marks = DeliveredMarks::default();
        let now = Instant::now();
        for one in [mark(1, "a", 5), mark(1, "b", 5), mark(2, "a", 5)] {
            assert_eq!(marks.take(one.clone(), now, INTERVAL), Some(one));
        }
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_lost_for_it() {
        let mut marks = DeliveredMarks::default();
        let now = Instant::now();
        for n in 0..3 * HELD_MAX as u128 {
            assert!(marks.take(mark(n, "a", 1), now, INTERVAL).is_some());
            assert!(marks.held.len() <= HELD_MAX);
        }
        assert!(marks.take(mark(u128::MAX, "a", 1), now + 2 * INTERVAL, INTERVAL).is_some());
        assert_eq!(marks.held.len(), 1, "what has nothing waiting makes room");
    }
}
