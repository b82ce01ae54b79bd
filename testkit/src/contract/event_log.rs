//! The contract of [`EventLog`] and [`EventFeed`], as functions that panic when it is broken. They work on a log that
//! already holds events, but nobody else may write meanwhile. [`event_log_contract!`](crate::event_log_contract) makes a
//! test of each.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

mod appending;
mod following;
mod reading;

use std::sync::Arc;

use bytes::Bytes;
use nova_eventlog::{
    Append, Appended, EventFeed, EventLog, Expected, Kind, LogError, NewEvent, Recorded, StreamId, Write,
};
use uuid::Uuid;

pub use appending::*;
pub use following::*;
pub use reading::*;

/// What is tested: two views of one log.
#[derive(Clone)]
pub struct Ports {
    pub log: Arc<dyn EventLog>,
    pub feed: Arc<dyn EventFeed>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").field("head", &self.log.head()).finish()
    }
}

impl Ports {
    pub fn of<L: EventLog + EventFeed>(log: Arc<L>) -> Self {
        Self { log: log.clone(), feed: log }
    }

    pub async fn append(&self, writes: Vec<Write>) -> Result<Appended, LogError> {
        self.log.append(append(writes)).await
    }

    /// Everything behind `after`, page by page.
    pub async fn read_from(&self, after: u64) -> Vec<Recorded> {
        let (mut events, mut position) = (Vec::new(), after);
        loop {
            let page = self.log.read_all(position, &nova_eventlog::Filter::all(), 1000).await.unwrap();
            events.extend(page.events);
            position = page.position;
            if position >= page.head {
                return events;
            }
        }
    }
}

/// A name nobody has used.
pub fn fresh(category: &str) -> StreamId {
    StreamId::new(format!("{category}-{}", Uuid::new_v4().simple())).unwrap()
}

pub fn event(kind: &str, data: impl Into<Bytes>) -> NewEvent {
    NewEvent {
        kind: Kind::new(kind).unwrap(),
        data: data.into(),
        meta: Bytes::from_static(b"{\"by\":\"test\"}"),
    }
}

pub fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|n| event("Counted", format!("{{\"n\":{n}}}"))).collect()
}

pub fn write(stream: &StreamId, expected: Expected, count: usize) -> Write {
    Write { stream: stream.clone(), expected, events: events(count) }
}

pub fn append(writes: Vec<Write>) -> Append {
    Append { command_id: Uuid::new_v4(), writes }
}

pub fn assert_conflict<T: std::fmt::Debug>(result: Result<T, LogError>, on: &StreamId, is: Option<u64>) {
    match result {
        Err(LogError::Conflict { stream, actual, .. }) => assert_eq!((&stream, actual), (on, is)),
        other => panic!("expected a conflict on {on}, got {other:?}"),
    }
}

/// Positions follow each other, and so do the revisions of each stream seen from its first event here.
pub fn assert_dense(events: &[Recorded], after: u64) {
    let mut heads = std::collections::HashMap::new();
    for (position, event) in (after + 1..).zip(events) {
        assert_eq!(event.position, position);
        if let Some(last) = heads.insert(&event.stream, event.revision) {
            assert_eq!(event.revision, last + 1, "{}", event.stream);
        }
    }
}

/// Makes a `#[tokio::test]` of every part of the contract. The argument is a function that opens an empty log and
/// returns its [`Ports`] and whatever must live as long as they do.
#[macro_export]
macro_rules! event_log_contract {
    ($open:path) => {
        $crate::event_log_contract!(@each $open:
            every_expectation_is_checked,
            a_conflict_writes_nothing_of_the_append,
            later_writes_of_an_append_see_the_earlier_ones,
            conditions_write_nothing_and_are_checked,
            an_append_without_events_answers_with_the_head,
            repeating_a_command_returns_the_first_result,
            a_repeated_command_is_not_checked_again,
            a_failed_command_may_be_tried_again,
            the_same_command_many_times_at_once_is_written_once,
            calls_take_effect_in_order_and_dropping_withdraws_nothing,
            of_twenty_writers_with_the_same_expectation_one_wins,
            a_loser_can_read_what_it_lost_to,
            concurrent_appends_are_dense_and_whole,
            what_cannot_be_stored_is_refused,
            the_largest_append_is_taken,
            what_is_read_is_what_was_written,
            streams_are_read_both_ways,
            the_whole_log_is_read_in_pages,
            filters_admit_by_category_and_kind,
            pages_move_past_what_a_filter_leaves_out,
            events_are_found_by_id,
            time_does_not_run_backwards,
            following_catches_up_and_goes_on,
            following_under_load_misses_and_repeats_nothing,
            a_slow_follower_holds_nobody_up,
            a_filtered_follower_moves_past_the_rest,
            an_answered_append_is_visible_to_every_reader,
        );
    };
    (@each $open:path: $($name:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (ports, _alive) = $open().await;
            $crate::contract::event_log::$name(&ports).await;
        })*
    };
}
