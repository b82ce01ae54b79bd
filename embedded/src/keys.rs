//! The keys that seal personal data, kept on this machine.
//!
//! * Each subject has random keys, made together, stored wrapped under the master key. A key that was returned is on
//!   disk.
//! * A destroyed subject leaves a tombstone; no key is ever made for them again.
//! * A key that is missing is an error, never taken for a destroyed one and never made again: see `complete`.
//! * The master key is not with them, unless nobody has given another: see [`load_master_key`].

mod complete;
mod keyring;
mod master;
mod store;
mod worker;

pub use keyring::{KeyringError, LocalKeyring};
pub use master::load_master_key;
