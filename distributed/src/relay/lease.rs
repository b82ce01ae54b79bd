//! The lease of the relay that leads. It is counted by this process's own monotonic clock from *before* a renewal was
//! sent, so it has run out here no later than in the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::store::Store;
use crate::postgres::sql_problem;

#[derive(Debug)]
pub(super) struct Lease {
    pub(super) epoch: i64,
    until: Mutex<Instant>,
    fenced: AtomicBool,
    due: AtomicBool,
    /// After each renewal, and when the lease is lost.
    pub(super) ticked: Notify,
}

impl Lease {
    /// `since` is from before the lease was taken.
    pub(super) fn new(epoch: i64, since: Instant, length: Duration) -> Arc<Self> {
        Arc::new(Self {
            epoch,
            until: Mutex::new(since + length),
            fenced: AtomicBool::new(false),
            // Whatever became due while nobody led.
            due: AtomicBool::new(true),
            ticked: Notify::new(),
        })
    }

    /// Whether this relay may publish. Ask before each batch.
    pub(super) fn holds(&self) -> bool {
        !self.fenced.load(Ordering::Acquire) && Instant::now() < *self.until.lock()
    }

    /// Another relay leads: nothing of ours holds any more.
    pub(super) fn fence(&self) {
        self.fenced.store(true, Ordering::Release);
        self.ticked.notify_one();
    }

    /// Whether parked streams are to be tried again. Asks once.
    pub(super) fn take_due(&self) -> bool {
        self.due.swap(false, Ordering::AcqRel)
    }

    /// Keeps the lease until it is dropped or lost.
    pub(super) fn keep(self: &Arc<Self>, store: Store, length: Duration) -> AbortOnDropHandle<()> {
        let lease = Arc::clone(self);
        AbortOnDropHandle::new(tokio::spawn(async move { lease.renew(&store, length).await }))
    }

    async fn renew(&self, store: &Store, length: Duration) {
        let mut pause = length / 3;
        loop {
            tokio::time::sleep(pause).await;
            let sent = Instant::now();
            let renewed = tokio::time::timeout(length / 3, store.renew(self.epoch, length)).await;
            pause = match renewed {
                Ok(Ok(Some(due))) => {
                    *self.until.lock() = sent + length;
                    if due {
                        self.due.store(true, Ordering::Release);
                    }
                    length / 3
                }
                Ok(Ok(None)) => {
                    self.fence();
                    return;
                }
                Ok(Err(error)) => {
                    tracing::warn!(error = %sql_problem(&error), "cannot renew the relay's lease, trying again");
                    length / 10
                }
                Err(_) => length / 10,
            };
            self.ticked.notify_one();
        }
    }
}
