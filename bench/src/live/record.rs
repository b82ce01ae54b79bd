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
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) out_of_order: u64,
    pub(crate) gaps: u64,
}

impl Verdict {
    /// `expected`: the numbers that this client must have.
    pub(crate) fn add(&mut self, record: &Record, expected: impl Iterator<Item = usize>) {
        self.lost += expected.filter(|number| !record.has(*number)).count() as u64;
        self.duplicates += record.duplicates;
        self.out_of_order += record.out_of_order;
        self.gaps += record.gaps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_went_wrong() {
        let mut record = Record::default();
        for (seq, number) in [(0, 10), (1, 11), (1, 11), (4, 14), (2, 12)] {
            record.message(seq, number, Duration::ZERO);
        }
        assert_eq!((record.duplicates, record.gaps, record.out_of_order), (1, 2, 1));
        assert_eq!(record.place.seq, Some(4));
        let mut verdict = Verdict::default();
        verdict.add(&record, 10..15);
        assert_eq!((verdict.lost, verdict.duplicates, verdict.out_of_order, verdict.gaps), (1, 1, 1, 2));
    }
}
