//! What was answered: how often, how, from where, how soon.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::client::Answer;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Not looked at.
    WarmUp,
    Before,
    /// The store is away, and a process may not have noticed yet.
    Opening,
    During,
    /// The store is back, and a process may not have noticed yet.
    Recovering,
    After,
}

impl Phase {
    pub(crate) const ALL: [Self; 6] =
        [Self::WarmUp, Self::Before, Self::Opening, Self::During, Self::Recovering, Self::After];
    /// Those that are looked at.
    pub(crate) const COUNTED: [Self; 5] =
        [Self::Before, Self::Opening, Self::During, Self::Recovering, Self::After];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Feed,
    Timeline,
    Messages,
    Trending,
    Discover,
    Profile,
    Write,
}

impl Route {
    pub(crate) const ALL: [Self; 7] = [
        Self::Feed,
        Self::Timeline,
        Self::Messages,
        Self::Trending,
        Self::Discover,
        Self::Profile,
        Self::Write,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Timeline => "timeline",
            Self::Messages => "messages",
            Self::Trending => "trending",
            Self::Discover => "discover",
            Self::Profile => "profile",
            Self::Write => "writes",
        }
    }
}

/// What is looked at of an answer.
pub(crate) struct Reply {
    /// 0: there was none.
    status: u16,
    source: Option<String>,
    degraded: bool,
    words: Option<String>,
}

impl Reply {
    pub(crate) fn of(answer: Option<&Answer>) -> Self {
        let Some(answer) = answer else {
            return Self { status: 0, source: None, degraded: false, words: Some("no answer".to_owned()) };
        };
        // A list says it in its body, a single thing in its headers.
        let of_header = answer.headers.get("nova-source").and_then(|value| value.to_str().ok());
        Self {
            status: answer.status.as_u16(),
            source: answer.body["source"].as_str().or(of_header).map(str::to_owned),
            degraded: answer.body["degraded"] == true || answer.headers.contains_key("nova-degraded"),
            words: (!answer.status.is_success())
                .then(|| format!("{} {}", answer.body["code"], answer.body["detail"])),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) count: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) sources: BTreeMap<String, u64>,
    pub(crate) degraded: u64,
    /// What the first failure said.
    pub(crate) words: Option<String>,
    /// In microseconds.
    latency: Histogram<u64>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            count: 0,
            statuses: BTreeMap::new(),
            sources: BTreeMap::new(),
            degraded: 0,
            words: None,
            latency: Histogram::new_with_bounds(1, 60_000_000, 3).unwrap(),
        }
    }
}

impl Record {
    pub(crate) fn percentile(&self, percentile: f64) -> Duration {
        Duration::from_micros(self.latency.value_at_percentile(percentile))
    }

    /// Answers that were not 2xx, and those that did not come.
    pub(crate) fn failed(&self) -> u64 {
        self.statuses.iter().filter(|(status, _)| !(200..300).contains(*status)).map(|(_, count)| count).sum()
    }

    /// Answers from sources that these have not.
    pub(crate) fn other_sources(&self, than: &Self) -> u64 {
        let others = self.sources.iter().filter(|(source, _)| !than.sources.contains_key(*source));
        others.map(|(_, count)| count).sum()
    }

    pub(crate) fn server_errors(&self) -> u64 {
        self.statuses.range(500..).map(|(_, count)| count).sum()
    }

    pub(crate) fn unanswered(&self) -> u64 {
        self.statuses.get(&0).copied().unwrap_or_default()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tally(HashMap<(Route, Phase), Record>);

impl Tally {
    pub(crate) fn note(&mut self, route: Route, phase: Phase, took: Duration, reply: &Reply) {
        let record = self.0.entry((route, phase)).or_default();
        record.count += 1;
        *record.statuses.entry(reply.status).or_default() += 1;
        if let Some(source) = &reply.source {
            *record.sources.entry(source.clone()).or_default() += 1;
        }
        record.degraded += u64::from(reply.degraded);
        if record.words.is_none() {
            record.words.clone_from(&reply.words);
        }
        record.latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn of(&self, route: Route, phase: Phase) -> Record {
        self.0.get(&(route, phase)).cloned().unwrap_or_default()
    }
}
