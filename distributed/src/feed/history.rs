//! What a partition no longer tells is read from the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_eventlog::{EventLog, Filter, LogError, Recorded};

use crate::topics::Topics;

/// A batch is handed out no later than this, however few of what was read belongs here.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct History {
    log: Arc<dyn EventLog>,
    topics: Topics,
    partition: i32,
    filter: Filter,
    admitted: Filter,
    position: u64,
    /// The head of the log when it was first read, which was after the offset had been asked for.
    until: Option<u64>,
    /// Where Kafka goes on.
    pub(super) offset: i64,
}

impl History {
    pub(super) fn new(
        log: Arc<dyn EventLog>,
        topics: Topics,
        category: &str,
        partition: i32,
        filter: &Filter,
        after: u64,
        offset: i64,
    ) -> Self {
        let of_category = Filter { categories: vec![category.to_owned()], kinds: filter.kinds.clone() };
        Self {
            log,
            topics,
            partition,
            filter: of_category,
            admitted: filter.clone(),
            position: after,
            until: None,
            offset,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.until.is_some_and(|until| self.position >= until)
    }

    /// Events, the position up to which these are all, and the head. `None`: that was all.
    pub(super) async fn next(
        &mut self,
        batch_events_max: usize,
    ) -> Result<Option<(Vec<Recorded>, u64, u64)>, LogError> {
        let (began, from, mut head) = (Instant::now(), self.position, 0);
        let mut events = Vec::new();
        while !self.is_done() && events.len() < batch_events_max && began.elapsed() < PATIENCE {
            let room = batch_events_max - events.len();
            let page = self.log.read_all(self.position, &self.filter, room).await?;
            self.until.get_or_insert(page.head);
            head = page.head;
            self.position = self.position.max(page.position);
            events.extend(page.events.into_iter().filter(|event| {
                self.topics.partition_of(&event.stream) == self.partition
                    && self.admitted.admits(event.stream.category(), event.kind.as_str())
            }));
        }
        Ok((self.position > from).then_some((events, self.position, head)))
    }
}
