//! What the client calls back. Rebalances are only put down here; the poll thread carries them out between two polls, so
//! that a poll never waits for a projection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;

use crate::kafka::KafkaContext;

pub(super) enum Rebalanced {
    Assigned(TopicPartitionList),
    Revoked(TopicPartitionList),
}

#[derive(Default)]
pub(super) struct FeedContext {
    told: KafkaContext,
    rebalanced: Mutex<VecDeque<Rebalanced>>,
    /// The client is on its way out: what is taken away is given back at once.
    closing: AtomicBool,
}

impl FeedContext {
    pub(super) fn next(&self) -> Option<Rebalanced> {
        self.rebalanced.lock().pop_front()
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for FeedContext {
    fn log(&self, level: RDKafkaLogLevel, kind: &str, text: &str) {
        self.told.log(level, kind, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.told.error(error, reason);
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerContext for FeedContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, why: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.closing.load(Ordering::Acquire) {
            if consumer.incremental_unassign(list).is_err() {
                // Some of them had not been taken over yet.
                let _ = consumer.unassign();
            }
        } else if why == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.rebalanced.lock().push_back(Rebalanced::Assigned(list.clone()));
        } else {
            self.rebalanced.lock().push_back(Rebalanced::Revoked(list.clone()));
        }
    }
}

/// Both protocols that are used are cooperative: partitions come and go one by one.
pub(super) fn assign(consumer: &BaseConsumer<FeedContext>, list: &TopicPartitionList) {
    if let Err(error) = consumer.incremental_assign(list) {
        tracing::warn!(%error, "the partitions could not be taken over");
    }
}

pub(super) fn unassign(consumer: &BaseConsumer<FeedContext>, list: &TopicPartitionList) {
    if let Err(error) = consumer.incremental_unassign(list) {
        tracing::warn!(%error, "the partitions could not be given back");
    }
}
