//! What one client has got, so that it can say what it has not.

use std::collections::HashSet;
use std::time::Duration;

use super::protocol::Place;

#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) place: Place,
    /// Number of the message, and when it came since the start of the run.
    pub(crate) received: Vec<(usize, Duration)>,
    seen: HashSet<usize>,
    pub(crate) duplicates: u64,
    /// A message whose place is not behind that of the one before it.
    pub(crate) out_of_order: u64,
    /// Places that were left out. Later they would be out of order.
    pub(crate) gaps: u64,
}

impl Record {
    pub(crate) fn message(&mut self, seq: u64, number: usize, at: Duration) {
        if !self.seen.insert(number) {
            self.duplicates += 1;
            return;
        }
        match self.place.seq {
            Some(last) if seq <= last => self.out_of_order += 1,
            Some(last) => self.gaps += seq - last - 1,
            None => {}
        }
        self.place.seq = self.place.seq.max(Some(seq));
        self.received.push((number, at));
    }

    pub(crate) fn has(&self, number: usize) -> bool {
        self.seen.contains(&number)
    }
}

/// The records of all clients together.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) out_of_order: u64,
    pub(crate) gaps: u64,
}

impl Verdict {
    /// `expected`: the numbers that this client must have.
    pub(crate) fn add(&mut self, record: &Record, expected: impl Iterator<Item = usize>) {
        self.lost += expected.filter(|number| !record.has(*number)).count() as u64;
        self.delivered += record.received.len() as u64;
        self.duplicates += record.duplicates;
        self.out_of_order += record.out_of_order;
        self.gaps += record.gaps;
    }
}
