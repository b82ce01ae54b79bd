//! `nova client-events`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nova_eventlog::Spool;
use nova_eventlog::spool::Entry;
use nova_events::client_events::ClientEventBatch;

use super::{End, print};
use crate::config::Config;

/// Requests' batches read at a time.
const PAGE: usize = 100;

pub(super) async fn run(config: &Config) -> anyhow::Result<End> {
    for folder in folders(&config.client_events_folder())? {
        print_all(&folder).await.with_context(|| format!("cannot read {}", folder.display()))?;
    }
    Ok(End::Done)
}

/// Of each queue, or of what is kept. None before there has been any.
fn folders(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let mut folders = entries
        .filter(|path| path.as_ref().is_ok_and(|path| path.is_dir()))
        .collect::<Result<Vec<_>, _>>()?;
    folders.sort();
    Ok(folders)
}

async fn print_all(folder: &Path) -> anyhow::Result<()> {
    let spool = Spool::open_read_only(folder)?;
    let mut page = spool.peek(PAGE).await?;
    while let Some(last) = page.last().map(|entry| entry.place) {
        page.iter().try_for_each(print_rows)?;
        page = spool.read(last, PAGE).await?;
    }
    Ok(())
}

fn print_rows(entry: &Entry) -> anyhow::Result<()> {
    let batch: ClientEventBatch = serde_json::from_slice(&entry.data)?;
    for row in batch.rows() {
        print(&serde_json::to_string(&row)?)?;
    }
    Ok(())
}
