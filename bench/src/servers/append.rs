//! Durable appends to the log in PostgreSQL, `synchronous_commit` on: one event of 256 bytes to a new stream with a
//! condition on another, a new command id each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nova::profile::Roles;
use nova_eventlog::{Append, Expected, Kind, NewEvent, StreamId, Write};
use uuid::Uuid;

use super::{Arguments, Installation, Log};
use crate::table::Table;

pub(super) async fn run(arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let installation = Installation::new().await?;
    let product = installation.open(Roles::COMMANDS).await?;
    for (writers, events) in [(1, 1), (16, 1), (64, 1), (256, 1), (4, 100)] {
        let mut samples = Vec::new();
        for _ in 0..arguments.runs {
            let span = Duration::from_secs(arguments.seconds);
            samples.push(per_second(product.log(), writers, events, span).await?);
        }
        let setting = format!("{writers} writers x {events} events of 256 B, PostgreSQL, one process");
        table.row("durable append, PostgreSQL log", &setting, "events/s", &samples);
    }
    product.close().await;
    installation.remove().await
}

async fn per_second(log: &Log, writers: usize, events: usize, span: Duration) -> anyhow::Result<f64> {
    let written = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (log, written) = (Arc::clone(log), Arc::clone(&written));
            tokio::spawn(async move {
                while began.elapsed() < span {
                    log.append(append(events)).await?;
                    written.fetch_add(events as u64, Ordering::Relaxed);
                }
                Ok::<_, nova_eventlog::LogError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(written.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}

fn append(events: usize) -> Append {
    let stream = |category| StreamId::of_uuids(category, Uuid::new_v4(), None);
    let event = NewEvent {
        kind: Kind::new("Measured").unwrap_or_else(|| unreachable!("it is printable")),
        data: Bytes::from_static(&[b'x'; 256]),
        meta: Bytes::from_static(b"{}"),
    };
    let writes = vec![
        Write { stream: stream("bench"), expected: Expected::NoStream, events: vec![event; events] },
        Write::condition(stream("other"), Expected::NoStream),
    ];
    Append { command_id: Uuid::new_v4(), writes }
}
