//! What can go wrong with the store.

use std::time::Duration;

use nova_resilience::{GuardError, Verdict};
use object_store::Error;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// The store does not answer, or not in time. Nothing is known about what was asked.
    #[error("the media store is not available: {why}")]
    Unavailable { why: String, retry_after: Duration },
}

const RETRY_AFTER: Duration = Duration::from_secs(2);

impl StoreError {
    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into(), retry_after: RETRY_AFTER }
    }
}

pub(crate) fn judge(error: &Error) -> Verdict {
    match error {
        Error::NotFound { .. } => Verdict::Fine,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Verdict::Failed("denied"),
        _ => Verdict::Failed("unavailable"),
    }
}

impl From<GuardError<Error>> for StoreError {
    fn from(error: GuardError<Error>) -> Self {
        match error {
            GuardError::Failed(Error::NotFound { .. }) => Self::Missing,
            // The first line says what; behind it can stand what the server answered.
            GuardError::Failed(error) => Self::unavailable(first_line(&error.to_string())),
            GuardError::Open { retry_after } => {
                Self::Unavailable { why: "its breaker is open".to_owned(), retry_after }
            }
            GuardError::Full => Self::unavailable("as many calls as may be are under way"),
            GuardError::TimedOut { after } => {
                Self::unavailable(format!("no answer within {} ms", after.as_millis()))
            }
            GuardError::DeadlinePassed => Self::unavailable("the time of the request is over"),
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
