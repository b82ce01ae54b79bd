//! What the command line asks for.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Cli, Command, Global};
use crate::config::{Config, Overrides, Store};
use crate::profile::Roles;
use crate::{permissions, telemetry};

mod bar;
mod client_events;
mod dead_letters;
mod demo;
mod import;
mod log;
mod media;
mod migrate;
mod openapi;
mod operator;
mod outbox;
mod projections;
mod serve;
mod token;

/// How the program ends. Documented in `nova --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// The import went through, but some lines were bad.
    BadLines,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Done => 0,
            End::Failed => 1,
            End::Usage => 2,
            End::BadLines => 3,
        })
    }
}

/// Does what was asked for.
pub fn run(cli: Cli) -> ExitCode {
    permissions::restrict_umask();
    let config = match load(&cli.global) {
        Ok(config) => config,
        Err(error) => return fail(End::Usage, &error),
    };
    match telemetry::init(&config.telemetry).and_then(|()| dispatch(cli, config)) {
        Ok(end) => end.into(),
        Err(error) => fail(End::Failed, &error),
    }
}

fn load(global: &Global) -> anyhow::Result<Config> {
    let overrides = Overrides { data: global.data.clone(), listen: global.listen };
    Config::load(global.config.as_deref(), &overrides)
}

fn fail(end: End, error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        // Whoever read our output has enough, such as `head`.
        return End::Done.into();
    }
    eprintln!("nova: {error:#}");
    end.into()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    })
}

fn dispatch(cli: Cli, mut config: Config) -> anyhow::Result<End> {
    match cli.command {
        Command::Config => {
            print(&config.shown()?)?;
            Ok(End::Done)
        }
        Command::Token { user, role, ttl } => {
            token::run(config, cli.global.data.is_some(), user, role.into(), ttl)
        }
        Command::Log(command) => wait_for(log::run(config, command)),
        Command::Serve => wait_for(serve::run(config, Roles::ALL)),
        Command::CommandApi => wait_for(serve::run(config, Roles::COMMANDS)),
        Command::QueryApi { allow_degraded_start } => {
            config.queries.degraded_start |= allow_degraded_start;
            wait_for(serve::run(config, Roles::QUERIES))
        }
        Command::Projectors { store } => {
            let stores: Vec<Store> = store.into_iter().map(Store::from).collect();
            if !stores.is_empty() {
                config.projectors.stores = stores;
            }
            wait_for(serve::run(config, Roles::PROJECTORS))
        }
        Command::Relay => wait_for(serve::run(config, Roles::RELAY)),
        Command::ClientEvents => wait_for(client_events::run(&config)),
        Command::Outbox(command) => wait_for(outbox::run(config, command)),
        Command::Media(command) => wait_for(media::run(config, command)),
        Command::Demo { people } => wait_for(demo::run(config, cli.global.data.is_some(), people)),
        Command::Import(command) => wait_for(import::run(config, command)),
        Command::Projections(command) => wait_for(projections::run(config, command)),
        Command::DeadLetters(command) => wait_for(dead_letters::run(config, command)),
        Command::Migrate => wait_for(migrate::run(config)),
        Command::Openapi => openapi::run(&config),
    }
}

fn wait_for(work: impl Future<Output = anyhow::Result<End>>) -> anyhow::Result<End> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the runtime cannot be started")?;
    let end = runtime.block_on(work);
    // Whatever still runs beside has no result that anyone waits for.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    end
}

/// Prints results. `println!` would panic when nobody reads them any more.
fn print(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}
