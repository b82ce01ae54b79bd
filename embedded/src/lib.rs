//! The embedded profile: everything in one process and one folder. Views in SQLite, keys in a local file, over the file
//! log of `nova-eventlog`.
//!
//! Reading order: [`options`], [`embedded`] (what is in the folder), [`keys`], then the views from the outside in:
//! [`views`] (the ports), `store` (one view), `write` (changes to rows), `read` (questions), and what is kept in memory:
//! `epochs`, `caches`, `window`, `recent`. [`client_events`] stands beside all that.

pub mod options;

pub mod embedded;

pub mod health;

pub mod keys;

pub mod client_events;

pub mod views;

mod caches;
mod epochs;
mod file;
mod history;
mod read;
mod readers;
mod recent;
mod sqlite;
mod store;
mod window;
mod write;

pub use client_events::LocalClientEvents;
pub use embedded::{Embedded, OpenError};
pub use keys::{KeyringError, LocalKeyring, load_master_key};
pub use options::{EmbeddedOptions, ViewsOptions};
pub use views::Views;
