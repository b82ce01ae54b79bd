//! UmaDB 0.7.8 as a server on loopback, on the same disk. Each event has one tag and an append has no condition, which
//! is less than what our side is asked to do: UmaDB has no streams, and its appends without a condition are its fastest.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::{DcbEvent, DcbEventStoreAsync as _};

use super::{PAYLOAD_BYTES, SHAPES, id};
use crate::table::Table;

const ADDRESS: &str = "127.0.0.1:50951";
const SETTINGS: [(&str, &[&str]); 2] = [
    ("default settings", &[]),
    ("best settings", &["--pipelined-writer", "true", "--page-cache-max-mb", "512", "--read-method", "mmap"]),
];

pub(crate) async fn run(
    program: &Path,
    dir: &Path,
    runs: usize,
    seconds: f64,
    table: &mut Table,
) -> anyhow::Result<()> {
    for (name, settings) in SETTINGS {
        for (writers, batch) in SHAPES {
            let mut rates = Vec::new();
            for _ in 0..runs {
                rates.push(append_rate(program, dir, settings, writers, batch, seconds).await?);
            }
            let shape = format!("{writers} writers x {batch} events of {PAYLOAD_BYTES} B, {name}");
            table.row("UmaDB 0.7.8 over gRPC, append", &shape, "events/s", &rates);
        }
    }
    Ok(())
}

async fn connect() -> anyhow::Result<AsyncUmaDbClient> {
    let mut attempts = 0;
    loop {
        match UmaDbClient::new(format!("http://{ADDRESS}")).connect_async().await {
            Ok(client) => return Ok(client),
            Err(error) if attempts > 100 => anyhow::bail!("cannot reach UmaDB: {error}"),
            Err(_) => {
                attempts += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn append_rate(
    program: &Path,
    dir: &Path,
    settings: &[&str],
    writers: usize,
    batch: usize,
    seconds: f64,
) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir_in(dir)?;
    let mut server = tokio::process::Command::new(program)
        .args(["--listen", ADDRESS, "--db-path"])
        .arg(dir.path())
        .args(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (stop, next, done) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..writers {
        let client = connect().await?;
        let (stop, next, done) = (stop.clone(), next.clone(), done.clone());
        tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let stream = format!("like-{}", id(next.fetch_add(1, Ordering::Relaxed)).simple());
                let event = DcbEvent::default()
                    .event_type("Liked")
                    .tags([stream.as_str()])
                    .data(vec![b'x'; PAYLOAD_BYTES]);
                let appended = client.append(vec![event; batch], None, None).await;
                appended.map_err(|error| anyhow::anyhow!("UmaDB refused: {error}"))?;
                done.fetch_add(batch as u64, Ordering::Relaxed);
            }
            anyhow::Ok(())
        }));
    }
    tokio::time::sleep(Duration::from_secs_f64(seconds / 4.0)).await;
    let (start, before) = (Instant::now(), done.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let rate = (done.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    server.kill().await?;
    Ok(rate)
}
