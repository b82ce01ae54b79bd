//! Opening after a kill, reading in sequence, reading one stream of ten events that is not in the page cache.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use nova_eventlog::{Direction, EventLog, Expected, FileLog, FileLogOptions, Filter, StreamId};
use rustix::fs::{Advice, fadvise};

use super::fill::{EVENTS_PER_STREAM, fill_and_kill, stream_of};
use crate::table::Table;

const COLD_READS: u64 = 50;
const LOOK_UPS: u64 = 20_000;

pub(crate) async fn run(dir: &Path, events: u64, runs: usize, table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir_in(dir)?;
    let dir = dir.path();
    let start = Instant::now();
    fill_and_kill(dir, events).await?;
    table.row("fill", &size(events), "events/s", &[events as f64 / start.elapsed().as_secs_f64()]);

    let (mut opens, mut cold, mut firsts, mut sequence, mut missing, mut filtered) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs as u64 {
        let start = Instant::now();
        let log = FileLog::open(dir, FileLogOptions::default())?;
        anyhow::ensure!(log.head() == events, "the log holds {} events", log.head());
        // The first opening, after the kill, is the first sample: it has most to do.
        opens.push(start.elapsed().as_secs_f64() * 1e3);

        let start = Instant::now();
        let (mut position, mut read) = (0, 0);
        while position < events {
            let page = log.read_all(position, &Filter::all(), 4096).await?;
            position = page.position;
            read += page.events.len();
        }
        sequence.push(read as f64 / start.elapsed().as_secs_f64());

        let start = Instant::now();
        let (mut position, mut admitted) = (0, 0);
        let filter = Filter { categories: Vec::new(), kinds: vec!["Followed".into()] };
        while position < events {
            let page = log.read_all(position, &filter, 4096).await?;
            position = page.position;
            admitted += page.events.len();
        }
        filtered.push(admitted as f64 / start.elapsed().as_secs_f64());

        let start = Instant::now();
        for n in 0..LOOK_UPS {
            let stream = StreamId::new(format!("post-none-{run}-{n}"))?;
            anyhow::ensure!(Expected::NoStream.holds(log.stream_head(&stream).await?));
        }
        missing.push(start.elapsed().as_secs_f64() * 1e6 / LOOK_UPS as f64);

        for n in 0..COLD_READS {
            let event = (events / COLD_READS * n + run * 7919) % events;
            let stream = StreamId::new(stream_of(event))?;
            forget_pages(dir)?;
            let start = Instant::now();
            let first = log.read_stream(&stream, 0, Direction::Forwards, 1).await?;
            firsts.push(start.elapsed().as_secs_f64() * 1e3);
            anyhow::ensure!(first.len() == 1, "{stream} is not there");
            forget_pages(dir)?;
            let start = Instant::now();
            let whole = log.read_stream(&stream, 0, Direction::Forwards, 100).await?;
            cold.push(start.elapsed().as_secs_f64() * 1e3);
            anyhow::ensure!(whole.len() as u64 <= EVENTS_PER_STREAM);
        }
        log.close();
    }
    table.row("open, first sample after kill -9", &size(events), "ms", &opens);
    table.row("open right after kill -9", &size(events), "ms", &opens[..1]);
    table.row("read in sequence, one reader, checksums verified", &size(events), "events/s", &sequence);
    table.row("read one kind of four", &size(events), "events/s", &filtered);
    table.row("head of a stream that does not exist", &size(events), "us", &missing);
    table.row("first event of a 10-event stream, cold", &size(events), "ms", &firsts);
    table.row("10-event stream, cold", &size(events), "ms", &cold);
    Ok(())
}

fn size(events: u64) -> String {
    format!("{events} events of 256 B, 10 per stream")
}

/// Takes the log out of the page cache.
fn forget_pages(dir: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let file = File::open(entry?.path())?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
