//! The whole product, over HTTP, as a client sees it. Each story boots a product of its own in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod at_rest;
mod authorization;
mod bad_input;
mod cli;
mod client;
mod closed_accounts;
mod conversations;
mod crash;
mod document;
mod events;
mod feed;
mod idempotency;
mod import;
mod lag;
mod limits;
mod live;
mod media;
mod messaging;
mod operators;
mod people;
mod posts;
mod process;
mod race;
mod real_data;
mod shutdown;
mod socket;
mod system;
mod tokens;
mod world;
