//! `nova log`. Reads the log's files without a lock, so it works beside a running server too; only personal parts need
//! the keys, which one process at a time holds.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nova_eventlog::{Direction, EventLog, FileLog, Filter, Recorded, StreamId, VerifyReport};
use nova_events::envelope::time_of_ms;

use super::{End, print};
use crate::cli::{Log, LogRead};
use crate::compose::Product;
use crate::config::Config;
use crate::profile::Roles;

mod line;

use line::{Line, Opener};

const PAGE_EVENTS: usize = 1_000;

pub(super) async fn run(config: Config, command: Log) -> anyhow::Result<End> {
    let dir = config.data.dir.join("log");
    if !dir.is_dir() {
        bail!(
            "there is no log in {}: nothing has been written to this data folder yet",
            config.data.dir.display()
        );
    }
    match command {
        Log::Stats => stats(&dir, &config)?,
        Log::Verify => verify(dir).await?,
        Log::Read(read) if read.personal => {
            let product = Product::open(config, Roles::NONE).await?;
            let opener = Opener::with_keys(product.codec().keyring().clone());
            let done = read_events(&**product.log(), &read, &opener).await;
            product.close().await;
            done?;
        }
        Log::Read(read) => {
            let log = FileLog::open_read_only(&dir, config.log_options())?;
            read_events(&log, &read, &Opener::without_keys()).await?;
        }
    }
    Ok(End::Done)
}

fn stats(dir: &Path, config: &Config) -> anyhow::Result<()> {
    let stats = FileLog::open_read_only(dir, config.log_options())?.stats();
    let mut text = format!(
        "head      {}\nevents    {}\nstreams   {}\nsegments  {}\nbytes     {}\n",
        stats.head, stats.events, stats.streams, stats.segments, stats.bytes
    );
    text.push_str(&span(stats.first_recorded_at_ms, stats.last_recorded_at_ms));
    print(&text)?;
    Ok(())
}

fn span(first_ms: Option<u64>, last_ms: Option<u64>) -> String {
    let time = |ms: u64| time_of_ms(i64::try_from(ms).unwrap_or(i64::MAX)).to_rfc3339();
    match (first_ms, last_ms) {
        (Some(first), Some(last)) => format!("recorded  {} to {}", time(first), time(last)),
        _ => "recorded  nothing yet".to_owned(),
    }
}

async fn verify(dir: PathBuf) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let report = tokio::task::spawn_blocking(move || {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("verifying {wide_bar} {pos}/{len} segments {elapsed}")
        {
            bar.set_style(style);
        }
        let report = FileLog::verify(&dir, |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        report
    });
    let VerifyReport {
        segments,
        events,
        streams,
        bytes,
        indexes,
        torn_bytes,
        first_recorded_at_ms,
        last_recorded_at_ms,
    } = report.await??;
    let torn = if torn_bytes > 0 {
        format!("torn      {torn_bytes} bytes that a crash left behind; the next start cuts them off\n")
    } else {
        String::new()
    };
    print(&format!(
        "the log is sound: every checksum, the order, every index\nevents    {events}\nstreams   {streams}\n\
         segments  {segments} ({indexes} with an index)\nbytes     {bytes}\n{torn}{}\ntook      {:.1} s",
        span(first_recorded_at_ms, last_recorded_at_ms),
        started.elapsed().as_secs_f64()
    ))?;
    Ok(())
}

async fn read_events(log: &dyn EventLog, read: &LogRead, opener: &Opener) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut left = read.limit.unwrap_or(u64::MAX);
    let filter = Filter { categories: read.category.clone(), kinds: read.kind.clone() };
    let stream = read.stream.as_deref().map(StreamId::new).transpose()?;
    // Of a stream the next revision, of the log the position behind which to go on.
    let mut next = if stream.is_some() { 0 } else { read.after };
    while left > 0 {
        let limit = PAGE_EVENTS.min(usize::try_from(left).unwrap_or(PAGE_EVENTS));
        let (events, is_last) = match &stream {
            Some(stream) => {
                let events = log.read_stream(stream, next, Direction::Forwards, limit).await?;
                next = events.last().map_or(next, |event| event.revision + 1);
                let is_last = events.is_empty();
                (events, is_last)
            }
            None => {
                let page = log.read_all(next, &filter, limit).await?;
                next = page.position;
                (page.events, page.position >= page.head)
            }
        };
        for event in events.iter().filter(|event| is_wanted(event, read, &filter)) {
            serde_json::to_writer(&mut out, &Line::of(event, opener).await?)?;
            out.write_all(b"\n")?;
            left -= 1;
            if left == 0 {
                break;
            }
        }
        if is_last {
            break;
        }
    }
    out.flush()?;
    Ok(())
}

fn is_wanted(event: &Recorded, read: &LogRead, filter: &Filter) -> bool {
    event.position > read.after && filter.admits(event.stream.category(), event.kind.as_str())
}
