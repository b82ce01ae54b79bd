//! What must hold in every case, and the table of what was measured.

use std::time::Duration;

use crate::case::{Case, How, Store};
use crate::tally::{Phase, Record, Route, Tally};

/// Of reads, once the store is known to be away.
const READ_P99_MAX: Duration = Duration::from_millis(300);
/// Writes may take this much longer, beside twice as long.
const WRITE_P99_MARGIN: Duration = Duration::from_millis(50);
/// With fewer requests in a phase nothing was tested.
const REQUESTS_MIN: u64 = 1;

pub(crate) const HEAD: &str = "| case | route | requests | 5xx | no answer | p50 / p99 ms before | opening | during | \
                               recovering | after | sources before | during | after |\n\
                               |---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// Everything that people could have noticed. `in_time`: also what takes longer than it should, and what is late to be as
/// before; that says something about Nova only where it has the machine to itself.
pub(crate) fn of(case: Case, tally: &Tally, in_time: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for route in Route::ALL {
        let mut found = Vec::new();
        for phase in Phase::COUNTED {
            found.extend(of_phase(case, route, phase, &tally.of(route, phase)));
        }
        found.extend(match route {
            Route::Write if in_time => of_writes(tally),
            Route::Write => Vec::new(),
            Route::Feed
            | Route::Timeline
            | Route::Messages
            | Route::Trending
            | Route::Discover
            | Route::Profile => of_reads(case, route, tally, in_time),
        });
        faults.extend(found.into_iter().map(|fault| format!("{case}: {}: {fault}", route.name())));
    }
    faults
}

fn of_phase(case: Case, route: Route, phase: Phase, record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    // What lasts for seconds has requests, or nothing was tested.
    let lasts = matches!(phase, Phase::Before | Phase::During | Phase::After);
    if lasts && record.count < REQUESTS_MIN {
        found.push(format!("{phase:?}: only {} requests", record.count));
    }
    // Someone whom nobody has looked at lately is known to PostgreSQL alone.
    let is_away = matches!(phase, Phase::Opening | Phase::During | Phase::Recovering);
    let may_fail = route == Route::Profile && case.store == Store::PostgresReads && is_away;
    if record.failed() > 0 && !may_fail {
        let words = record.words.as_deref().unwrap_or_default();
        found.push(format!("{phase:?}: answers by status {:?}; the first failure: {words}", record.statuses));
    }
    found
}

/// Routes that cannot be answered by their best source while a store is away.
fn is_elsewhere(case: Case, route: Route) -> bool {
    if case.how == How::Resets {
        return false;
    }
    match (case.store, route) {
        (Store::ClickHouse, Route::Feed | Route::Trending) => true,
        (Store::Redis, Route::Timeline) => true,
        (Store::PostgresReads, Route::Feed | Route::Timeline | Route::Messages | Route::Trending) => true,
        (Store::ClickHouse | Store::Redis | Store::Kafka | Store::PostgresReads, _) => false,
    }
}

fn of_reads(case: Case, route: Route, tally: &Tally, in_time: bool) -> Vec<String> {
    let [before, during, after] =
        [Phase::Before, Phase::During, Phase::After].map(|phase| tally.of(route, phase));
    let mut found = Vec::new();
    if is_elsewhere(case, route) && during.degraded == 0 {
        found.push("During: no answer says that it is degraded".to_owned());
    }
    let elsewhere = during.other_sources(&before);
    if elsewhere > during.degraded {
        let degraded = during.degraded;
        found.push(format!(
            "During: {elsewhere} answers come from elsewhere, {degraded} say that they are degraded"
        ));
    }
    if !in_time {
        return found;
    }
    if before.degraded > 0 {
        found.push(format!("Before: {} of {} answers are degraded", before.degraded, before.count));
    }
    let p99 = during.percentile(99.0);
    if p99 > READ_P99_MAX {
        found.push(format!("During: the p99 is {p99:.1?}, {READ_P99_MAX:?} at most"));
    }
    if after.degraded > 0 {
        found.push(format!("After: {} of {} answers are degraded", after.degraded, after.count));
    }
    if after.other_sources(&before) > 0 {
        found.push(format!("After: answers come from {}, before from {}", sources(&after), sources(&before)));
    }
    found
}

/// None of the stores that are away is on the way of a command.
fn of_writes(tally: &Tally) -> Vec<String> {
    let [was, is] =
        [Phase::Before, Phase::During].map(|phase| tally.of(Route::Write, phase).percentile(99.0));
    let mut found = Vec::new();
    if is > was * 2 + WRITE_P99_MARGIN {
        found.push(format!("the p99 goes from {was:.1?} to {is:.1?}"));
    }
    found
}

/// One line of the table for each route.
pub(crate) fn lines(case: Case, tally: &Tally) -> Vec<String> {
    let line = |route: Route| {
        let records = Phase::COUNTED.map(|phase| tally.of(route, phase));
        let sum = |count: fn(&Record) -> u64| records.iter().map(count).sum::<u64>();
        let ms = |record: &Record, percentile| record.percentile(percentile).as_secs_f64() * 1_000.0;
        let latencies = records.each_ref().map(|record| {
            if record.count == 0 {
                "-".to_owned()
            } else {
                format!("{:.0} / {:.0}", ms(record, 50.0), ms(record, 99.0))
            }
        });
        let [before, _, during, _, after] = &records;
        format!(
            "| {case} | {} | {} | {} | {} | {} | {} | {} | {} |",
            route.name(),
            sum(|record| record.count),
            sum(Record::server_errors),
            sum(Record::unanswered),
            latencies.join(" | "),
            sources(before),
            sources(during),
            sources(after)
        )
    };
    Route::ALL.map(line).to_vec()
}

/// Where answers came from, most of them first, and how many were degraded.
fn sources(record: &Record) -> String {
    let mut sources: Vec<_> = record.sources.iter().collect();
    sources.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut words: Vec<_> = sources.iter().map(|(source, count)| format!("{source} {count}")).collect();
    if record.degraded > 0 {
        words.push(format!("({} degraded)", record.degraded));
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}
