//! The appends that wait for the writer: in the order of the calls, and boundedly many.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::log::LogError;
use crate::record::{Append, Appended};

pub(crate) type Reply = oneshot::Sender<Result<Appended, LogError>>;

pub(crate) struct Request {
    pub(crate) append: Append,
    /// Of all events, with a fair share for the rest: what it will take in the file and takes in memory.
    pub(crate) bytes: usize,
    pub(crate) reply: Reply,
}

/// What [`Queue::take`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Batch,
    /// Nothing came for as long as the caller wanted to wait.
    Idle,
    /// Closed and drained.
    Closed,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    /// Why nothing is accepted any more.
    closed: Option<String>,
}

pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    appends_max: usize,
    bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(appends_max: usize, bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), arrived: Condvar::new(), appends_max, bytes_max }
    }

    pub(crate) fn push(&self, request: Request) -> Result<(), LogError> {
        let mut waiting = self.waiting.lock();
        if let Some(reason) = &waiting.closed {
            return Err(LogError::Unavailable(reason.clone()));
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

    /// Waits until there is something, at most for `idle_max`, and takes as much as fits into a batch.
    pub(crate) fn take(
        &self,
        events_max: usize,
        bytes_max: usize,
        idle_max: Option<Duration>,
        batch: &mut Vec<Request>,
    ) -> Taken {
        let mut waiting = self.waiting.lock();
        while waiting.requests.is_empty() {
            if waiting.closed.is_some() {
                return Taken::Closed;
            }
            match idle_max {
                None => self.arrived.wait(&mut waiting),
                Some(max) => {
                    if self.arrived.wait_for(&mut waiting, max).timed_out() && waiting.requests.is_empty() {
                        return Taken::Idle;
                    }
                }
            }
        }
        let (mut events, mut bytes) = (0, 0);
        while let Some(next) = waiting.requests.front() {
            events += next.append.event_count();
            bytes += next.bytes;
            if !batch.is_empty() && (events > events_max || bytes > bytes_max) {
                break;
            }
            waiting.bytes -= next.bytes;
            batch.extend(waiting.requests.pop_front());
        }
        Taken::Batch
    }

    pub(crate) fn close(&self, reason: &str) {
        let mut waiting = self.waiting.lock();
        waiting.closed.get_or_insert_with(|| reason.to_owned());
        drop(waiting);
        self.arrived.notify_all();
    }
}
