//! Looking at the log through its port.

use std::collections::HashMap;

use anyhow::bail;
use nova_eventlog::{EventLog, Filter, Recorded};

use crate::profile::{JobOutcome, Progress, VERIFY_SEES, outcome, span};

const PAGE_EVENTS: usize = 4_096;

pub(super) async fn stats(log: &dyn EventLog, told: Progress<'_>) -> anyhow::Result<String> {
    let seen = read(log, told, |_, _| Ok(())).await?;
    Ok(seen.told())
}

/// Reads everything: positions are dense, revisions of each stream are dense, time does not run backwards.
pub(super) async fn verify(log: &dyn EventLog, told: Progress<'_>) -> anyhow::Result<JobOutcome> {
    let seen = read(log, told, |seen, event| {
        if event.position != seen.events + 1 {
            bail!("position {} follows {}: the log is damaged", event.position, seen.events);
        }
        let due = seen.heads.get(event.stream.as_str()).map_or(0, |head| head + 1);
        if event.revision != due {
            bail!(
                "at position {} stream {} has revision {} where {due} is due: the log is damaged",
                event.position,
                event.stream,
                event.revision
            );
        }
        if seen.last_ms.is_some_and(|last| last > event.recorded_at_ms) {
            bail!("time runs backwards at position {}: the log is damaged", event.position);
        }
        Ok(())
    })
    .await?;
    let summary = format!(
        "the log is sound: the order of everything and of each stream\n{VERIFY_SEES}\n{}",
        seen.told()
    );
    let numbers = [("events", seen.events), ("streams", seen.heads.len() as u64), ("bytes", seen.bytes)];
    Ok(outcome(summary, numbers))
}

#[derive(Default)]
struct Seen {
    events: u64,
    bytes: u64,
    heads: HashMap<String, u64>,
    first_ms: Option<u64>,
    last_ms: Option<u64>,
}

impl Seen {
    fn told(&self) -> String {
        format!(
            "head      {}\nevents    {}\nstreams   {}\nbytes     {} of data\n{}",
            self.events,
            self.events,
            self.heads.len(),
            self.bytes,
            span(self.first_ms, self.last_ms)
        )
    }
}

async fn read(
    log: &dyn EventLog,
    told: Progress<'_>,
    look: impl Fn(&Seen, &Recorded) -> anyhow::Result<()>,
) -> anyhow::Result<Seen> {
    let (mut seen, mut after) = (Seen::default(), 0);
    loop {
        let page = log.read_all(after, &Filter::all(), PAGE_EVENTS).await?;
        for event in &page.events {
            look(&seen, event)?;
            seen.events += 1;
            seen.bytes += (event.data.len() + event.meta.len()) as u64;
            seen.heads.insert(event.stream.as_str().to_owned(), event.revision);
            seen.first_ms.get_or_insert(event.recorded_at_ms);
            seen.last_ms = Some(event.recorded_at_ms);
        }
        after = page.position;
        told(after, page.head);
        if after >= page.head {
            return Ok(seen);
        }
    }
}
