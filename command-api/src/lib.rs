//! Commands over HTTP: a request becomes a command, the command is decided on the log's state, its events are appended,
//! and the answer says where they stand. What was acknowledged is durable; what was refused left no trace.
//!
//! Reading order: [`routes`] (every path in one list), [`execute`] (load, decide, append, retry), `states` (the cached
//! states of streams), `answer` (outcomes and refusals as HTTP), `asking` (what a request says about itself), `clock` (the
//! time of the log), [`quotas`] (how much one person may make); [`media`] and [`sweep`] (uploads, and what is left of those
//! that came to nothing).

mod answer;
mod asking;
mod clock;
pub mod execute;
pub mod media;
mod params;
pub mod quotas;
pub mod routes;
mod states;
pub mod sweep;
mod turns;

pub use execute::{CommandError, Context, Executor, ExecutorOptions, Outcome, scoped_command_id};
pub use media::{Media, MediaOptions};
pub use quotas::{QuotaOptions, Quotas};
pub use routes::{ClientEventLimits, CommandOptions, CommandState, openapi, router};
