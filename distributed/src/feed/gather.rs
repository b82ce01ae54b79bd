//! Making a batch of what came from Kafka: as many records as belong together.

use std::collections::VecDeque;

use nova_eventlog::{EventMark, Filter, Recorded};

use super::pipe::Item;
use crate::topics::Record;

/// Records that make one batch.
#[derive(Debug, PartialEq)]
pub(super) struct Gathered {
    pub(super) events: Vec<Recorded>,
    /// Every event up to here is known.
    pub(super) position: u64,
    /// Behind the last record that moved the position; `None` when none did.
    pub(super) offset: Option<i64>,
    /// Of the event at `position`, if a record says which.
    pub(super) mark: Option<EventMark>,
    /// They come after others of higher positions.
    pub(super) late: bool,
}

/// Takes what belongs to one batch from the front: events in their turn, or late ones, never both. What is at or below
/// `position` was there before, unless it is late. `None` when all of it was there before.
pub(super) fn gather(taken: &mut VecDeque<Item>, filter: &Filter, position: u64) -> Option<Gathered> {
    let mut gathered = Gathered { events: Vec::new(), position, offset: None, mark: None, late: false };
    while let Some(Item { record, .. }) = taken.front() {
        let moves_to = record.as_ref().map_or(Some(0), Record::moves_to);
        let late = moves_to.is_none();
        let was_there = moves_to.is_some_and(|to| to <= gathered.position);
        let other_batch = if late { gathered.offset.is_some() } else { gathered.late };
        if !was_there && other_batch {
            break;
        }
        let Some(Item { offset, record, .. }) = taken.pop_front() else { break };
        if was_there {
            continue;
        }
        if let Some(to) = moves_to {
            (gathered.position, gathered.offset) = (to, Some(offset + 1));
            gathered.mark = record.as_ref().and_then(Record::mark);
        }
        if let Some(Record::Event { event, .. }) = record
            && filter.admits(event.stream.category(), event.kind.as_str())
        {
            gathered.late = late;
            gathered.events.push(event);
        }
    }
    let empty = gathered.offset.is_none() && gathered.events.is_empty();
    (!empty).then_some(gathered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watermark(offset: i64, position: u64) -> Item {
        Item { offset, record: Some(Record::Watermark { position, mark: None }), session: None }
    }

    #[test]
    fn watermarks_that_have_come_together_are_one_batch() {
        let mut taken: VecDeque<Item> = (1..=500).map(|n| watermark(n, n.cast_unsigned())).collect();
        let one = gather(&mut taken, &Filter::all(), 1).unwrap();
        assert_eq!((one.position, one.offset, one.events.len(), one.late), (500, Some(501), 0, false));
        assert_eq!(taken.len(), 0);
    }

    #[test]
    fn what_was_there_before_makes_no_batch() {
        let mut taken: VecDeque<Item> =
            [watermark(1, 3), Item { offset: 2, record: None, session: None }, watermark(3, 4)].into();
        assert_eq!(gather(&mut taken, &Filter::all(), 4), None);
        assert_eq!(taken.len(), 0);
    }
}
