//! Notices a client that does not fetch although there is something to fetch. After a broker was away librdkafka
//! sometimes goes on as if nothing had happened, and never asks for a partition again
//! (<https://github.com/fede1024/rust-rdkafka/issues/597>): no error, no lost assignment, no record.
//!
//! A partition that has not moved for a while is asked about, over the client that is there to ask. If it has records that
//! the follower waits for, and still waits for them a while later, the client is not to be trusted any more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A partition from which nothing has come for so long is asked about.
const STILL: Duration = Duration::from_secs(15);
/// And has so long to move once it is known that it could.
const GRACE: Duration = Duration::from_secs(10);

/// A partition that is followed and not paused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaited {
    pub(super) assignment: u64,
    /// The offset that comes next.
    pub(super) next: i64,
}

/// A partition since it was first seen where it is.
#[derive(Debug)]
struct Still {
    next: i64,
    /// Nothing has come since then, or it was asked about then.
    since: Instant,
    /// Kafka had something there: since when that is known.
    there_since: Option<Instant>,
}

/// Knows no Kafka and no clock.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    still: HashMap<u64, Still>,
}

impl Watchdog {
    /// Which of these to ask about. To be called about once a second, with all that are awaited: what has moved is seen by it.
    pub(super) fn due(&mut self, awaited: &[Awaited], now: Instant) -> Vec<u64> {
        self.still.retain(|assignment, still| {
            awaited.iter().any(|one| one.assignment == *assignment && one.next == still.next)
        });
        let mut due = Vec::new();
        for &Awaited { assignment, next } in awaited {
            let still = self.still.entry(assignment).or_insert(Still { next, since: now, there_since: None });
            if now.saturating_duration_since(still.since) >= STILL {
                still.since = now;
                due.push(assignment);
            }
        }
        due
    }

    /// Kafka has records of the partition up to before `end`.
    pub(super) fn learned(&mut self, assignment: u64, end: i64, now: Instant) {
        if let Some(still) = self.still.get_mut(&assignment)
            && end > still.next
        {
            still.there_since.get_or_insert(now);
        }
    }

    /// One of these that has not moved although it could.
    pub(super) fn stuck(&self, awaited: &[Awaited], now: Instant) -> Option<Awaited> {
        awaited.iter().copied().find(|one| {
            self.still.get(&one.assignment).is_some_and(|still| {
                let there_for = still.there_since.map(|since| now.saturating_duration_since(since));
                still.next == one.next && there_for.is_some_and(|time| time >= GRACE)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(began: Instant, seconds: u64) -> Instant {
        began + Duration::from_secs(seconds)
    }

    #[test]
    fn what_could_move_and_does_not_is_stuck() {
        let began = Instant::now();
        let mut watchdog = Watchdog::default();
        let awaited = |next: i64| [Awaited { assignment: 7, next }];
        assert!(watchdog.due(&awaited(5), began).is_empty());
        assert!(watchdog.due(&awaited(5), at(began, 14)).is_empty(), "it has only just moved");
        assert_eq!(watchdog.due(&awaited(5), at(began, 15)), [7]);
        assert!(watchdog.due(&awaited(5), at(began, 16)).is_empty(), "it has just been asked about");
        watchdog.learned(7, 6, at(began, 17));
        assert!(watchdog.stuck(&awaited(5), at(began, 26)).is_none(), "it may be on its way");
        assert_eq!(watchdog.stuck(&awaited(5), at(began, 27)).unwrap().assignment, 7);
        assert!(watchdog.stuck(&awaited(6), at(began, 27)).is_none(), "it has moved");
    }

    #[test]
    fn a_quiet_partition_is_asked_about_again_and_never_stuck() {
        let began = Instant::now();
        let mut watchdog = Watchdog::default();
        let awaited = [Awaited { assignment: 1, next: 5 }];
        assert!(watchdog.due(&awaited, began).is_empty());
        for round in 1..9 {
            let now = at(began, 15 * round);
            assert_eq!(watchdog.due(&awaited, now), [1]);
            watchdog.learned(1, 5, now);
            assert!(watchdog.stuck(&awaited, at(began, 15 * round + 14)).is_none());
        }
    }

    #[test]
    fn what_was_learned_of_a_place_that_was_passed_counts_no_more() {
        let began = Instant::now();
        let mut watchdog = Watchdog::default();
        let before = [Awaited { assignment: 1, next: 5 }];
        assert!(watchdog.due(&before, began).is_empty());
        assert_eq!(watchdog.due(&before, at(began, 15)), [1]);
        watchdog.learned(1, 9, at(began, 15));
        let after = [Awaited { assignment: 1, next: 9 }];
        assert!(watchdog.due(&after, at(began, 16)).is_empty());
        assert!(watchdog.due(&after, at(began, 17)).is_empty());
        assert!(watchdog.stuck(&after, at(began, 60)).is_none());
        assert_eq!(watchdog.due(&after, at(began, 31)), [1]);
        assert!(watchdog.stuck(&after, at(began, 60)).is_none(), "nothing is known to be there");
        assert!(watchdog.due(&[], at(began, 61)).is_empty(), "nobody follows it any more");
        assert!(watchdog.still.is_empty());
    }
}
