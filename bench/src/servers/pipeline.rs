//! From the log to Kafka, and from Kafka into all views.

use std::time::{Duration, Instant};

use nova::profile::Roles;

use super::{Arguments, Installation, until};
use crate::history::{self, Maker};
use crate::table::Table;

/// The events are in the log before the relay starts; the clock stops when its cursor is at the head.
pub(super) async fn relay(arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let mut samples = Vec::new();
    for _ in 0..arguments.runs {
        let installation = Installation::new().await?;
        let mut product = installation.open(Roles::RELAY).await?;
        history::write(product.log().clone(), product.codec().clone(), arguments.events).await?;
        let head = product.log().head();
        product.start().await?;
        let took = until("relaying", async || published(&product, head).await).await?;
        samples.push(head as f64 / took.as_secs_f64());
        product.close().await;
        installation.remove().await?;
    }
    let setting = format!(
        "{} events of a mixed history, 11 topics x 4 partitions, acks=all, idempotent, lz4, in order per stream",
        arguments.events
    );
    table.row("log to Kafka", &setting, "events/s", &samples);
    Ok(())
}

async fn published(product: &nova::compose::Product, head: u64) -> anyhow::Result<bool> {
    Ok(product.outbox_status().await?["position"].as_u64().unwrap_or(0) >= head)
}

/// A history that stands in Kafka is brought into the views of all three stores from nothing; then a burst comes.
pub(super) async fn views(arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let mut samples = Vec::new();
    let (mut burst_rate, mut burst_lag, mut live) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        let installation = Installation::new().await?;
        let mut relaying = installation.open(Roles::RELAY).await?;
        history::write(relaying.log().clone(), relaying.codec().clone(), arguments.events).await?;
        relaying.start().await?;
        let head = relaying.log().head();
        until("relaying", async || published(&relaying, head).await).await?;
        let all = Roles { queries: true, ..Roles::PROJECTORS };
        let mut product = installation.open(all).await?;
        product.start().await?;
        let took = until("projecting", async || caught_up(&product, head).await).await?;
        samples.push(head as f64 / took.as_secs_f64());
        let (rate, lag) = burst(&relaying, &product, head).await?;
        burst_rate.push(rate);
        burst_lag.push(lag);
        live.push(one_at_a_time(&relaying, &product).await?);
        product.close().await;
        relaying.close().await;
        installation.remove().await?;
    }
    let setting = format!(
        "{} events, likes and follows 85 %, from nothing; PostgreSQL, ClickHouse and Redis views all current, one process",
        arguments.events
    );
    table.row("Kafka to all views", &setting, "events/s", &samples);
    let setting = "100,000 events appended as fast as they go, relay and projectors running";
    table.row("burst appended at", setting, "events/s", &burst_rate);
    table.row("all views current behind the end of the burst after", setting, "seconds", &burst_lag);
    let setting = "one event at a time, relay and projectors running, all three stores";
    table.row("durable to visible in all views, median", setting, "ms", &live);
    Ok(())
}

async fn caught_up(product: &nova::compose::Product, head: u64) -> anyhow::Result<bool> {
    Ok(product.reader().wait_applied(head, Duration::from_millis(50)).await.is_ok())
}

async fn burst(
    writing: &nova::compose::Product,
    reading: &nova::compose::Product,
    head: u64,
) -> anyhow::Result<(f64, f64)> {
    const EVENTS: u64 = 100_000;
    let mut maker = Maker::behind(writing.log().clone(), writing.codec().clone(), head);
    let began = Instant::now();
    let first = head * 2 + 1_000;
    let mut n = first;
    while n < first + EVENTS {
        let batch = (n..n + 1_000).map(|n| maker.next(n)).collect::<Vec<_>>();
        maker.append(n, batch).await?;
        n += 1_000;
    }
    let rate = EVENTS as f64 / began.elapsed().as_secs_f64();
    let head = writing.log().head();
    let lag = until("the burst", async || caught_up(reading, head).await).await?;
    Ok((rate, lag.as_secs_f64()))
}

async fn one_at_a_time(
    writing: &nova::compose::Product,
    reading: &nova::compose::Product,
) -> anyhow::Result<f64> {
    let head = writing.log().head();
    let mut maker = Maker::behind(writing.log().clone(), writing.codec().clone(), head);
    let mut samples = Vec::new();
    for n in 0..50 {
        let n = head * 3 + 5_000 + n;
        let event = maker.next(n);
        maker.append(n, vec![event]).await?;
        let appended = Instant::now();
        reading.reader().wait_applied(writing.log().head(), Duration::from_secs(10)).await?;
        samples.push(appended.elapsed().as_secs_f64() * 1e3);
    }
    samples.sort_by(f64::total_cmp);
    Ok(samples[samples.len() / 2])
}
