//! Messages as they happen, over WebSockets: Nova (embedded, and distributed in four processes) and Centrifugo (with Redis,
//! history and recovery) in one run, by one client that speaks both protocols, with the same payload.
//!
//! * `delivery`: messages at a given rate to every member of a conversation. Each client keeps its own record, which says
//!   what was lost, what came twice and what came out of order.
//! * `idle`: what a connection costs that is subscribed and silent.
//! * `reconnect`: every connection is cut, messages are sent meanwhile, everybody comes back at once where they were.
//!
//! Servers and client share the machine's cores. Nova makes every message durable before it accepts it; Centrifugo gives it to
//! Redis.

use std::path::PathBuf;
use std::sync::Arc;

use crate::setting;
use crate::table::Table;
use peer::Peer;

mod centrifugo;
mod client;
mod delivery;
mod idle;
mod nova;
mod peer;
mod protocol;
mod publish;
mod reconnect;
mod record;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_delimiter = ',', default_value = "delivery,idle,reconnect")]
    modes: Vec<Mode>,
    /// `distributed` needs a build with that feature, and servers: eval "$(deploy/local/servers up)". `centrifugo` needs its
    /// program and a redis-server.
    #[arg(long, value_delimiter = ',', default_value = "embedded,centrifugo")]
    peers: Vec<Which>,
    #[arg(long, default_value_t = 100)]
    conversations: usize,
    #[arg(long, default_value_t = 10)]
    members: usize,
    /// Messages a second, all conversations together.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Length of `delivery`.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Bytes of a message's text.
    #[arg(long, default_value_t = 256)]
    payload: usize,
    /// Connections that are idle.
    #[arg(long, default_value_t = 10_000)]
    idle_connections: usize,
    /// How long they are watched.
    #[arg(long, default_value_t = 60)]
    idle_seconds: u64,
    /// Messages that each conversation gets while everybody is away.
    #[arg(long, default_value_t = 20)]
    missed: u64,
    #[arg(long, default_value_t = 3)]
    reconnect_rounds: usize,
    #[arg(long, default_value = "centrifugo")]
    centrifugo: PathBuf,
    #[arg(long, default_value = "redis-server")]
    redis: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    Delivery,
    Idle,
    Reconnect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Embedded,
    Distributed,
    Centrifugo,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let files = crate::cores::all_files()?;
    tell_setting(arguments, files);
    let mut table = Table::new();
    for which in &arguments.peers {
        for mode in &arguments.modes {
            // Each on servers of their own that nobody has used before.
            let peer = match which {
                Which::Embedded => nova::embedded(arguments).await?,
                Which::Distributed => nova::distributed(arguments).await?,
                Which::Centrifugo => centrifugo::start(arguments).await?,
            };
            measure(*mode, &peer, arguments, &mut table).await?;
            let Some(peer) = Arc::into_inner(peer) else { anyhow::bail!("somebody still uses the servers") };
            peer.end().await?;
        }
    }
    table.print();
    Ok(())
}

async fn measure(
    mode: Mode,
    peer: &Arc<Peer>,
    arguments: &Arguments,
    table: &mut Table,
) -> anyhow::Result<()> {
    match mode {
        Mode::Delivery => delivery::run(peer, arguments, table).await,
        Mode::Idle => idle::run(peer, arguments, table).await,
        Mode::Reconnect => reconnect::run(peer, arguments, table).await,
    }
}

fn tell_setting(arguments: &Arguments, files: u64) {
    let mut more = vec![
        ("cores", "servers, stores and the client share all of them".to_owned()),
        ("client", format!("one process, tokio-tungstenite, no compression, up to {files} open files")),
        ("payload", format!("text of {} bytes", arguments.payload)),
        (
            "conversations",
            format!("{} of {} members, one of the members sends", arguments.conversations, arguments.members),
        ),
    ];
    if arguments.peers.contains(&Which::Centrifugo) {
        let program = |path: &PathBuf, word: &str| setting::said(&path.to_string_lossy(), &[word]);
        more.push(("centrifugo", program(&arguments.centrifugo, "version")));
        more.push((
            "its redis",
            format!("{}, append only, synced every second", program(&arguments.redis, "--version")),
        ));
    }
    setting::print(&more);
}
