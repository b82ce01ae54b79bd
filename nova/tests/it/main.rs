//! The whole product, over HTTP, as a client sees it. Each story boots a product of its own in a folder of its own.

mod bad_input;
mod cli;
mod client;
mod conversations;
mod feed;
mod idempotency;
mod import;
mod live;
mod people;
mod posts;
mod process;
mod real_data;
mod shutdown;
mod system;
mod tokens;
mod world;
