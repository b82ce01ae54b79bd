//! The queue of one session, bounded in bytes. Whoever fills it never waits: a session that does not keep up loses its
//! queue at once and is told so.

use std::collections::VecDeque;
use std::sync::Arc;

use nova_events::{ConversationId, MessageId, UserId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::frame::Frame;

/// Something to tell. Shared by all who are told.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// A message event.
    Message {
        conversation: ConversationId,
        seq: u64,
        /// What it is about, and whether it takes that back.
        message: MessageId,
        deletes: bool,
        frame: Frame,
    },
    /// There is a message event that the hub could not read: look into the log.
    Missed {
        conversation: ConversationId,
        seq: u64,
    },
    /// Someone became a member, or stopped being one, by the event at this place.
    Member {
        conversation: ConversationId,
        user: UserId,
        added: bool,
        revision: u64,
        position: u64,
        frame: Frame,
    },
    /// Something that is told once, to whoever is there.
    Note {
        conversation: ConversationId,
        frame: Frame,
    },
    Timeline {
        frame: Frame,
    },
}

impl Item {
    fn bytes(&self) -> usize {
        /// What an item takes besides its text.
        const OVERHEAD: usize = 96;
        match self {
            Self::Message { frame, .. }
            | Self::Member { frame, .. }
            | Self::Note { frame, .. }
            | Self::Timeline { frame } => frame.text.len() + OVERHEAD,
            Self::Missed { .. } => OVERHEAD,
        }
    }
}

/// Why a session gets nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It did not keep up.
    TooSlow,
    /// Its user's account has been closed.
    AccountClosed,
}

#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    filled: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Arc<Item>>,
    bytes: usize,
    ended: Option<Ended>,
}

impl Mailbox {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { queue: Mutex::default(), filled: Notify::new(), bytes_max }
    }

    pub(crate) fn push(&self, item: &Arc<Item>) {
        let mut queue = self.queue.lock();
        if queue.ended.is_some() {
            return;
        }
        queue.bytes += item.bytes();
        if queue.bytes > self.bytes_max {
            *queue = Queue { ended: Some(Ended::TooSlow), ..Queue::default() };
        } else {
            queue.items.push_back(Arc::clone(item));
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Ends the session: what waits for it is dropped.
    pub(crate) fn end(&self, ended: Ended) {
        *self.queue.lock() = Queue { ended: Some(ended), ..Queue::default() };
        self.filled.notify_one();
    }

    /// What is there right now.
    pub(crate) fn try_next(&self) -> Result<Option<Arc<Item>>, Ended> {
        let mut queue = self.queue.lock();
        if let Some(ended) = queue.ended {
            return Err(ended);
        }
        let item = queue.items.pop_front();
        if let Some(item) = &item {
            queue.bytes -= item.bytes();
        }
        if queue.items.is_empty() && queue.items.capacity() > 64 {
            // A burst is over: an idle session holds no memory for the next one.
            queue.items = VecDeque::new();
        }
        Ok(item)
    }

    /// Waits for the next item. May be dropped and called again at any time without losing one.
    pub(crate) async fn next(&self) -> Result<Arc<Item>, Ended> {
        loop {
            if let Some(item) = self.try_next()? {
                return Ok(item);
            }
            self.filled.notified().await;
        }
    }

    /// Waits until the session has to end: to be raced with a write that may never end.
    pub(crate) async fn ended(&self) -> Ended {
        loop {
            if let Some(ended) = self.queue.lock().ended {
                return ended;
            }
            self.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::frame;

    fn item() -> Arc<Item> {
        Arc::new(Item::Timeline { frame: frame::pong() })
    }

    #[tokio::test]
    async fn items_come_out_in_order_and_make_room() {
        let mailbox = Mailbox::new(3 * item().bytes());
        for _ in 0..50 {
            let items = [item(), item(), item()];
            items.iter().for_each(|item| mailbox.push(item));
            for item in &items {
                assert!(Arc::ptr_eq(&mailbox.next().await.unwrap(), item));
            }
        }
        assert_eq!(mailbox.try_next(), Ok(None));
    }

    #[tokio::test]
    async fn a_full_mailbox_gives_up_once_and_for_all() {
        let mailbox = Mailbox::new(2 * item().bytes());
        for _ in 0..3 {
            mailbox.push(&item());
        }
        assert_eq!(mailbox.next().await, Err(Ended::TooSlow));
        mailbox.push(&item());
        assert_eq!(mailbox.try_next(), Err(Ended::TooSlow));
        assert_eq!(mailbox.ended().await, Ended::TooSlow);
        assert_eq!(mailbox.queue.lock().items.len(), 0, "nothing is held for a session that is given up");
    }

    #[tokio::test]
    async fn an_ended_mailbox_drops_what_waits() {
        let mailbox = Mailbox::new(1000);
        mailbox.push(&item());
        mailbox.end(Ended::AccountClosed);
        mailbox.push(&item());
        assert_eq!(mailbox.next().await, Err(Ended::AccountClosed));
        assert_eq!(mailbox.ended().await, Ended::AccountClosed);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let mailbox = Arc::new(Mailbox::new(1000));
        let waiting = tokio::spawn({
            let mailbox = Arc::clone(&mailbox);
            async move { mailbox.next().await }
        });
        tokio::task::yield_now().await;
        mailbox.push(&item());
        assert!(waiting.await.unwrap().is_ok());
    }
}
