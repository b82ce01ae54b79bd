//! Which records in Kafka are of the history that the log holds now.
//!
//! A log that is restored, or that fails over with losses, has other events where Kafka still has those that were lost. So each
//! session of a relay notes in PostgreSQL where it begins, and names itself in every record. A session goes on from the cursor of
//! the one before: what that one published beyond is published again. Hence
//! * a record beyond the place where a later session begins does not count: either it comes again, or it was lost;
//! * a session that PostgreSQL does not know is of a history that it lost, or long over;
//! * a reader that meets a session for the first time knows that what it has read may be lost, and looks whether it is
//!   (`feed::follow`).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nova_eventlog::{EventLog, EventMark, Page};
use parking_lot::RwLock;
use sqlx::postgres::PgPool;
use tokio::sync::watch;

use super::session::End;
use super::store::unsigned;
use crate::postgres::sql_problem;

/// Sessions that are remembered at least, whatever their age: a relay that cannot reach Kafka begins one every few seconds.
const REMEMBERED: i64 = 1_000;
/// Days for which every session is remembered. What older ones published is read from the log.
const REMEMBERED_DAYS: i32 = 8;
/// One look. A pool that is full is waited for.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// Whether a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    Counts,
    /// A later session publishes its position again, or has.
    Superseded,
    /// PostgreSQL does not know its session, as far as was looked.
    Unknown,
}

/// The sessions that PostgreSQL knows, as they were seen last.
#[derive(Debug)]
pub struct Sessions {
    pool: Option<PgPool>,
    known: RwLock<Known>,
    /// When the last look began that succeeded.
    looked: tokio::sync::Mutex<Option<Instant>>,
    /// Why what this process has read is of another history.
    lost: watch::Sender<Option<String>>,
}

/// Up to where the records of each session count: the lowest beginning of a later one.
#[derive(Debug, Default)]
struct Known {
    counts_to: HashMap<i64, u64>,
    /// The same for records that name no session: none did before the first one that is known.
    nameless_to: Option<u64>,
}

impl Sessions {
    pub fn new(pool: PgPool) -> Self {
        Self { pool: Some(pool), ..Self::none() }
    }

    /// Without PostgreSQL: every record counts that names no session.
    pub fn none() -> Self {
        Self {
            pool: None,
            known: RwLock::default(),
            looked: tokio::sync::Mutex::default(),
            lost: watch::Sender::default(),
        }
    }

    /// Looks, unless somebody else has since this was called.
    pub async fn look(&self) -> Result<(), String> {
        let asked = Instant::now();
        let Some(pool) = &self.pool else { return Ok(()) };
        let look = async {
            let mut looked = self.looked.lock().await;
            if looked.is_some_and(|began| began >= asked) {
                return Ok(());
            }
            let began = Instant::now();
            let known = load(pool).await.map_err(|error| format!("PostgreSQL: {}", sql_problem(&error)))?;
            *self.known.write() = known;
            *looked = Some(began);
            Ok(())
        };
        let too_long = |_| Err(format!("PostgreSQL: no answer within {LOOK_MAX:?}"));
        tokio::time::timeout(LOOK_MAX, look).await.unwrap_or_else(too_long)
    }

    pub(crate) fn knows(&self, session: i64) -> bool {
        self.known.read().counts_to.contains_key(&session)
    }

    /// Whether a record of this session counts, at this position.
    pub fn validity(&self, session: Option<i64>, position: u64) -> Validity {
        let known = self.known.read();
        let counts_to = match session {
            Some(session) => known.counts_to.get(&session).copied(),
            // Beyond it a relay of an earlier version leads again, or had led on in a history that is lost.
            None => Some(known.nameless_to.unwrap_or(u64::MAX)).filter(|to| position <= *to),
        };
        match counts_to {
            Some(counts_to) if position <= counts_to => Validity::Counts,
            Some(_) => Validity::Superseded,
            None => Validity::Unknown,
        }
    }

    /// What this process has read is not in the log any more.
    pub(crate) fn found_lost(&self, how: String) {
        self.lost.send_replace(Some(how));
    }

    /// Returns when something that this process has read from Kafka is not in the log any more, and says what.
    pub async fn is_lost(&self) -> String {
        let mut lost = self.lost.subscribe();
        // The sender is in `self`.
        let how = lost.wait_for(Option::is_some).await.ok().and_then(|how| how.clone());
        how.unwrap_or_default()
    }
}

async fn load(pool: &PgPool) -> Result<Known, sqlx::Error> {
    let sql = "SELECT session, begins_at FROM nova.outbox_sessions ORDER BY number DESC";
    let sessions: Vec<(i64, i64)> = sqlx::query_as(sql).fetch_all(pool).await?;
    Ok(Known::of(&sessions))
}

impl Known {
    fn of(newest_first: &[(i64, i64)]) -> Self {
        let mut known = Self::default();
        let mut counts_to = u64::MAX;
        for (session, begins_at) in newest_first {
            known.counts_to.insert(*session, counts_to);
            // A log that was restored has the relay begin before where the session before it began.
            counts_to = counts_to.min(unsigned(*begins_at));
            known.nameless_to = Some(counts_to);
        }
        known
    }
}

/// Begins a session under the epoch that holds: only it can move the cursor from now on. Returns the cursor; `None`: another relay
/// leads.
pub(super) async fn begin(pool: &PgPool, epoch: i64, session: i64) -> Result<Option<u64>, sqlx::Error> {
    // In one statement: what the session before it was about to move the cursor by comes before, or not at all.
    let sql = "WITH begun AS (UPDATE nova.outbox SET session = $2 WHERE epoch = $1 RETURNING position)
               INSERT INTO nova.outbox_sessions (session, begins_at) SELECT $2, position FROM begun RETURNING begins_at";
    let begins_at: Option<i64> =
        sqlx::query_scalar(sql).bind(epoch).bind(session).fetch_optional(pool).await?;
    let Some(begins_at) = begins_at else { return Ok(None) };
    // The first one says which records name no session.
    let sql = "DELETE FROM nova.outbox_sessions
               WHERE number <= (SELECT max(number) FROM nova.outbox_sessions) - $1
                 AND number > (SELECT min(number) FROM nova.outbox_sessions)
                 AND begun_at < clock_timestamp() - make_interval(days => $2)";
    if let Err(error) = sqlx::query(sql).bind(REMEMBERED).bind(REMEMBERED_DAYS).execute(pool).await {
        tracing::warn!(error = %sql_problem(&error), "cannot forget sessions of the relay that are long over");
    }
    Ok(Some(unsigned(begins_at)))
}

/// Of the event up to which the outbox is published; none at 0.
pub(super) async fn mark_at_cursor(log: &dyn EventLog, cursor: u64) -> Result<Option<EventMark>, String> {
    if cursor == 0 {
        return Ok(None);
    }
    let (mark, _) = log.mark_at(cursor).await.map_err(|error| error.to_string())?;
    let missing = || format!("the log has no event at {cursor}, up to where the outbox is published");
    mark.map(Some).ok_or_else(missing)
}

/// Takes the event off that a page begins with, if it is the one that is known.
pub(super) fn takes_known(page: &mut Page, known: EventMark) -> bool {
    let first = (!page.events.is_empty()).then(|| page.events.remove(0));
    first.is_some_and(|event| event.mark() == known)
}

/// The end of a session whose published events are lost. The next one begins at the cursor.
pub(super) fn other_history(position: u64) -> End {
    End::Failed(format!("the log has another event than the one that was published at {position}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_counts_to_where_a_later_one_begins() {
        // The log was restored before the last one began.
        let known = Known::of(&[(4, 100), (3, 120), (2, 110), (1, 0)]);
        assert_eq!([1, 2, 3, 4].map(|session| known.counts_to[&session]), [100, 100, 100, u64::MAX]);
        assert_eq!(known.nameless_to, Some(0));
    }

    #[test]
    fn records_without_a_session_count_to_the_first_one() {
        let sessions = Sessions::none();
        *sessions.known.write() = Known::of(&[(2, 110), (1, 100)]);
        let nameless = |position| sessions.validity(None, position);
        assert_eq!([nameless(100), nameless(101)], [Validity::Counts, Validity::Unknown]);
    }

    #[tokio::test]
    async fn without_postgresql_records_without_a_session_count() {
        let sessions = Sessions::none();
        sessions.look().await.unwrap();
        assert_eq!(sessions.validity(None, 7), Validity::Counts);
        assert_eq!(sessions.validity(Some(1), 7), Validity::Unknown);
    }

    #[tokio::test]
    async fn what_is_found_lost_is_said() {
        let sessions = Sessions::none();
        sessions.found_lost("so".to_owned());
        assert_eq!(sessions.is_lost().await, "so");
    }
}
