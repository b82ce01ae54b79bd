//! Everybody is cut off, messages are sent meanwhile, everybody comes back at once and resumes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::table::Table;

use super::Arguments;
use super::client::{Client, open_all};
use super::delivery::send_some;
use super::peer::{Peer, Usage};
use super::record::{Record, Verdict};

/// Statistics of a database come with a delay of up to a second.
const STATISTICS: Duration = Duration::from_secs(2);

/// What one storm was like.
struct Storm {
    all_current: Duration,
    p50: Duration,
    p99: Duration,
    /// Beyond what the database does in the same time without it.
    transactions: Option<f64>,
    usage: (Usage, Usage),
}

pub(crate) async fn run(peer: &Arc<Peer>, arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let started = Instant::now();
    let (conversations, people) = (peer.channels.len(), peer.people());
    let mut clients = open_all(peer, people, started).await?;
    // A place to resume from.
    let mut sent = conversations;
    send_some(peer, 0..sent, arguments.payload).await?;
    for client in &mut clients {
        client.until_has(1).await?;
    }
    let mut storms = Vec::new();
    for _ in 0..arguments.reconnect_rounds {
        let records: Vec<Record> = clients.into_iter().map(Client::cut).collect();
        let more = conversations * arguments.missed as usize;
        send_some(peer, sent..sent + more, arguments.payload).await?;
        sent += more;
        let (storm, back) = storm(peer, records, started).await?;
        storms.push(storm);
        clients = back;
    }
    let mut verdict = Verdict::default();
    for (person, client) in clients.into_iter().enumerate() {
        let mine = |number: &usize| number % conversations == person / peer.members;
        verdict.add(&client.cut(), (0..sent).filter(mine));
    }
    tell(peer, arguments, &storms, &verdict, table);
    Ok(())
}

async fn storm(
    peer: &Arc<Peer>,
    records: Vec<Record>,
    started: Instant,
) -> anyhow::Result<(Storm, Vec<Client>)> {
    tokio::time::sleep(STATISTICS).await;
    let quiet = counted(peer, async { Ok(()) }).await?.1;
    let before = peer.usage()?;
    let began = started.elapsed();
    let coming = async {
        let tasks: Vec<_> = records
            .into_iter()
            .enumerate()
            .map(|(person, record)| {
                let peer = Arc::clone(peer);
                tokio::spawn(async move {
                    let mut client = Client::open(&peer, person, started, Some(record)).await?;
                    let current = client.until_current().await?;
                    anyhow::Ok((client, current))
                })
            })
            .collect();
        let mut back = Vec::new();
        for task in tasks {
            back.push(task.await??);
        }
        Ok(back)
    };
    let (back, used) = counted(peer, coming).await?;
    let mut times: Vec<Duration> = back.iter().map(|(_, current)| current.saturating_sub(began)).collect();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let storm = Storm {
        all_current: at(1.0),
        p50: at(0.5),
        p99: at(0.99),
        transactions: used
            .zip(quiet)
            .map(|(used, quiet)| used.count - quiet.count * (used.seconds / quiet.seconds)),
        usage: (before, peer.usage()?),
    };
    Ok((storm, back.into_iter().map(|(client, _)| client).collect()))
}

/// Transactions of a database, and in how long.
struct Counted {
    count: f64,
    seconds: f64,
}

/// Work, and the transactions of the database until its statistics have them.
async fn counted<T>(
    peer: &Peer,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, Option<Counted>)> {
    let Some(database) = &peer.database else { return Ok((work.await?, None)) };
    let (before, began) = ((database.transactions)().await?, Instant::now());
    let done = work.await?;
    tokio::time::sleep(STATISTICS).await;
    let count = ((database.transactions)().await? - before) as f64;
    Ok((done, Some(Counted { count, seconds: began.elapsed().as_secs_f64() })))
}

fn tell(peer: &Peer, arguments: &Arguments, storms: &[Storm], verdict: &Verdict, table: &mut Table) {
    let setting = format!("{} connections cut, {} messages missed by each", peer.people(), arguments.missed);
    let ms = |of: fn(&Storm) -> Duration| {
        storms.iter().map(|storm| of(storm).as_secs_f64() * 1e3).collect::<Vec<_>>()
    };
    let mut row = |what: &str, unit: &str, values: &[f64]| {
        table.row(&format!("{}, {what}", peer.name), &setting, unit, values);
    };
    row("all current after", "ms", &ms(|storm| storm.all_current));
    row("one is current after, p50", "ms", &ms(|storm| storm.p50));
    row("one is current after, p99", "ms", &ms(|storm| storm.p99));
    let transactions: Vec<f64> = storms.iter().filter_map(|storm| storm.transactions).collect();
    if !transactions.is_empty() {
        row("transactions of PostgreSQL beyond those of a quiet time", "transactions", &transactions);
    }
    for (number, (name, _, _)) in
        storms.first().map_or(&Vec::new(), |storm| &storm.usage.0).iter().enumerate()
    {
        let busy = |storm: &Storm| (storm.usage.1[number].1 - storm.usage.0[number].1).as_secs_f64() * 1e3;
        row(&format!("processor time of {name}"), "ms", &storms.iter().map(busy).collect::<Vec<_>>());
    }
    row("lost", "deliveries", &[verdict.lost as f64]);
    row("twice", "deliveries", &[verdict.duplicates as f64]);
    row("out of order", "deliveries", &[verdict.out_of_order as f64]);
    row("left out in between", "places", &[verdict.gaps as f64]);
}
