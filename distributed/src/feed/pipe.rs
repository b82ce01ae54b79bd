//! Between the poll thread and one follower: a bounded queue that never blocks the poll thread. When it is full the
//! partition is paused; when half of it has been taken, it is resumed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use nova_eventlog::LogError;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::topics::Record;

/// A record of the partition.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) offset: i64,
    /// `None`: no relay wrote it.
    pub(super) record: Option<Record>,
    /// The session of the relay that wrote it, if it says so.
    pub(super) session: Option<i64>,
}

impl Item {
    const FIXED_BYTES: usize = 256;

    fn bytes(&self) -> usize {
        let variable = match &self.record {
            Some(Record::Event { event, .. }) => event.data.len() + event.meta.len(),
            Some(Record::Watermark { .. }) | None => 0,
        };
        Self::FIXED_BYTES + variable
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Taken,
    /// It has been taken, and is the last one for now.
    Full,
    /// Nobody follows any more.
    Gone,
}

#[derive(Debug)]
pub(super) struct Pipe {
    state: Mutex<State>,
    filled: Notify,
    items_max: usize,
    bytes_max: usize,
    /// Of all pipes of the group.
    queued_bytes: Arc<AtomicUsize>,
    /// The position up to which the follower has handed out what came.
    reached: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    full: bool,
    gone: bool,
    failure: Option<LogError>,
}

impl Pipe {
    pub(super) fn new(items_max: usize, bytes_max: usize, queued_bytes: Arc<AtomicUsize>) -> Self {
        Self {
            state: Mutex::default(),
            filled: Notify::new(),
            items_max,
            bytes_max,
            queued_bytes,
            reached: AtomicU64::new(0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().items.is_empty()
    }

    /// The follower has handed out everything up to here.
    pub(super) fn reach(&self, position: u64) {
        self.reached.fetch_max(position, Ordering::Relaxed);
    }

    pub(super) fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }

    pub(super) fn push(&self, item: Item) -> Pushed {
        let mut state = self.state.lock();
        if state.gone {
            return Pushed::Gone;
        }
        let bytes = item.bytes();
        state.bytes += bytes;
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        state.items.push_back(item);
        state.full = state.items.len() >= self.items_max || state.bytes >= self.bytes_max;
        let full = state.full;
        drop(state);
        self.filled.notify_one();
        if full { Pushed::Full } else { Pushed::Taken }
    }

    /// What is in it can still be taken, then the error comes. The first one stays.
    pub(super) fn fail(&self, error: LogError) {
        self.state.lock().failure.get_or_insert(error);
        self.filled.notify_one();
    }

    /// At least one, at most `max`, in order, and whether there is room again.
    pub(super) async fn pop(&self, max: usize) -> Result<(Vec<Item>, bool), LogError> {
        loop {
            if let Some(taken) = self.try_pop(max) {
                return taken;
            }
            self.filled.notified().await;
        }
    }

    fn try_pop(&self, max: usize) -> Option<Result<(Vec<Item>, bool), LogError>> {
        let mut state = self.state.lock();
        if state.items.is_empty() {
            return state.failure.clone().map(Err);
        }
        let count = state.items.len().min(max.max(1));
        let taken: Vec<Item> = state.items.drain(..count).collect();
        let bytes: usize = taken.iter().map(Item::bytes).sum();
        state.bytes -= bytes;
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let half_empty = state.items.len() <= self.items_max / 2 && state.bytes <= self.bytes_max / 2;
        let resume = state.full && half_empty;
        if resume {
            state.full = false;
        }
        Some(Ok((taken, resume)))
    }

    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.gone = true;
        self.queued_bytes.fetch_sub(state.bytes, Ordering::Relaxed);
        state.bytes = 0;
        state.items = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(offset: i64) -> Item {
        Item { offset, record: Some(Record::Watermark { position: 1, mark: None }), session: None }
    }

    fn pipe(items_max: usize) -> Pipe {
        Pipe::new(items_max, 1 << 20, Arc::default())
    }

    #[tokio::test]
    async fn a_full_pipe_has_room_again_when_half_of_it_is_taken() {
        let pipe = pipe(4);
        let pushed: Vec<Pushed> = (0..4).map(|offset| pipe.push(mark(offset))).collect();
        assert_eq!(pushed, [Pushed::Taken, Pushed::Taken, Pushed::Taken, Pushed::Full]);
        let (first, resume) = pipe.pop(1).await.unwrap();
        assert_eq!((first[0].offset, resume), (0, false));
        let (next, resume) = pipe.pop(1).await.unwrap();
        assert_eq!((next[0].offset, resume), (1, true), "half of it is left");
        assert!(!pipe.pop(9).await.unwrap().1, "said once");
    }

    #[tokio::test]
    async fn bytes_fill_it_too_and_are_counted() {
        let queued = Arc::new(AtomicUsize::new(0));
        let pipe = Pipe::new(100, 2 * Item::FIXED_BYTES, Arc::clone(&queued));
        assert_eq!(pipe.push(mark(0)), Pushed::Taken);
        assert_eq!(pipe.push(mark(1)), Pushed::Full);
        assert_eq!(queued.load(Ordering::Relaxed), 2 * Item::FIXED_BYTES);
        pipe.pop(1).await.unwrap();
        pipe.leave();
        assert_eq!(queued.load(Ordering::Relaxed), 0);
        assert_eq!(pipe.push(mark(2)), Pushed::Gone);
    }

    #[tokio::test]
    async fn an_error_comes_behind_what_was_there() {
        let pipe = pipe(4);
        pipe.push(mark(7));
        pipe.fail(LogError::Unavailable("first".to_owned()));
        pipe.fail(LogError::Unavailable("second".to_owned()));
        assert_eq!(pipe.pop(9).await.unwrap().0[0].offset, 7);
        assert!(matches!(pipe.pop(9).await, Err(LogError::Unavailable(problem)) if problem == "first"));
    }
}
