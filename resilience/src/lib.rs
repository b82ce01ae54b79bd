//! What keeps Nova answering while something behind it does not. Knows no store: what fails is told to it.
//!
//! Reading order: [`breaker`] (stop asking who does not answer), [`bulkhead`] (how many may ask at once), [`deadline`] (how
//! long there is), [`guard`] (all three around one call), [`adaptive`] (how many are answered at once), [`retry`] (once more, within a budget), [`single_flight`] (asked
//! once for all who ask the same), [`ladder`] (the best source that works), [`health`] (how what Nova depends on is doing).

pub mod breaker;

pub mod bulkhead;

pub mod deadline;

pub mod guard;

pub mod adaptive;

pub mod retry;

pub mod next_flight;

pub mod single_flight;

pub mod ladder;

pub mod health;

pub use adaptive::{AdaptiveLimit, AdaptiveOptions};
pub use breaker::{Breaker, BreakerOptions, BreakerState, BreakerStatus, LastFailure, Permit, Rejected};
pub use bulkhead::{Bulkhead, BulkheadFull, STALLED_AFTER};
pub use deadline::Deadline;
pub use guard::{Guard, GuardError, GuardOptions, Verdict};
pub use health::{Dependency, DependencyHealth, Trouble};
pub use ladder::{Answered, Ladder};
pub use next_flight::NextFlight;
pub use retry::RetryBudget;
pub use single_flight::SingleFlight;
