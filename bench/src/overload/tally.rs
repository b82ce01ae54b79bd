//! What came of the requests of a run.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::http::wire::Answer;

/// So many different wrong answers are shown.
const WRONG_MAX: usize = 5;

pub(crate) struct Tally {
    pub(crate) seconds: f64,
    pub(crate) due: u64,
    pub(crate) admitted: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) given_up: u64,
    pub(crate) client_late: u64,
    /// Of one core.
    pub(crate) client_busy: f64,
    /// The first wrong answers, for people.
    pub(crate) wrong: Vec<String>,
    /// In microseconds, from when due.
    admitted_latency: Histogram<u64>,
    refused_latency: Histogram<u64>,
    /// In microseconds, from when sent.
    answered_latency: Histogram<u64>,
    /// Admitted in each second.
    by_second: Vec<u64>,
}

/// When a request was due, sent and answered, since the start of the run.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) due: Duration,
    pub(crate) sent: Duration,
    pub(crate) answered: Duration,
}

impl Tally {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, 120_000_000, 3);
        Ok(Self {
            seconds: 0.0,
            due: 0,
            admitted: 0,
            refused: 0,
            failed: 0,
            given_up: 0,
            client_late: 0,
            client_busy: 0.0,
            wrong: Vec::new(),
            admitted_latency: histogram()?,
            refused_latency: histogram()?,
            answered_latency: histogram()?,
            by_second: Vec::new(),
        })
    }

    pub(crate) fn answered(&mut self, answer: &Answer<'_>, times: Times) {
        let since_due = micros(times.answered.saturating_sub(times.due));
        if (200..300).contains(&answer.status) {
            self.admitted += 1;
            self.admitted_latency.saturating_record(since_due);
            self.answered_latency.saturating_record(micros(times.answered.saturating_sub(times.sent)));
            let second = times.answered.as_secs() as usize;
            if self.by_second.len() <= second {
                self.by_second.resize(second + 1, 0);
            }
            self.by_second[second] += 1;
        } else if is_proper_refusal(answer) {
            self.refused += 1;
            self.refused_latency.saturating_record(since_due);
        } else {
            self.failed(format!("{}{}", answer.head, String::from_utf8_lossy(answer.body)));
        }
    }

    pub(crate) fn failed(&mut self, how: String) {
        self.failed += 1;
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(how);
        }
    }

    pub(crate) fn goodput(&self) -> f64 {
        self.admitted as f64 / self.seconds
    }

    /// The first and the last second are not whole.
    pub(crate) fn worst_second(&self) -> f64 {
        let whole = self.by_second.len().min(self.seconds as usize).saturating_sub(1);
        self.by_second.iter().take(whole).skip(1).min().map_or(0.0, |least| *least as f64)
    }

    pub(crate) fn admitted_ms(&self, percentile: f64) -> f64 {
        self.admitted_latency.value_at_percentile(percentile) as f64 / 1000.0
    }

    pub(crate) fn answered_ms(&self, percentile: f64) -> f64 {
        self.answered_latency.value_at_percentile(percentile) as f64 / 1000.0
    }

    pub(crate) fn refused_ms(&self, percentile: f64) -> f64 {
        self.refused_latency.value_at_percentile(percentile) as f64 / 1000.0
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// 503 that says when to come back, and why in the form that programs read.
fn is_proper_refusal(answer: &Answer<'_>) -> bool {
    let seconds = answer.header("retry-after").and_then(|value| value.parse::<u64>().ok());
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    answer.status == 503 && seconds.is_some_and(|seconds| seconds > 0) && is_problem && has_code(answer.body)
}

fn has_code(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Problem<'a> {
        status: u16,
        code: &'a str,
        correlation_id: &'a str,
    }
    serde_json::from_slice::<Problem<'_>>(body).is_ok_and(|problem| {
        problem.status == 503 && !problem.code.is_empty() && !problem.correlation_id.is_empty()
    })
}
