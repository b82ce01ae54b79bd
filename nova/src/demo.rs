//! The demo: a community of a few hundred people, made from a fixed seed, so that it is the same everywhere but for its
//! times, which end now. Everything in it is a command that someone could have sent.
//!
//! * `dice` is the only source of chance, `topics` the only source of words.
//! * `plan` is what happens; `play` has it happen, through the executor. Command ids are hashes of names, so a
//!   second start (also after one that was cut short) adds nothing that is there.
//! * Its people act through the executor, without requests, so quotas and rate limits do not hold for them. They do for visitors.

pub mod announce;
pub(crate) mod dice;
pub(crate) mod people;
pub mod plan;
pub mod play;
mod talk;
pub(crate) mod topics;
pub(crate) mod words;

pub use plan::{Plan, Size};
pub use play::{Played, play, play_at};
