//! Fills a log in a process of its own, so that it can be killed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use nova_eventlog::{Append, EventLog, Expected, FileLog, FileLogOptions, Kind, NewEvent, StreamId, Write};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{id, payload};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    dir: PathBuf,
    events: u64,
}

/// Streams that are written in turn, until each has ten events.
const STREAMS_AT_ONCE: u64 = 10_000;
pub(crate) const EVENTS_PER_STREAM: u64 = 10;

/// The stream of the event at a place in the log.
pub(crate) fn stream_of(n: u64) -> String {
    let round = STREAMS_AT_ONCE * EVENTS_PER_STREAM;
    format!("post-{:020}", n / round * STREAMS_AT_ONCE + n % STREAMS_AT_ONCE)
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let log = Arc::new(FileLog::open(&arguments.dir, FileLogOptions::default())?);
    let kinds: Vec<Kind> =
        ["PostPublished", "Liked", "CommentAdded", "Followed"].into_iter().filter_map(Kind::new).collect();
    let data = payload();
    let mut waiting = std::collections::VecDeque::new();
    for first in (0..arguments.events).step_by(100) {
        let writes = (first..(first + 100).min(arguments.events))
            .map(|n| {
                let kind = kinds[(n / 3 % 4) as usize].clone();
                let events = vec![NewEvent { kind, data: data.clone(), meta: Bytes::new() }];
                anyhow::Ok(Write { stream: StreamId::new(stream_of(n))?, expected: Expected::Any, events })
            })
            .collect::<Result<_, _>>()?;
        waiting.push_back(log.append(Append { command_id: id(first), writes }));
        if waiting.len() > 64
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.await?;
        }
    }
    for last in waiting {
        last.await?;
    }
    println!("filled");
    std::io::stdout().flush()?;
    std::future::pending().await
}

/// Fills a log in another process and kills that with SIGKILL when it is done.
pub(crate) async fn fill_and_kill(dir: &Path, events: u64) -> anyhow::Result<()> {
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .arg("fill-log")
        .arg(dir)
        .arg(events.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().context("no output")?;
    let line = BufReader::new(output).lines().next_line().await?;
    anyhow::ensure!(line.as_deref() == Some("filled"), "filling the log failed");
    child.kill().await?;
    Ok(())
}
