//! The embedded event log: durable appends against what the disk can do with the same bytes, reads, opening.
//!
//! Every append is one new stream (`NoStream`, 256 bytes of data) and one condition on another stream, and has a new
//! command id: so each costs a look-up of the command, two of streams, and three entries in the indexes. The limit is
//! measured in the same run: writing the same number of bytes in one piece into a preallocated, zeroed file and syncing
//! it, over and over, as if all writers were always ready at once. Nothing can be faster on that disk.

pub(crate) mod fill;
mod limit;
mod reading;
#[cfg(feature = "umadb")]
mod umadb;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nova_eventlog::{Append, EventLog, Expected, FileLog, FileLogOptions, Kind, NewEvent, StreamId, Write};
use uuid::Uuid;

use crate::table::Table;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to put the files: on the disk that is to be measured.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How long each run appends.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Sizes of the logs that are read and opened.
    #[arg(long, value_delimiter = ',', default_value = "1000000,10000000")]
    events: Vec<u64>,
    /// Only these parts: append, read.
    #[arg(long, value_delimiter = ',', default_value = "append,read")]
    parts: Vec<String>,
    /// Compare with this UmaDB server program, version 0.7.8. Needs the feature `umadb`.
    #[arg(long)]
    umadb: Option<PathBuf>,
}

/// Writers, and events of each append.
pub(crate) const SHAPES: [(usize, usize); 4] = [(1, 1), (16, 1), (64, 1), (4, 100)];
pub(crate) const PAYLOAD_BYTES: usize = 256;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    std::fs::create_dir_all(&arguments.dir)?;
    let mut table = Table::new();
    if arguments.parts.iter().any(|part| part == "append") {
        for (writers, batch) in SHAPES {
            let (mut limits, mut rates, mut shares) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..arguments.runs {
                let limit =
                    limit::events_per_second(&arguments.dir, writers * batch, arguments.seconds / 2.0)?;
                let rate = append_rate(&arguments.dir, writers, batch, arguments.seconds).await?;
                limits.push(limit);
                rates.push(rate);
                shares.push(rate / limit);
            }
            let shape = format!("{writers} writers x {batch} events of {PAYLOAD_BYTES} B");
            table.row("limit of the disk", &shape, "events/s", &limits);
            table.row("durable append", &shape, "events/s", &rates);
            table.row("share of the limit", &shape, "", &shares);
        }
    }
    if arguments.parts.iter().any(|part| part == "read") {
        for &events in &arguments.events {
            reading::run(&arguments.dir, events, arguments.runs, &mut table).await?;
        }
    }
    if let Some(program) = &arguments.umadb {
        compare(program, arguments, &mut table).await?;
    }
    table.print();
    Ok(())
}

#[cfg(feature = "umadb")]
async fn compare(program: &Path, arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    umadb::run(program, &arguments.dir, arguments.runs, arguments.seconds, table).await
}

#[cfg(not(feature = "umadb"))]
#[expect(clippy::unused_async, reason = "like its counterpart")]
async fn compare(_: &Path, _: &Arguments, _: &mut Table) -> anyhow::Result<()> {
    anyhow::bail!("this program was built without the feature `umadb`")
}

/// Ids as even as random ones, without asking the system for each.
pub(crate) fn id(n: u64) -> Uuid {
    let mix = |n: u64| {
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    };
    let seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Uuid::from_u64_pair(mix(seed), mix(seed ^ 0x5555_5555_5555_5555))
}

pub(crate) fn payload() -> Bytes {
    Bytes::from(vec![b'x'; PAYLOAD_BYTES])
}

async fn append_rate(dir: &Path, writers: usize, batch: usize, seconds: f64) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir_in(dir)?;
    let log = Arc::new(FileLog::open(dir.path(), FileLogOptions::default())?);
    let member = StreamId::new("user-1")?;
    let event = |kind: &str| NewEvent {
        kind: Kind::new(kind).unwrap_or_else(|| unreachable!("a kind")),
        data: payload(),
        meta: Bytes::new(),
    };
    let first =
        Write { stream: member.clone(), expected: Expected::Any, events: vec![event("UserRegistered")] };
    log.append(Append { command_id: id(u64::MAX), writes: vec![first] }).await?;

    let (stop, next, done) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
    let liked = event("Liked");
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (log, stop, next, done) = (log.clone(), stop.clone(), next.clone(), done.clone());
            let (member, liked) = (member.clone(), liked.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let command_id = id(n);
                    let stream = StreamId::new(format!("like-{}", command_id.simple()))?;
                    let events = vec![liked.clone(); batch];
                    let writes = vec![
                        Write::condition(member.clone(), Expected::StreamExists),
                        Write { stream, expected: Expected::NoStream, events },
                    ];
                    log.append(Append { command_id, writes }).await?;
                    done.fetch_add(batch as u64, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    // The first moments belong to warming up: small first segments, cold caches.
    tokio::time::sleep(Duration::from_secs_f64(seconds / 4.0)).await;
    let (start, before) = (Instant::now(), done.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let rate = (done.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    log.close();
    Ok(rate)
}
