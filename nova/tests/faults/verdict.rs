//! What must hold in every case, and the table of what was measured.

use std::time::Duration;

use crate::case::Case;
use crate::tally::{Phase, Record, Route, Tally};

/// Of reads, once the store is known to be away.
const READ_P99_MAX: Duration = Duration::from_millis(300);
/// Writes may take this much longer, beside twice as long.
const WRITE_P99_MARGIN: Duration = Duration::from_millis(50);
/// With fewer requests in a phase nothing is measured.
const REQUESTS_MIN: u64 = 5;

pub(crate) const HEAD: &str = "| case | route | requests | 5xx | no answer | p50 / p99 ms before | opening | during | \
                               recovering | after | sources before | during | after |\n\
                               |---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// Everything that people could have noticed.
pub(crate) fn of(case: Case, tally: &Tally) -> Vec<String> {
    let mut faults = Vec::new();
    for route in Route::ALL {
        let mut fault = |what: String| faults.push(format!("{case}: {}: {what}", route.name()));
        for phase in Phase::COUNTED {
            let record = tally.of(route, phase);
            // What lasts for seconds has requests, or nothing was tested.
            let lasts = matches!(phase, Phase::Before | Phase::During | Phase::After);
            if lasts && record.count < REQUESTS_MIN {
                fault(format!("{phase:?}: only {} requests", record.count));
            }
            if record.failed() > 0 {
                let words = record.words.unwrap_or_default();
                let statuses = record.statuses;
                fault(format!("{phase:?}: answers by status {statuses:?}; the first failure: {words}"));
            }
        }
        let [before, during, after] =
            [Phase::Before, Phase::During, Phase::After].map(|phase| tally.of(route, phase));
        if before.degraded > 0 {
            fault(format!("{} answers are degraded before anything has happened", before.degraded));
        }
        match route {
            Route::Write => {
                let (was, is) = (before.percentile(99.0), during.percentile(99.0));
                if is > was * 2 + WRITE_P99_MARGIN {
                    fault(format!("the p99 goes from {was:.1?} to {is:.1?}"));
                }
            }
            Route::Feed
            | Route::Timeline
            | Route::Messages
            | Route::Trending
            | Route::Discover
            | Route::Profile => {
                let p99 = during.percentile(99.0);
                if p99 > READ_P99_MAX {
                    fault(format!("During: the p99 is {p99:.1?}, {READ_P99_MAX:?} at most"));
                }
                if after.degraded > 0 {
                    fault(format!("After: {} of {} answers are degraded", after.degraded, after.count));
                }
                if let Some(other) = after.sources.keys().find(|source| !before.sources.contains_key(*source))
                {
                    fault(format!("After: answers come from {other}, before from {}", sources(&before)));
                }
            }
        }
    }
    faults
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
