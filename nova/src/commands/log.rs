//! `nova log`. It works beside a running server too; only in the embedded profile personal parts need the keys, which one
//! process at a time holds.

use std::io::{BufWriter, Write as _};

use nova_eventlog::{Direction, EventLog, Filter, Recorded, StreamId};

use super::bar::Bar;
use super::{End, print};
use crate::cli::{Log, LogRead};
use crate::compose::{self, Product};
use crate::config::Config;
use crate::profile::Roles;

mod line;

use line::{Line, Opener};

const PAGE_EVENTS: usize = 1_000;

pub(super) async fn run(config: Config, command: Log) -> anyhow::Result<End> {
    match command {
        Log::Stats => {
            let bar = Bar::new("reading");
            let stats = compose::log_stats(&config, &mut |done, total| bar.at(done, total)).await;
            drop(bar);
            print(&stats?)?;
        }
        Log::Verify => {
            let bar = Bar::new("verifying");
            let verified = compose::verify_log(&config, &mut |done, total| bar.at(done, total)).await;
            drop(bar);
            print(&verified?.summary)?;
        }
        Log::Read(read) if read.personal => {
            let product = Product::open_existing(config, Roles::NONE).await?;
            let opener = Opener::with_keys(product.codec().keyring().clone());
            let done = read_events(&**product.log(), &read, &opener).await;
            product.close().await;
            done?;
        }
        Log::Read(read) => {
            let log = compose::read_only_log(&config).await?;
            read_events(&*log, &read, &Opener::without_keys()).await?;
        }
    }
    Ok(End::Done)
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
