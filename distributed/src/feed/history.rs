//! What a partition no longer tells is read from the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_eventlog::{EventMark, Filter, LogError, Recorded};

use super::{Shared, unavailable};

/// A batch is handed out no later than this, however few of what was read belongs here.
const PATIENCE: Duration = Duration::from_millis(500);
/// No event is there.
const BEYOND: u64 = i64::MAX as u64;

pub(super) struct History {
    group: Arc<Shared>,
    partition: i32,
    filter: Filter,
    admitted: Filter,
    position: u64,
    /// The head of the log when it was first read, which was after the offset had been asked for.
    until: Option<u64>,
    /// Of what the log had when it was read last.
    mark: Option<EventMark>,
    /// Where Kafka goes on.
    pub(super) offset: i64,
}

impl History {
    pub(super) fn new(
        group: Arc<Shared>,
        category: &str,
        partition: i32,
        filter: &Filter,
        (after, mark): (u64, Option<EventMark>),
        offset: i64,
    ) -> Self {
        let of_category = Filter { categories: vec![category.to_owned()], kinds: filter.kinds.clone() };
        Self {
            group,
            partition,
            filter: of_category,
            admitted: filter.clone(),
            position: after,
            until: None,
            mark,
            offset,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.until.is_some_and(|until| self.position >= until)
    }

    /// Of the event at the position up to which events were handed out.
    pub(super) fn mark(&self) -> Option<EventMark> {
        self.mark.filter(|mark| mark.position == self.position)
    }

    /// Events, the position up to which these are all, and the head. `None`: that was all.
    pub(super) async fn next(
        &mut self,
        batch_events_max: usize,
    ) -> Result<Option<(Vec<Recorded>, u64, u64)>, LogError> {
        let (began, from, mut head) = (Instant::now(), self.position, 0);
        let mut events = Vec::new();
        if self.until.is_none() {
            // Not of a standby, which may show less than Kafka has.
            let (_, head) = self.group.log.mark_at(BEYOND).await?;
            self.until = Some(head);
        }
        while !self.is_done() && events.len() < batch_events_max && began.elapsed() < PATIENCE {
            let room = batch_events_max - events.len();
            let page = self.group.log.read_all(self.position, &self.filter, room).await?;
            // Whether both are of one history: the one before is looked for behind the page.
            if let Some(mark) = self.mark.take() {
                self.group.still_has(mark).await?;
            }
            self.mark = page.mark;
            head = page.head;
            if page.position <= self.position {
                return Err(unavailable(format!("the log ends at {head}, before {:?}", self.until)));
            }
            self.position = page.position;
            events.extend(page.events.into_iter().filter(|event| {
                self.group.topics.partition_of(&event.stream) == self.partition
                    && self.admitted.admits(event.stream.category(), event.kind.as_str())
            }));
        }
        Ok((self.position > from).then_some((events, self.position, head)))
    }
}
