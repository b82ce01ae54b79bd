//! The executor over the real file log with real keys: races, repeats, restarts. What each test proves it reads from
//! the log itself, event by event.

mod keys;
mod support;

mod conversations;
mod graph;
mod handles;
mod repeats;
mod restart;
mod stale;
mod streams;
