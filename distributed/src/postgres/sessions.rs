//! Closes pooled sessions that cannot do their work any more, so that the pool opens others.
//!
//! * A session keeps what the server decided when it began: read-only by default, or of a primary that is a standby now. The
//!   statement fails, the connection is sound, and the pool would hand it out again for as long as it lives.
//! * Every failed statement of this crate passes [`observe`]. One that shows such a session condemns all sessions that this
//!   process opened before it. A pool closes a condemned session instead of handing it out; the next one is as the server is now.
//! * A read-only session is good enough for reading: the pools of readers keep theirs.
//! * Bounded: sessions are condemned at most once in [`CONDEMN_INTERVAL`], however many statements fail.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, Error};

use super::error::description;

/// A connection that was in use so recently is handed out without a check whether it lives.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// While the server stays read-only, each new session is read-only too, and would be closed by the next failure.
const CONDEMN_INTERVAL: Duration = Duration::from_secs(1);

const CLOSED: &str = "postgres_sessions_closed_total";

/// Statements that the sessions of a pool have to be able to carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reading,
    Writing,
}

/// What a failure says about sessions that are as old as the one that it happened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    /// They cannot write.
    ForWriting,
    /// They are lost, or hold statements that the server does not carry out any more.
    Entirely,
}

/// Sessions that were opened before these moments are closed. For the whole process: all its pools are of one server.
struct Condemned {
    for_writing: Option<Instant>,
    entirely: Option<Instant>,
}

static CONDEMNED: Mutex<Condemned> = Mutex::new(Condemned { for_writing: None, entirely: None });

impl Condemned {
    fn moment(&mut self, unusable: Unusable) -> &mut Option<Instant> {
        match unusable {
            Unusable::ForWriting => &mut self.for_writing,
            Unusable::Entirely => &mut self.entirely,
        }
    }

    /// Whether a session of this age is to be closed.
    fn holds(&self, purpose: Purpose, age: Duration) -> bool {
        let is_older = |moment: Option<Instant>| moment.is_some_and(|at| at.elapsed() < age);
        is_older(self.entirely) || (purpose == Purpose::Writing && is_older(self.for_writing))
    }
}

/// Looks at why a statement failed, and condemns the sessions for which it would fail again.
pub(crate) fn observe(error: &Error) {
    if let Some(unusable) = unusable(error) {
        condemn(unusable, || description(error));
    }
}

/// Condemns sessions after one was found to be read-only without an error.
pub(crate) fn found_read_only() {
    condemn(Unusable::ForWriting, || "the session is read-only".to_owned());
}

fn condemn(unusable: Unusable, problem: impl FnOnce() -> String) {
    let mut condemned = CONDEMNED.lock();
    let moment = condemned.moment(unusable);
    if moment.is_some_and(|at| at.elapsed() < CONDEMN_INTERVAL) {
        return;
    }
    *moment = Some(Instant::now());
    drop(condemned);
    tracing::warn!(problem = problem(), "sessions of PostgreSQL are closed and opened again");
}

fn unusable(error: &Error) -> Option<Unusable> {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error {
        Error::Io(error) => {
            let lost = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
            lost.contains(&error.kind()).then_some(Unusable::Entirely)
        }
        Error::Database(refusal) => match refusal.code()?.as_ref() {
            // read_only_sql_transaction; a standby answers the same.
            "25006" => Some(Unusable::ForWriting),
            // admin_shutdown, crash_shutdown, cannot_connect_now; prepared statements that are gone
            // (invalid_sql_statement_name), or stale (feature_not_supported: "cached plan must not change result type").
            "57P01" | "57P02" | "57P03" | "26000" | "0A000" => Some(Unusable::Entirely),
            code if code.starts_with("08") => Some(Unusable::Entirely),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the same statement may succeed on a new session only.
pub(crate) fn needs_new_session(error: &Error) -> bool {
    unusable(error).is_some()
}

/// A pool that hands out sessions which live and are not condemned.
pub(crate) fn pool(purpose: Purpose) -> PgPoolOptions {
    // One that was in use a moment ago is trusted; a check first would double every statement.
    PgPoolOptions::new().test_before_acquire(false).before_acquire(move |connection, about| {
        Box::pin(async move {
            if CONDEMNED.lock().holds(purpose, about.age) {
                metrics::counter!(CLOSED).increment(1);
                return Ok(false);
            }
            Ok(about.idle_for < TRUSTED_IDLE || connection.ping().await.is_ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Duration = Duration::from_secs(60);

    #[test]
    fn sessions_opened_before_the_failure_are_closed_and_later_ones_kept() {
        let condemned = Condemned { for_writing: Some(Instant::now()), entirely: None };
        assert!(condemned.holds(Purpose::Writing, OLD));
        assert!(!condemned.holds(Purpose::Writing, Duration::ZERO));
        assert!(!condemned.holds(Purpose::Reading, OLD), "a reader may use a read-only session");
        let condemned = Condemned { for_writing: None, entirely: Some(Instant::now()) };
        assert!(condemned.holds(Purpose::Reading, OLD));
        assert!(!Condemned { for_writing: None, entirely: None }.holds(Purpose::Writing, OLD));
    }

    #[test]
    fn lost_connections_need_a_new_session_and_busy_pools_do_not() {
        let io = |kind: std::io::ErrorKind| Error::Io(kind.into());
        assert_eq!(unusable(&io(std::io::ErrorKind::ConnectionReset)), Some(Unusable::Entirely));
        assert_eq!(unusable(&io(std::io::ErrorKind::ConnectionRefused)), None);
        assert_eq!(unusable(&Error::PoolTimedOut), None);
        assert_eq!(unusable(&Error::RowNotFound), None);
    }
}
