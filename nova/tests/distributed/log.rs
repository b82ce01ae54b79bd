//! The log as `nova log read` shows it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::ledger::{Ledger, Told};

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) position: u64,
    pub(crate) stream: String,
    pub(crate) revision: u64,
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) command_id: Uuid,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) data: Value,
}

impl Event {
    fn of(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap_or_else(|| panic!("{key} in {line}")).to_owned();
        Self {
            position: line["position"].as_u64().unwrap(),
            stream: text("stream"),
            revision: line["revision"].as_u64().unwrap(),
            id: text("id").parse().unwrap(),
            kind: text("kind"),
            command_id: text("command_id").parse().unwrap(),
            occurred_at: text("occurred_at").parse().unwrap(),
            data: line["data"].clone(),
        }
    }

    pub(crate) fn category(&self) -> &str {
        self.stream.split('-').next().unwrap_or_default()
    }
}

/// The whole log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) events: Vec<Event>,
}

impl Log {
    pub(crate) fn read(cluster: &Cluster) -> Self {
        let printed = cluster.run(&["log", "read"]);
        Self { events: printed.lines().map(Event::of).collect() }
    }

    pub(crate) fn head(&self) -> u64 {
        self.events.len() as u64
    }

    /// Positions and revisions have no gaps.
    pub(crate) fn is_dense(&self) {
        let mut revisions: HashMap<&str, u64> = HashMap::new();
        for (position, event) in (1..).zip(&self.events) {
            assert_eq!(event.position, position, "positions are dense: {event:?}");
            let next = revisions.entry(&event.stream).or_default();
            assert_eq!(event.revision, *next, "revisions are dense: {event:?}");
            *next += 1;
        }
    }

    /// What was acknowledged is there, once and where the answer said; what was refused is not; what was not answered is
    /// there whole or not at all; and nothing else is there. How many of those without an answer are there.
    pub(crate) fn agrees_with(&self, ledger: &Ledger) -> usize {
        let mut commands: HashMap<Uuid, Vec<&Event>> = HashMap::new();
        for event in &self.events {
            commands.entry(event.command_id).or_default().push(event);
        }
        let mut unanswered_and_done = 0;
        for (asked, told) in ledger.lines() {
            let events = commands.remove(&asked.command_id()).unwrap_or_default();
            let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
            match told {
                Told::Done { position, .. } => {
                    assert_eq!(kinds, asked.deed.events(), "acknowledged at {position}: {asked:?}");
                    assert_eq!(events.last().map(|event| event.position), Some(position), "{asked:?}");
                }
                Told::Refused(why) => assert!(kinds.is_empty(), "refused ({why}), and {kinds:?}: {asked:?}"),
                Told::Maybe if kinds.is_empty() => {}
                Told::Maybe => {
                    assert_eq!(kinds, asked.deed.events(), "whole or not at all: {asked:?}");
                    unanswered_and_done += 1;
                }
            }
            for two in events.windows(2) {
                assert_eq!(two[0].position + 1, two[1].position, "side by side: {asked:?}");
            }
        }
        assert!(commands.is_empty(), "nobody asked for these: {:?}", commands.values().next());
        unanswered_and_done
    }
}
