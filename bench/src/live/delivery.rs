//! From the command to the screen: latency, rate, and whether everything came, once, in order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio_util::sync::CancellationToken;

use crate::http::wire::Connection;
use crate::table::Table;

use super::Arguments;
use super::client::{Client, open_all};
use super::peer::Peer;
use super::publish::{self, Published};
use super::record::{Record, Verdict};

const SENDERS: usize = 64;
/// Before the run, so that caches and connections are as they usually are.
const WARM_UP_S: u64 = 3;
/// After the last message: how long late ones are waited for.
const LATE: Duration = Duration::from_secs(5);

pub(crate) async fn run(peer: &Arc<Peer>, arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let started = Instant::now();
    let setting =
        format!("{}/s to {} members each, {} s", arguments.rate, arguments.members, arguments.seconds);
    let clients = open_all(peer, peer.people(), started).await?;
    let stop = CancellationToken::new();
    let listening: Vec<_> =
        clients.into_iter().map(|client: Client| tokio::spawn(client.listen(stop.clone()))).collect();
    let send = async |first: usize, seconds: u64| {
        let count = (arguments.rate * seconds) as usize;
        publish::run(peer, first, count, arguments.rate, arguments.payload, SENDERS, started).await
    };
    let warmed_up = (arguments.rate * WARM_UP_S) as usize;
    send(0, WARM_UP_S).await?;
    let before = (peer.usage()?, Instant::now());
    let published = send(warmed_up, arguments.seconds).await?;
    let took = before.1.elapsed();
    let after = peer.usage()?;
    tokio::time::sleep(LATE).await;
    stop.cancel();
    let mut records = Vec::new();
    for client in listening {
        let (record, outcome) = client.await?;
        if let Err(error) = outcome {
            eprintln!("{}: a client ended early: {error:#}", peer.name);
        }
        records.push(record);
    }
    peer.tell_busy(&setting, &before.0, &after, took, table);
    tell(peer, &published, &records, warmed_up, took, &setting, table)
}

fn tell(
    peer: &Peer,
    published: &Published,
    records: &[Record],
    first: usize,
    took: Duration,
    setting: &str,
    table: &mut Table,
) -> anyhow::Result<()> {
    let conversations = peer.channels.len();
    let mut verdict = Verdict::default();
    let histogram = || Histogram::<u64>::new_with_bounds(1, 120_000_000, 3);
    let (mut from_sent, mut from_accepted, mut accepting) = (histogram()?, histogram()?, histogram()?);
    let mut delivered = 0;
    for (person, record) in records.iter().enumerate() {
        let mine = |number: &usize| {
            number % conversations == person / peer.members && published.is_accepted(*number)
        };
        verdict.add(record, (first..published.sent_us.len()).filter(mine));
        for (number, at) in record.received.iter().filter(|(number, _)| *number >= first) {
            let at = u64::try_from(at.as_micros())?;
            let since = |slot: u64| at.saturating_sub(slot).max(1);
            delivered += 1;
            from_sent.saturating_record(since(published.sent_us[*number].load(Ordering::Relaxed)));
            if published.is_accepted(*number) {
                from_accepted
                    .saturating_record(since(published.accepted_us[*number].load(Ordering::Relaxed)));
            }
        }
    }
    for number in (first..published.sent_us.len()).filter(|number| published.is_accepted(*number)) {
        let at = |slots: &[std::sync::atomic::AtomicU64]| slots[number].load(Ordering::Relaxed);
        accepting.saturating_record(at(&published.accepted_us) - at(&published.sent_us));
    }
    let ms =
        |histogram: &Histogram<u64>, percentile| histogram.value_at_percentile(percentile) as f64 / 1000.0;
    let mut row = |what: &str, unit: &str, value: f64| {
        table.row(&format!("{}, {what}", peer.name), setting, unit, &[value]);
    };
    for (what, histogram) in [
        ("sent until accepted", &accepting),
        ("sent until received", &from_sent),
        ("accepted until received (0 when it came before the answer)", &from_accepted),
    ] {
        for percentile in [50.0, 99.0, 99.9] {
            row(&format!("{what}, p{percentile}"), "ms", ms(histogram, percentile));
        }
    }
    let refused = published.refused.lock();
    if let Some(answer) = refused.first() {
        eprintln!("{}: not accepted: {answer}", peer.name);
    }
    row("accepted", "messages/s", published.accepted() as f64 / took.as_secs_f64());
    row("delivered", "messages/s", delivered as f64 / took.as_secs_f64());
    row("not accepted", "messages", refused.len() as f64);
    row("lost", "deliveries", verdict.lost as f64);
    row("twice", "deliveries", verdict.duplicates as f64);
    row("out of order", "deliveries", verdict.out_of_order as f64);
    row("left out in between", "places", verdict.gaps as f64);
    Ok(())
}

/// Sends messages before anything is measured, so that everybody has a place to resume from.
pub(crate) async fn send_some(
    peer: &Peer,
    numbers: std::ops::Range<usize>,
    bytes: usize,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(&peer.api).await?;
    for number in numbers {
        let request = peer.publish(number % peer.channels.len(), number, bytes);
        let (status, body) = connection.ask(&request).await?;
        let words = String::from_utf8_lossy(body);
        anyhow::ensure!(peer.is_accepted(status, body), "not accepted: {status} {words}");
    }
    Ok(())
}
