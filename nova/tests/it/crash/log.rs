//! The log as it is in the files, beside the server.

use std::collections::HashMap;
use std::path::Path;

use futures::executor::block_on;
use nova_eventlog::{EventLog, FileLog, FileLogOptions, Filter, Recorded};
use nova_events::codec::clear_part;
use serde_json::Value;
use uuid::Uuid;

pub(super) struct Replay {
    pub(super) events: Vec<(Recorded, Value)>,
    /// The positions of each command's first and last event.
    commands: HashMap<Uuid, (u64, u64)>,
}

impl Replay {
    /// Positions and revisions are checked to be dense on the way.
    pub(super) fn read(data: &Path) -> Self {
        let log = FileLog::open_read_only(data.join("data/log"), FileLogOptions::default()).unwrap();
        let mut events: Vec<(Recorded, Value)> = Vec::new();
        let mut revisions = HashMap::new();
        let mut after = 0;
        loop {
            let page = block_on(log.read_all(after, &Filter::all(), 10_000)).unwrap();
            for recorded in page.events {
                assert_eq!(recorded.position, events.len() as u64 + 1, "positions are dense");
                let next: &mut u64 = revisions.entry(recorded.stream.clone()).or_default();
                assert_eq!(recorded.revision, *next, "revisions of {} are dense", recorded.stream);
                *next += 1;
                let clear = serde_json::from_slice(clear_part(&recorded.data)).unwrap();
                events.push((recorded, clear));
            }
            after = page.position;
            if after >= page.head {
                break;
            }
        }
        let mut commands: HashMap<Uuid, (u64, u64)> = HashMap::new();
        for (recorded, _) in &events {
            let position = recorded.position;
            commands.entry(recorded.command_id()).or_insert((position, position)).1 = position;
        }
        Self { events, commands }
    }

    pub(super) fn head(&self) -> u64 {
        self.events.len() as u64
    }

    /// The position of the command's last event, if it happened.
    pub(super) fn of(&self, command_id: Uuid) -> Option<u64> {
        self.commands.get(&command_id).map(|(_, last)| *last)
    }

    pub(super) fn first_of(&self, command_id: Uuid) -> Option<&Recorded> {
        let (first, _) = self.commands.get(&command_id)?;
        self.events.get(usize::try_from(*first).ok()?.checked_sub(1)?).map(|(recorded, _)| recorded)
    }

    /// Each command's events are side by side, once, and as many as its kind has.
    pub(super) fn holds_whole_commands(&self) {
        let mut seen = std::collections::HashSet::new();
        let together = self.events.chunk_by(|(a, _), (b, _)| a.command_id() == b.command_id());
        for events in together {
            let id = events[0].0.command_id();
            assert!(seen.insert(id), "command {id} is in the log twice");
            let kinds: Vec<&str> = events.iter().map(|(recorded, _)| recorded.kind.as_str()).collect();
            let whole: &[&str] = match kinds[0] {
                "UserRegistered" => &["UserRegistered", "HandleClaimed"],
                "MessageEdited" => &["MessageEdited", "MessageEditMarked"],
                other => &[other],
            };
            assert_eq!(kinds, whole, "command {id}");
            assert!((0..).zip(events).all(|(n, (recorded, _))| recorded.ordinal == n), "command {id}");
        }
    }

    /// The clear parts of the events of a kind.
    pub(super) fn kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Recorded, &'a Value)> + 'a {
        self.events.iter().filter(move |(recorded, _)| recorded.kind.as_str() == kind).map(|(r, v)| (r, v))
    }
}
