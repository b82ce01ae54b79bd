//! See the library.

use std::process::ExitCode;

use clap::Parser as _;

/// Many small allocations on two threads or more: the system's allocator is what shows first in a profile.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    nova::commands::run(nova::cli::Cli::parse())
}
