//! The end of clients that are not used any more.
//!
//! Destroying a client of librdkafka waits for its threads and, for a member of a group, for its coordinator. A client that
//! has stopped working may keep it waiting for good. So a client ends on a thread of its own, and one that never ends is
//! leaked and counted, never waited for.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Names of the metrics of clients.
pub mod names {
    pub const REPLACED: &str = "kafka_clients_replaced_total";
    pub const CLOSING: &str = "kafka_clients_closing";
}

static CLOSING: AtomicUsize = AtomicUsize::new(0);

/// Counts a client among those that were replaced because they had stopped working. `role` names its task.
pub(crate) fn replaced(role: &'static str) {
    metrics::counter!(names::REPLACED, "role" => role).increment(1);
}

/// Destroys a client on a thread of its own. Returns at once.
pub(crate) fn retire<T: Send + 'static>(client: T) {
    metrics::gauge!(names::CLOSING).set((CLOSING.fetch_add(1, Ordering::Relaxed) + 1) as f64);
    // Without a thread the client is leaked: destroying it here could block the caller for good.
    let client = ManuallyDrop::new(client);
    let end = move || {
        drop(ManuallyDrop::into_inner(client));
        metrics::gauge!(names::CLOSING).set((CLOSING.fetch_sub(1, Ordering::Relaxed) - 1) as f64);
    };
    if let Err(error) = std::thread::Builder::new().name("kafka-retire".to_owned()).spawn(end) {
        tracing::warn!(%error, "no thread to end a Kafka client, it is leaked");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Its destruction waits until the test allows it.
    struct Stuck(mpsc::Receiver<()>, mpsc::Sender<()>);

    impl Drop for Stuck {
        fn drop(&mut self) {
            let _ = self.0.recv();
            let _ = self.1.send(());
        }
    }

    #[test]
    fn retire_does_not_wait_for_a_destruction_that_hangs() {
        let (allow, allowed) = mpsc::channel();
        let (done, ended) = mpsc::channel();
        retire(Stuck(allowed, done));
        assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty), "it hangs, and the caller goes on");
        allow.send(()).unwrap();
        ended.recv_timeout(Duration::from_secs(30)).unwrap();
    }
}
