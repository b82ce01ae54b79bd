//! What connections cost that are subscribed and silent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::table::Table;

use super::Arguments;
use super::client::open_all;
use super::peer::Peer;

/// Until nothing more happens on account of who has come.
const SETTLES: Duration = Duration::from_secs(5);

pub(crate) async fn run(peer: &Arc<Peer>, arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    // Somebody comes and goes first, so that what is there once and for all is there before.
    let started = Instant::now();
    for client in open_all(peer, 1, started).await? {
        client.cut();
    }
    tokio::time::sleep(SETTLES).await;
    let before = peer.usage()?;
    let (opening, stop) = (Instant::now(), CancellationToken::new());
    let mut listening = Vec::new();
    for client in open_all(peer, arguments.idle_connections, started).await? {
        listening.push(tokio::spawn(client.listen(stop.clone())));
    }
    let opened = opening.elapsed();
    // Who has come is told to the others; that is over by then.
    tokio::time::sleep(SETTLES).await;
    let (settled, settled_at) = (peer.usage()?, Instant::now());
    tokio::time::sleep(Duration::from_secs(arguments.idle_seconds)).await;
    let (after, watched) = (peer.usage()?, settled_at.elapsed());
    let early = listening.iter().filter(|client| client.is_finished()).count();
    stop.cancel();
    let setting =
        format!("{} connections, each subscribed, {} s", arguments.idle_connections, arguments.idle_seconds);
    let each = arguments.idle_connections as f64;
    for ((name, _, resident_before), (_, _, resident)) in before.iter().zip(&after) {
        let bytes = resident.saturating_sub(*resident_before) as f64;
        let what = format!("{}, resident memory of {name} for one connection", peer.name);
        table.row(&what, &setting, "KB", &[bytes / each / 1e3]);
    }
    peer.tell_busy(&setting, &settled, &after, watched, table);
    let opened_per_second = each / opened.as_secs_f64();
    table.row(&format!("{}, connections opened", peer.name), &setting, "per second", &[opened_per_second]);
    table.row(&format!("{}, connections lost", peer.name), &setting, "connections", &[early as f64]);
    for client in listening {
        let (_, outcome) = client.await?;
        if let Err(error) = outcome {
            eprintln!("{}: a connection ended: {error:#}", peer.name);
        }
    }
    Ok(())
}
