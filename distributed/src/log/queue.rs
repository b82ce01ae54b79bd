//! The appends that wait for the writer: in the order of the calls, and boundedly many.

use std::collections::VecDeque;
use std::time::Instant;

use nova_eventlog::{Append, Appended, LogError};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

type Reply = oneshot::Sender<Result<Appended, LogError>>;

pub(super) struct Request {
    pub(super) append: Append,
    pub(super) events: usize,
    bytes: usize,
    since: Instant,
    reply: Reply,
}

impl Request {
    pub(super) fn new(append: Append, bytes: usize, reply: Reply) -> Self {
        Self { events: append.event_count(), append, bytes, since: Instant::now(), reply }
    }

    pub(super) fn answer(self, result: Result<Appended, LogError>) {
        metrics::histogram!("log_append_seconds").record(self.since.elapsed().as_secs_f64());
        if matches!(result, Err(LogError::Conflict { .. })) {
            metrics::counter!("log_conflicts_total").increment(1);
        }
        // Nobody may be listening any more: that withdraws nothing.
        self.reply.send(result).ok();
    }
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    /// Why nothing is accepted any more.
    closed: Option<&'static str>,
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    appends_max: usize,
    bytes_max: usize,
}

impl Queue {
    pub(super) fn new(appends_max: usize, bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new(), appends_max, bytes_max }
    }

    pub(super) fn push(&self, request: Request) -> Result<(), LogError> {
        let mut waiting = self.waiting.lock();
        if let Some(reason) = waiting.closed {
            return Err(LogError::Unavailable(reason.to_owned()));
        }
        let full = waiting.requests.len() >= self.appends_max
            || (waiting.bytes + request.bytes > self.bytes_max && !waiting.requests.is_empty());
        if full {
            return Err(LogError::Overloaded { waiting: waiting.requests.len() });
        }
        waiting.bytes += request.bytes;
        waiting.requests.push_back(request);
        let first = waiting.requests.len() == 1;
        drop(waiting);
        if first {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits until there is something and takes as much as fits into a batch. `None`: closed and drained.
    pub(super) async fn take(&self, events_max: usize, bytes_max: usize) -> Option<Vec<Request>> {
        loop {
            {
                let mut waiting = self.waiting.lock();
                if !waiting.requests.is_empty() {
                    return Some(waiting.take(events_max, bytes_max));
                }
                if waiting.closed.is_some() {
                    return None;
                }
            }
            // One permit is kept for whoever comes here later: nothing is missed in between.
            self.arrived.notified().await;
        }
    }

    pub(super) fn close(&self, reason: &'static str) {
        self.waiting.lock().closed.get_or_insert(reason);
        self.arrived.notify_one();
    }
}

impl Waiting {
    fn take(&mut self, events_max: usize, bytes_max: usize) -> Vec<Request> {
        let mut batch = Vec::new();
        let (mut events, mut bytes) = (0, 0);
        while let Some(next) = self.requests.front() {
            // A condition is work, too.
            events += next.events.max(1);
            bytes += next.bytes;
            if !batch.is_empty() && (events > events_max || bytes > bytes_max) {
                break;
            }
            self.bytes -= next.bytes;
            batch.extend(self.requests.pop_front());
        }
        metrics::gauge!("log_queue_appends").set(self.requests.len() as f64);
        batch
    }
}
