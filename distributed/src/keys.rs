//! The keys that seal personal data, kept in PostgreSQL for all processes.
//!
//! * Each subject has random keys, made together, stored wrapped under the master key, which every process is given and
//!   the database never sees. A key that was returned is committed.
//! * A destroyed subject leaves a tombstone; no key is ever made for them again.
//! * Keys are kept in memory for as long as this process hears what the others destroy. A destruction notifies them in its
//!   own transaction: they forget the keys about a millisecond after it. When the connection that hears is lost, all
//!   keys are forgotten, and none is kept until it is back. Should it hang without being lost, a key is still forgotten
//!   `cached_ms_max` after it was read: that is the longest for which another process may use a destroyed key.
//! * What has been destroyed is gone from the table at once, from its pages once the server has vacuumed them, and from
//!   the server's write-ahead log and backups when these expire.

mod keyring;
mod store;
mod worker;

pub use keyring::{PostgresKeyring, PostgresKeyringError, PostgresKeyringOptions};
