//! Notices a client that does not fetch although there is something to fetch. After a broker was away librdkafka
//! sometimes goes on as if nothing had happened, and never asks for a partition again
//! (<https://github.com/fede1024/rust-rdkafka/issues/597>, <https://github.com/confluentinc/librdkafka/issues/5301>): no
//! error, no lost assignment, no record.
//!
//! Only progress counts, and no client of Kafka is asked. The relay moves its cursor in PostgreSQL over what Kafka has
//! acknowledged, and a watermark with that position follows in every partition. A partition that is followed, behind that
//! cursor and does not move for [`GRACE`] while the cursor does has a client that is not to be trusted any more.
//!
//! While the cursor stands Kafka itself may be away, and a new client would do worse: Kafka gives it no partition until the
//! session of the old one has expired, and that time starts again when Kafka is back. A client that stands while the cursor does
//! is replaced after [`GRACE_QUIET`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a partition may stand although Kafka has more of it and takes records.
const GRACE: Duration = Duration::from_secs(5);
/// The same while the relay does not move.
const GRACE_QUIET: Duration = Duration::from_secs(20);
/// A relay that has not moved for so long stands: Kafka is away, or nobody writes.
const STANDS: Duration = Duration::from_secs(2);
/// The same when a client was replaced already and the relay has not moved since: it may have died between its cursor and
/// its watermarks, and then no client gets further.
const GRACE_AGAIN: Duration = Duration::from_secs(60);

/// A partition that is followed and not paused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaited {
    pub(super) assignment: u64,
    /// The offset that comes next.
    pub(super) next: i64,
    /// The position up to which the received events are complete.
    pub(super) position: u64,
}

/// A partition since it was first seen where it is, behind what is published.
#[derive(Debug)]
struct Still {
    next: i64,
    since: Instant,
}

/// Knows no Kafka and no clock.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    still: HashMap<u64, Still>,
    relay: Option<Relay>,
}

/// How the relay's cursor moves.
#[derive(Debug, Clone, Copy)]
struct Relay {
    published: u64,
    moved_at: Instant,
    /// Since it last stood.
    moving_since: Instant,
}

impl Relay {
    fn seen(before: Option<Self>, published: u64, now: Instant) -> Self {
        let Some(before) = before else { return Self { published, moved_at: now, moving_since: now } };
        if before.published == published {
            return before;
        }
        let stood = now.saturating_duration_since(before.moved_at) >= STANDS;
        Self { published, moved_at: now, moving_since: if stood { now } else { before.moving_since } }
    }
}

impl Watchdog {
    /// Returns a partition that does not move although it could. To be called about once a second, with all that are
    /// awaited. Everything up to `published` is in Kafka; a client was replaced before when it was `replaced_at`.
    pub(super) fn stuck(
        &mut self,
        awaited: &[Awaited],
        published: u64,
        replaced_at: Option<u64>,
        now: Instant,
    ) -> Option<Awaited> {
        let behind = || awaited.iter().filter(|one| one.position < published);
        self.still.retain(|assignment, still| {
            behind().any(|one| one.assignment == *assignment && one.next == still.next)
        });
        let relay = Relay::seen(self.relay, published, now);
        self.relay = Some(relay);
        let moves = now.saturating_duration_since(relay.moved_at) < STANDS;
        let grace = if replaced_at.is_some_and(|at| at >= published) { GRACE_AGAIN } else { GRACE_QUIET };
        behind().copied().find(|one| {
            let since =
                self.still.entry(one.assignment).or_insert(Still { next: one.next, since: now }).since;
            let stood = now.saturating_duration_since(since);
            let passed_by = now.saturating_duration_since(since.max(relay.moving_since));
            stood >= grace || (moves && passed_by >= GRACE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(began: Instant, seconds: u64) -> Instant {
        began + Duration::from_secs(seconds)
    }

    const fn awaited(next: i64, position: u64) -> [Awaited; 1] {
        [Awaited { assignment: 7, next, position }]
    }

    #[test]
    fn a_partition_that_a_moving_relay_passes_by_is_stuck() {
        let began = Instant::now();
        let mut watchdog = Watchdog::default();
        for seconds in 0..5 {
            let published = 41 + seconds;
            assert!(watchdog.stuck(&awaited(5, 40), published, None, at(began, seconds)).is_none());
        }
        assert_eq!(watchdog.stuck(&awaited(5, 40), 99, None, at(began, 5)).unwrap().assignment, 7);
        assert!(watchdog.stuck(&awaited(6, 41), 99, None, at(began, 5)).is_none(), "it has moved");
        for seconds in 6..10 {
            let published = 100 + seconds;
            assert!(watchdog.stuck(&awaited(6, 41), published, None, at(began, seconds)).is_none());
        }
        assert!(watchdog.stuck(&awaited(6, 41), 200, None, at(began, 10)).is_some());
    }

    #[test]
    fn while_the_relay_stands_a_client_is_kept_for_longer() {
        let began = Instant::now();
        let mut watchdog = Watchdog::default();
        for seconds in 0..10 {
            assert!(watchdog.stuck(&awaited(5, 40), 41, None, at(began, seconds)).is_none());
        }
        // Kafka is back: time counts from here.
        for seconds in 10..15 {
            let published = 50 + seconds;
            assert!(watchdog.stuck(&awaited(5, 40), published, None, at(began, seconds)).is_none());
        }
        assert!(watchdog.stuck(&awaited(5, 40), 99, None, at(began, 15)).is_some());
        // And when nobody writes afterwards, or it does not come back.
        let mut watchdog = Watchdog::default();
        assert!(watchdog.stuck(&awaited(5, 40), 41, None, began).is_none());
        assert!(watchdog.stuck(&awaited(5, 40), 41, None, at(began, 19)).is_none());
        assert!(watchdog.stuck(&awaited(5, 40), 41, None, at(began, 20)).is_some());
    }

    #[test]
    fn a_partition_that_has_all_that_is_published_is_never_stuck() {
        let began = Instant::now();
        let mut watchdog = Watchdog::default();
        for seconds in 0..200 {
            assert!(watchdog.stuck(&awaited(5, 40), 40, None, at(began, seconds)).is_none());
        }
        assert!(watchdog.stuck(&awaited(5, 40), 41, None, at(began, 200)).is_none(), "time counts from now");
        assert!(watchdog.stuck(&[], 41, None, at(began, 300)).is_none());
        assert!(watchdog.still.is_empty());
    }

    #[test]
    fn a_relay_that_stands_still_does_not_cost_one_client_after_the_other() {
        let began = Instant::now();
        let mut watchdog = Watchdog::default();
        assert!(watchdog.stuck(&awaited(5, 40), 41, Some(41), began).is_none());
        assert!(watchdog.stuck(&awaited(5, 40), 41, Some(41), at(began, 59)).is_none());
        assert!(watchdog.stuck(&awaited(5, 40), 41, Some(41), at(began, 60)).is_some());
        let mut watchdog = Watchdog::default();
        assert!(watchdog.stuck(&awaited(5, 40), 41, Some(41), began).is_none());
        assert!(watchdog.stuck(&awaited(5, 40), 42, Some(41), at(began, 30)).is_some(), "it has moved on");
    }
}
