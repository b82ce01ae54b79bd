//! Whether the log is still the one that it was: a database that was restored, or failed over with losses, has other events at
//! positions that this process knows, or none.
//!
//! What is lost is the end of a history, and it may be short. So whenever this process reads or appends an event that is further
//! than all before, it is noted, and looked for again: those since the last look, and always the latest before.

use std::collections::HashSet;
use std::time::Duration;

use nova_eventlog::{EventMark, LogError};
use parking_lot::Mutex;
use sqlx::postgres::PgPool;
use tokio::sync::Notify;
use uuid::Uuid;

use super::read::Reader;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// One look. A pool that is full is waited for.
const LOOK_MAX: Duration = Duration::from_secs(5);

// The first that is not there any more. A standby shows less than there is.
const LOST: &str = "SELECT known.position, event.event_id IS NOT NULL, pg_is_in_recovery(), \
            coalesce((SELECT position FROM nova.head), 0) \
     FROM unnest($1::bigint[], $2::uuid[], $3::bigint[]) AS known (position, event_id, recorded_at) \
     LEFT JOIN nova.events AS event ON event.position = known.position \
     WHERE event.event_id IS DISTINCT FROM known.event_id OR event.recorded_at <> known.recorded_at \
     ORDER BY known.position LIMIT 1";

/// An event that the log has, or had: where, which, and when it was recorded, if that was said.
type Known = (u64, Uuid, Option<u64>);

/// Events that the log had when it named them to this process, in the order that it did.
#[derive(Debug, Default)]
pub(super) struct Seen {
    noted: Mutex<Noted>,
    half_full: Notify,
}

#[derive(Debug, Default)]
struct Noted {
    /// The highest that was there at the last look.
    highest: Option<Known>,
    since: Vec<Known>,
}

impl Seen {
    /// Usually enough for what is named between two looks. With more, every second one is forgotten.
    const MAX: usize = 1_024;

    pub(super) fn saw(&self, mark: Option<EventMark>) {
        if let Some(mark) = mark {
            self.note((mark.position, mark.event_id, Some(mark.recorded_at_ms)));
        }
    }

    /// The event was appended; when it was recorded is not said.
    pub(super) fn appended(&self, position: u64, event: Uuid) {
        self.note((position, event, None));
    }

    fn note(&self, one: Known) {
        let mut noted = self.noted.lock();
        let latest = noted.since.last().or(noted.highest.as_ref());
        // Where an event is lost, those behind it are. Without a time it says less than the same event with one.
        let says_more = |latest: &Known| {
            let more_of_it = one != *latest && (one.1 != latest.1 || one.2.is_some());
            one.0 > latest.0 || (one.0 == latest.0 && more_of_it)
        };
        if !latest.is_none_or(says_more) {
            return;
        }
        if noted.since.len() >= Self::MAX {
            let mut number = 0;
            noted.since.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        noted.since.push(one);
        if noted.since.len() == Self::MAX / 2 {
            self.half_full.notify_one();
        }
    }

    /// Returns when an event that was seen is not in the log any more, and says which.
    pub(super) async fn is_lost(&self, reader: &Reader) -> String {
        loop {
            // A log that does not answer is the same as long as nothing else is known.
            match tokio::time::timeout(LOOK_MAX, self.look(reader)).await {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(lost))) => return lost,
                Ok(Err(_)) | Err(_) => tracing::debug!("cannot see whether the log is still the same"),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = self.half_full.notified() => {}
            }
        }
    }

    /// Looks for what was seen, then where the head is: what others append is noted too.
    async fn look(&self, reader: &Reader) -> Result<Option<String>, LogError> {
        let lost = self.look_for(&reader.pool).await;
        let lost = lost.map_err(|error| LogError::Unavailable(crate::postgres::sql_problem(&error)))?;
        if lost.is_none() {
            reader.head().await?;
        }
        Ok(lost)
    }

    async fn look_for(&self, pool: &PgPool) -> Result<Option<String>, sqlx::Error> {
        let known: Vec<Known> = {
            let noted = self.noted.lock();
            noted.highest.iter().chain(&noted.since).copied().collect()
        };
        let Some(highest) = known.last().copied() else { return Ok(None) };
        let positions: Vec<i64> = known.iter().map(|(position, ..)| position.cast_signed()).collect();
        let events: Vec<Uuid> = known.iter().map(|(_, event, _)| *event).collect();
        let times: Vec<Option<i64>> = known.iter().map(|(.., time)| time.map(u64::cast_signed)).collect();
        let lost: Option<(i64, bool, bool, i64)> =
            sqlx::query_as(LOST).bind(positions).bind(events).bind(times).fetch_optional(pool).await?;
        match lost {
            // As if it had not answered.
            Some((_, false, true, _)) => Ok(None),
            Some((position, true, _, head)) => {
                Ok(Some(changed(position.cast_unsigned(), true, head.cast_unsigned())))
            }
            Some((_, false, false, head)) => Ok(Some(changed(highest.0, false, head.cast_unsigned()))),
            None => {
                // The next look is for events that were seen during this one.
                let looked_for: HashSet<Known> = known.into_iter().collect();
                let mut noted = self.noted.lock();
                noted.highest = Some(highest);
                noted.since.retain(|one| !looked_for.contains(one));
                Ok(None)
            }
        }
    }
}

/// How a log has changed that had an event at `position`.
pub(crate) fn changed(position: u64, is_other: bool, head: u64) -> String {
    if is_other {
        format!("it has another event at position {position}")
    } else if position > head {
        format!("it ends at position {head}, and was at {position}")
    } else {
        format!("it has no event at position {position}, and ends at {head}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(positions: impl IntoIterator<Item = u64>) -> Seen {
        let seen = Seen::default();
        positions.into_iter().for_each(|position| seen.appended(position, Uuid::from_u128(position.into())));
        seen
    }

    #[test]
    fn what_is_seen_is_bounded_and_both_ends_stay() {
        let seen = seen(1..=10_000);
        seen.noted.lock().highest = Some((1, Uuid::nil(), None));
        let noted = seen.noted.lock();
        assert!(noted.since.len() <= Seen::MAX, "{}", noted.since.len());
        assert_eq!((noted.since[0].0, noted.since.last().unwrap().0), (1, 10_000));
    }

    #[test]
    fn one_that_is_named_again_is_noted_once() {
        assert_eq!(seen([7, 7, 7]).noted.lock().since.len(), 1);
    }
}
