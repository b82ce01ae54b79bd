//! A partition that this member holds, as the client sees it: where it is, whether it is paused, and who follows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::context::FeedContext;
use super::follow::Holding;
use super::pipe::{Item, Pipe, Pushed};
use super::{Shared, names, unavailable};
use crate::relay::Validity;
use crate::topics::{Record, decode, session_of};

/// A partition of ours.
pub(super) struct Held {
    pub(super) holding: Arc<Holding>,
    pub(super) follower: Option<Follower>,
    /// The client reads it.
    pub(super) started: bool,
    /// True at first: the client remembers it from the last time that the partition was ours.
    pub(super) paused: bool,
}

pub(super) struct Follower {
    pub(super) pipe: Arc<Pipe>,
    /// The offset that comes next.
    pub(super) next: i64,
    /// The position up to which the received events are complete, as far as it is known that they count.
    pub(super) position: u64,
}

/// Passes a record to its follower.
pub(super) fn take(
    shared: &Shared,
    consumer: &BaseConsumer<FeedContext>,
    held: &mut HashMap<u64, Held>,
    places: &HashMap<String, BTreeMap<i32, u64>>,
    record: &BorrowedMessage<'_>,
) {
    let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
    let place = places.get(topic).and_then(|partitions| partitions.get(&partition));
    let Some(held) = place.and_then(|assignment| held.get_mut(assignment)) else { return };
    let Some(follower) = &mut held.follower else { return };
    // Fetched before it was paused or started anew.
    if offset < follower.next {
        return;
    }
    if offset > follower.next {
        tracing::warn!(topic, partition, offset, expected = follower.next, "records are missing");
        held.holding.offsets.forget();
        let problem = format!("{topic} {partition} has no record at {}", follower.next);
        follower.pipe.fail(unavailable(problem));
        held.follower = None;
        pause(consumer, held);
        return;
    }
    follower.next = offset + 1;
    let read = read(held.holding.category, record);
    let item = Item { offset, record: read, session: session_of(record) };
    if let Some(moves_to) = item.record.as_ref().and_then(Record::moves_to)
        && shared.sessions.validity(item.session, moves_to) == Validity::Counts
    {
        follower.position = follower.position.max(moves_to);
    }
    match follower.pipe.push(item) {
        Pushed::Taken => {}
        Pushed::Full => pause(consumer, held),
        Pushed::Gone => {
            held.follower = None;
            pause(consumer, held);
        }
    }
}

/// Gives it to the client with the offset to begin at. A seek would be less to do, but one that comes while the client is
/// still looking for where to begin is forgotten, and one in a partition that has failed is refused.
pub(super) fn start(
    consumer: &BaseConsumer<FeedContext>,
    held: &mut Held,
    offset: i64,
) -> Result<(), KafkaError> {
    if held.started {
        consumer.incremental_unassign(&alone(&held.holding))?;
        held.started = false;
    }
    let Holding { topic, place, .. } = &*held.holding;
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(topic, place.partition, Offset::Offset(offset))?;
    consumer.incremental_assign(&list)?;
    held.started = true;
    resume(consumer, held);
    Ok(())
}

fn read(category: &'static str, record: &BorrowedMessage<'_>) -> Option<Record> {
    match decode(record) {
        Ok(decoded) => Some(decoded),
        Err(error) => {
            metrics::counter!(names::FOREIGN, "category" => category).increment(1);
            let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
            tracing::error!(topic, partition, offset, %error, "no relay wrote this record; it is skipped");
            None
        }
    }
}

pub(super) fn pause(consumer: &BaseConsumer<FeedContext>, held: &mut Held) {
    if held.paused {
        return;
    }
    match consumer.pause(&alone(&held.holding)) {
        Ok(()) => held.paused = true,
        Err(error) => tracing::warn!(%error, topic = held.holding.topic, "a partition could not be paused"),
    }
}

pub(super) fn resume(consumer: &BaseConsumer<FeedContext>, held: &mut Held) {
    if !held.paused {
        return;
    }
    match consumer.resume(&alone(&held.holding)) {
        Ok(()) => held.paused = false,
        Err(error) => tracing::warn!(%error, topic = held.holding.topic, "a partition could not be resumed"),
    }
}

fn alone(holding: &Holding) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(&holding.topic, holding.place.partition);
    list
}
