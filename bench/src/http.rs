//! Commands and reads over HTTP, beside a bare axum server in the same run. Server and load share the machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::community::{Community, Size};
use crate::table::Table;
use load::{Outcome, Pace, Requests};
use server::{Server, nova_program};
use wire::{Connection, request};

pub(crate) mod bare;
pub(crate) mod load;
pub(crate) mod server;
pub(crate) mod wire;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 64)]
    connections: u64,
    /// Length of one run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// People who read and like.
    #[arg(long, default_value_t = 1_000)]
    viewers: u64,
    /// People that every viewer follows.
    #[arg(long, default_value_t = 1_000)]
    followees: u64,
    #[arg(long, default_value_t = 10_000)]
    posts: u64,
    /// Where to keep the data instead of a temporary folder.
    #[arg(long)]
    data: Option<PathBuf>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let nova = nova_program()?;
    let temporary = tempfile::tempdir()?;
    let data = arguments.data.clone().unwrap_or_else(|| temporary.path().join("data"));
    let data_text = data.to_str().context("the data folder's name is not UTF-8")?;
    let serve = ["--data", data_text, "--listen", "127.0.0.1:0", "serve"];
    let mut table = Table::new();

    let server = Server::start(&nova, &serve).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    idle(&server, "empty data folder", &mut table).await?;
    table.row("ready to serve", "empty data folder", "ms", &[server.ready_after.as_secs_f64() * 1000.0]);
    let size = Size {
        viewers: arguments.viewers,
        followees: arguments.followees,
        posts: arguments.posts,
        connections: arguments.connections,
    };
    let community = Community::seed(&server, &data, &size).await?;
    measure(&server, &community, arguments, &mut table).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    idle(&server, "after the runs", &mut table).await?;
    server.kill().await?;
    let server = Server::start(&nova, &serve).await?;
    let events = events_in_log(&server).await?;
    let setting = format!("{events} events in the log, after kill -9");
    table.row("ready to serve", &setting, "ms", &[server.ready_after.as_secs_f64() * 1000.0]);
    server.kill().await?;
    table.print();
    Ok(())
}

async fn measure(
    server: &Server,
    community: &Community,
    arguments: &Arguments,
    table: &mut Table,
) -> anyhow::Result<()> {
    let community = Arc::new((community.viewer_tokens.clone(), community.posts.clone()));
    let counter = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let likes: Requests = {
        let community = Arc::clone(&community);
        Arc::new(move |_| {
            // Each request likes a post that its viewer has not liked yet, over all runs.
            let n = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let (tokens, posts) = &*community;
            let viewer = n as usize % tokens.len();
            let post = posts[(n as usize / tokens.len() * 7 + viewer) % posts.len()];
            request("PUT", &format!("/api/v1/posts/{post}/like"), &tokens[viewer], None)
        })
    };
    let read = |path: &'static str| -> Requests {
        let community = Arc::clone(&community);
        Arc::new(move |n| request("GET", path, &community.0[n as usize % community.0.len()], None))
    };
    let (timeline, feed) = (read("/api/v1/timeline?limit=20"), read("/api/v1/feed?limit=20"));

    let mut probe = Connection::open(&server.address).await?;
    let page_bytes = probe.ask(&timeline(0)).await?.1.len();
    drop(probe);
    let bare_path = std::env::current_exe()?;
    for (what, bytes) in [("bare axum, tiny answer", 80), ("bare axum, bytes of a timeline page", page_bytes)]
    {
        let bare = Server::start(&bare_path, &["bare-http", "--bytes", &bytes.to_string()]).await?;
        series(&bare.address, what, &timeline, arguments, &[], table).await?;
    }
    series(&server.address, "home timeline, page of 20", &timeline, arguments, &[12_000], table).await?;
    series(&server.address, "ranked feed, page of 20", &feed, arguments, &[8_000], table).await?;
    series(&server.address, "like a post (durable)", &likes, arguments, &[15_000, 30_000], table).await?;
    Ok(())
}

/// The peak rate with a closed loop, then the latencies at given rates with an open one.
async fn series(
    address: &str,
    what: &str,
    requests: &Requests,
    arguments: &Arguments,
    rates: &[u64],
    table: &mut Table,
) -> anyhow::Result<()> {
    let connections = arguments.connections;
    let (warm_up, duration) = (Duration::from_secs(2), Duration::from_secs(arguments.seconds));
    load::run(address, connections, Pace::Closed, warm_up, Arc::clone(requests)).await?;
    for pace in std::iter::once(Pace::Closed).chain(rates.iter().map(|rate| Pace::Open(*rate))) {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for _ in 0..arguments.runs {
            outcomes.push(load::run(address, connections, pace, duration, Arc::clone(requests)).await?);
        }
        let failed: u64 = outcomes.iter().map(|outcome| outcome.failed).sum();
        if failed > 0 {
            bail!("{what}: {failed} requests failed");
        }
        let setting = match pace {
            Pace::Closed => format!("{connections} connections, closed loop"),
            Pace::Open(rate) => format!("{connections} connections, {rate}/s due"),
        };
        let all = |figure: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(figure).collect::<Vec<_>>();
        table.row(what, &setting, "requests/s", &all(&|outcome| outcome.per_second));
        table.row(what, &format!("{setting}, p50"), "ms", &all(&|outcome| outcome.ms(50.0)));
        table.row(what, &format!("{setting}, p99"), "ms", &all(&|outcome| outcome.ms(99.0)));
    }
    Ok(())
}

async fn idle(server: &Server, when: &str, table: &mut Table) -> anyhow::Result<()> {
    let (before, _) = server.usage()?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (after, resident) = server.usage()?;
    let busy = (after - before).as_secs_f64() / 10.0 * 100.0;
    table.row("idle", &format!("{when}, 10 s without requests"), "% of a core", &[busy]);
    table.row("resident memory", when, "MB", &[resident as f64 / 1e6]);
    Ok(())
}

/// The head of the log.
async fn events_in_log(server: &Server) -> anyhow::Result<u64> {
    let mut connection = Connection::open(&server.address).await?;
    let (_, health) = connection.ask(&request("GET", "/health/ready", "", None)).await?;
    let health: serde_json::Value = serde_json::from_slice(health)?;
    health["head"].as_u64().context("no head in /health/ready")
}
