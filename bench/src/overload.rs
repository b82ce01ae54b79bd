//! What more requests than can be answered do to those that are: the `nova` program over HTTP, embedded profile.
//!
//! 1. A closed loop over more and more connections, until goodput stops rising: the peak.
//! 2. A multiple of that, in an open loop whose schedule waits for nobody: goodput, the latency of what was admitted from the
//!    moment each request was due, and what was refused, each refusal checked. Nothing may fail in another way.
//!
//! Both with the adaptive limit and without, each on a copy of the same data. The server has a core of its own, and so has the
//! load, unless that is switched off: a load that takes processor time from its server measures itself.

use std::path::Path;

use anyhow::Context as _;

use crate::community::{Community, Size};
use crate::http::server::{Launch, Server, nova_program};
use crate::setting;
use crate::table::Table;
use client::{Load, Tally};
use mix::Mix;

mod client;
mod mix;
mod tally;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Length of the overload.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Length of each step of the search for the peak.
    #[arg(long, default_value_t = 4)]
    step_seconds: u64,
    /// So many times the peak is offered.
    #[arg(long, default_value_t = 3.0)]
    times: f64,
    /// Connections of the open loop: as many requests may be under way.
    #[arg(long, default_value_t = 4_000)]
    connections: usize,
    /// A request that finds no free connection for so long is given up by its client.
    #[arg(long, default_value_t = 1_000)]
    give_up_ms: u64,
    /// Server and load share all cores, instead of having one each.
    #[arg(long)]
    shared: bool,
    /// Switch the adaptive limit: on, off, or both one after the other.
    #[arg(long, value_delimiter = ',', default_value = "on,off")]
    adaptive: Vec<Switch>,
    /// Settings of the server, such as `http.adaptive_limit_min=64`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    #[arg(long, default_value_t = 300)]
    viewers: u64,
    #[arg(long, default_value_t = 100)]
    followees: u64,
    #[arg(long, default_value_t = 3_000)]
    posts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl Switch {
    pub(crate) fn variable(self) -> (String, String) {
        ("NOVA__HTTP__ADAPTIVE_LIMIT".to_owned(), (self == Self::On).to_string())
    }
}

/// Which core the server has, and which the load, when they do not share.
const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    crate::cores::all_files()?;
    let cores = std::thread::available_parallelism()?.get();
    let apart = !arguments.shared && cores > LOAD_CORE;
    tell_setting(arguments, apart);
    let nova = nova_program()?;
    let temporary = tempfile::tempdir()?;
    let seeded = temporary.path().join("seeded");
    let (community, conversations) = seed(&nova, &seeded, arguments).await?;
    let mut table = Table::new();
    for switch in &arguments.adaptive {
        let data = temporary.path().join(format!("{switch:?}"));
        let copied = tokio::process::Command::new("cp").arg("-r").args([&seeded, &data]).status().await?;
        anyhow::ensure!(copied.success(), "the data could not be copied");
        let mut variables = vec![switch.variable()];
        for setting in &arguments.settings {
            let (key, value) = setting.split_once('=').context("a setting is KEY=VALUE")?;
            variables.push((format!("NOVA__{}", key.replace('.', "__").to_uppercase()), value.to_owned()));
        }
        let core = apart.then_some(SERVER_CORE);
        let launch = Launch { variables, core, log: None };
        let server = Server::launch(&nova, &serve(&data)?, &launch).await?;
        let mix = Mix::new(&community, &conversations);
        measure(&server, *switch, &mix, arguments, apart, &mut table).await?;
        server.stop().await?;
        std::fs::remove_dir_all(&data)?;
    }
    table.print();
    Ok(())
}

fn tell_setting(arguments: &Arguments, apart: bool) {
    let cores = if apart { "server on core 0, load on core 1" } else { "server and load share all cores" };
    setting::print(&[
        ("cores", cores.to_owned()),
        ("requests", mix::WHAT.to_owned()),
        (
            "load",
            format!(
                "{} connections, one thread, {} s, {} times the peak, given up after {} ms without a free connection",
                arguments.connections, arguments.seconds, arguments.times, arguments.give_up_ms
            ),
        ),
        (
            "data",
            format!(
                "{} viewers who follow {} authors, {} posts, one conversation for ten viewers; embedded profile",
                arguments.viewers, arguments.followees, arguments.posts
            ),
        ),
        (
            "server settings",
            if arguments.settings.is_empty() { "default".to_owned() } else { arguments.settings.join(", ") },
        ),
    ]);
}

fn serve(data: &Path) -> anyhow::Result<[&str; 5]> {
    let data = data.to_str().context("the data folder's name is not UTF-8")?;
    Ok(["--data", data, "--listen", "127.0.0.1:0", "serve"])
}

async fn seed(
    nova: &Path,
    data: &Path,
    arguments: &Arguments,
) -> anyhow::Result<(Community, Vec<uuid::Uuid>)> {
    let server = Server::start(nova, &serve(data)?).await?;
    let size = Size {
        viewers: arguments.viewers,
        followees: arguments.followees,
        posts: arguments.posts,
        connections: 64,
    };
    let community = Community::seed(&server, data, &size).await?;
    let conversations = mix::converse(&server.address, &community).await?;
    server.stop().await?;
    Ok((community, conversations))
}

async fn measure(
    server: &Server,
    switch: Switch,
    mix: &Mix,
    arguments: &Arguments,
    apart: bool,
    table: &mut Table,
) -> anyhow::Result<()> {
    let load = Load { address: server.address.clone(), mix: mix.clone(), core: apart.then_some(LOAD_CORE) };
    let limit = format!("adaptive limit {}", if switch == Switch::On { "on" } else { "off" });
    load.closed(64, 3).await?;
    let peak = find_peak(&load, &limit, arguments, table).await?;
    let rate = (peak * arguments.times) as u64;
    let before = server.usage()?;
    let tally = load.open(arguments.connections, rate, arguments.seconds, arguments.give_up_ms).await?;
    let after = server.usage()?;
    let offered = format!("{limit}, {rate}/s offered");
    tell(&tally, &offered, peak, table);
    let busy = (after.0 - before.0).as_secs_f64() / tally.seconds * 100.0;
    table.row("processor time of the server", &offered, "% of a core", &[busy]);
    table.row("resident memory of the server at the end", &offered, "MB", &[after.1 as f64 / 1e6]);
    for wrong in &tally.wrong {
        eprintln!("WRONG ({offered}): {wrong}");
    }
    let again = load.closed(64, arguments.step_seconds).await?;
    table.row("goodput, closed loop right after", &limit, "requests/s", &[again.goodput()]);
    Ok(())
}

/// Doubles the connections until that has not helped twice.
async fn find_peak(
    load: &Load,
    limit: &str,
    arguments: &Arguments,
    table: &mut Table,
) -> anyhow::Result<f64> {
    let (mut peak, mut connections, mut fruitless) = (0.0_f64, 8, 0);
    while fruitless < 2 && connections <= 1024 {
        let tally = load.closed(connections, arguments.step_seconds).await?;
        anyhow::ensure!(tally.wrong.is_empty(), "requests failed without overload: {:?}", tally.wrong);
        let setting = format!("{limit}, {connections} connections, closed loop");
        table.row("goodput", &setting, "requests/s", &[tally.goodput()]);
        table.row("p99", &setting, "ms", &[tally.admitted_ms(99.0)]);
        fruitless = if tally.goodput() > peak * 1.02 { 0 } else { fruitless + 1 };
        peak = peak.max(tally.goodput());
        connections *= 2;
    }
    table.row("peak goodput", limit, "requests/s", &[peak]);
    Ok(peak)
}

fn tell(tally: &Tally, setting: &str, peak: f64, table: &mut Table) {
    let mut row = |what: &str, unit: &str, value: f64| {
        table.row(what, setting, unit, &[value]);
    };
    row("goodput", "requests/s", tally.goodput());
    row("goodput of the peak (target 80)", "%", tally.goodput() / peak * 100.0);
    row("goodput of the peak in the worst second", "%", tally.worst_second() / peak * 100.0);
    row("admitted, from when due, p50", "ms", tally.admitted_ms(50.0));
    row("admitted, from when due, p99", "ms", tally.admitted_ms(99.0));
    row("admitted, from when sent, p50", "ms", tally.answered_ms(50.0));
    row("admitted, from when sent, p99", "ms", tally.answered_ms(99.0));
    row("refused, from when due, p99", "ms", tally.refused_ms(99.0));
    row("due", "requests", tally.due as f64);
    row("admitted", "requests", tally.admitted as f64);
    row("refused with 503, Retry-After and a problem", "requests", tally.refused as f64);
    row("failed in another way, or refused in another form", "requests", tally.failed as f64);
    row("given up by the client: no connection was free", "requests", tally.given_up as f64);
    row("sent more than 10 ms late by the client itself", "requests", tally.client_late as f64);
    row("processor time of the load", "% of a core", tally.client_busy * 100.0);
}
