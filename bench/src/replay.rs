//! A made-up history ([`history`]), replayed from the log into all embedded views: decoded and opened once, applied to six
//! files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_embedded::{Embedded, EmbeddedOptions};
use nova_eventlog::EventLog;
use nova_projectors::{Options, Projectors};
use nova_views::ViewReader;

use crate::history::{self, Maker};
use crate::processor;
use crate::table::Table;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to put the files.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    #[arg(long, default_value_t = 3)]
    runs: usize,
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    std::fs::create_dir_all(&arguments.dir)?;
    let dir = tempfile::tempdir_in(&arguments.dir)?;
    let stores = Embedded::open(EmbeddedOptions::at(dir.path()))?;
    let started = Instant::now();
    history::write(stores.log.clone(), stores.codec(), arguments.events).await?;
    eprintln!("wrote {} events in {:.1?}", stores.log.head(), started.elapsed());
    drop(stores);
    let mut total = Vec::new();
    let mut each: Vec<(&'static str, Vec<f64>)> = Vec::new();
    for _ in 0..arguments.runs {
        let _ = std::fs::remove_dir_all(dir.path().join("views"));
        for (name, per_second) in replay(dir.path()).await? {
            if name == "all" {
                total.push(per_second);
            } else if let Some((_, samples)) = each.iter_mut().find(|(known, _)| *known == name) {
                samples.push(per_second);
            } else {
                each.push((name, vec![per_second]));
            }
        }
    }
    let mut table = Table::new();
    let setting = format!("{} events, likes and follows 85 %, from empty", arguments.events);
    table.row("replay into all embedded views", &setting, "events/s", &total);
    for (name, samples) in &each {
        if *name == "live" {
            table.row("durable to visible, one event at a time, median", &setting, "microseconds", samples);
            continue;
        }
        if *name == "processor" {
            table.row("processor time of the replay", &setting, "microseconds an event", samples);
            continue;
        }
        table.row(&format!("of these, {name} alone was done at"), &setting, "events/s", samples);
    }
    table.print();
    Ok(())
}

async fn replay(dir: &Path) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let stores = Embedded::open(EmbeddedOptions::at(dir))?;
    let head = stores.log.head();
    let before = processor::seconds();
    let started = Instant::now();
    let views = Arc::new(stores.views.clone());
    let log = Arc::clone(&stores.log);
    let projectors = Projectors::start(log.clone(), log, stores.codec(), views, Options::default());
    let mut done: Vec<(&'static str, f64)> = Vec::new();
    while stores.views.applied() < head {
        tokio::time::sleep(Duration::from_millis(5)).await;
        for lane in projectors.progress().snapshot() {
            if lane.position >= head && !done.iter().any(|(name, _)| *name == lane.name) {
                done.push((lane.name, head as f64 / started.elapsed().as_secs_f64()));
            }
        }
    }
    done.push(("all", head as f64 / started.elapsed().as_secs_f64()));
    done.push(("processor", (processor::seconds() - before) * 1e6 / head as f64));
    done.push(("live", live(&stores, head).await?));
    projectors.stop().await;
    Ok(done)
}

/// Microseconds from an append that is durable to its being seen, one at a time; the median.
async fn live(stores: &Embedded, head: u64) -> anyhow::Result<f64> {
    let mut maker = Maker::behind(stores.log.clone(), stores.codec(), head);
    let mut samples = Vec::new();
    for n in 0..500 {
        let n = head * 2 + n + 1_000;
        let event = maker.next(n);
        maker.append(n, vec![event]).await?;
        let appended = Instant::now();
        stores.views.wait_applied(stores.log.head(), Duration::from_secs(5)).await?;
        samples.push(appended.elapsed().as_secs_f64() * 1e6);
    }
    samples.sort_by(f64::total_cmp);
    Ok(samples[samples.len() / 2])
}
