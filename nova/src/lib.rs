//! The program: it reads the configuration, puts the rooms together ([`compose`]), serves them ([`server`]), and does
//! what the command line asks ([`cli`], [`commands`]).
//!
//! It is a library with a `main` of a few lines, so that tests run the very same product in their own process.

pub mod cli;
mod closed_accounts;
pub mod commands;
pub mod compose;
pub mod config;
pub mod demo;
pub mod document;
pub mod import;
pub mod permissions;
pub mod profile;
pub mod purge;
pub mod server;
mod tasks;
pub mod telemetry;
