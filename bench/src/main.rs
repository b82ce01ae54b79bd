//! Measures, and prints Markdown tables with the setting beside every figure: minimum / median / maximum of the runs.

use clap::{Parser, Subcommand};

mod breaker;
mod community;
mod cores;
mod history;
mod http;
mod layer;
mod live;
mod log;
mod overload;
mod processor;
mod replay;
#[cfg(feature = "distributed")]
mod servers;
mod setting;
mod table;
mod views;

#[derive(Parser)]
#[command(name = "bench", about = "Measures Nova, beside its peers and the limits of the machine")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The embedded event log, in process.
    Log(log::Arguments),
    /// One call through a circuit breaker, in process, beside a peer's.
    Breaker(breaker::Arguments),
    /// Commands and reads over HTTP, against the `nova` program beside this one.
    Http(http::Arguments),
    /// What the layer around every request costs, with the adaptive limit and without.
    Layer(layer::Arguments),
    /// Messages over WebSockets: delivery, idle connections, everybody back at once; beside Centrifugo.
    Live(live::Arguments),
    /// Several times more requests than can be answered, over HTTP: what becomes of those that are.
    Overload(overload::Arguments),
    /// A log replayed into all embedded views.
    Replay(replay::Arguments),
    /// Questions to the embedded views, in process: ranking, pages of the feed and of timelines.
    Views(views::Arguments),
    /// The distributed profile on real servers: appends, relay, views, rankings, fan-out.
    #[cfg(feature = "distributed")]
    Servers(servers::Arguments),
    /// A server that answers given bytes. Used by `http`.
    #[command(hide = true)]
    BareHttp(http::bare::Arguments),
    /// Fills a log, says so, and waits to be killed. Used by `log`.
    #[command(hide = true)]
    FillLog(log::fill::Arguments),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.what {
            What::Log(arguments) => log::run(&arguments).await,
            What::Breaker(arguments) => breaker::run(&arguments).await,
            What::Http(arguments) => http::run(&arguments).await,
            What::Layer(arguments) => layer::run(&arguments).await,
            What::Live(arguments) => live::run(&arguments).await,
            What::Overload(arguments) => overload::run(&arguments).await,
            What::Replay(arguments) => replay::run(&arguments).await,
            What::Views(arguments) => views::run(&arguments).await,
            #[cfg(feature = "distributed")]
            What::Servers(arguments) => servers::run(&arguments).await,
            What::BareHttp(arguments) => http::bare::run(&arguments).await,
            What::FillLog(arguments) => log::fill::run(&arguments).await,
        }
    })
}
