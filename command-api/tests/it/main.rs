//! The executor over the real file log with real keys: races, repeats, restarts. What each test proves it reads from
//! the log itself, event by event.
#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod keys;
mod support;

mod clock;
mod conversations;
mod graph;
mod handles;
mod repeats;
mod restart;
mod stale;
mod streams;
