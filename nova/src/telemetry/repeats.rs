//! Bounds how often one place in the program writes to the log.
//!
//! * Of one callsite so many lines are written in a second; the others are counted, and a line says at intervals how many there were.
//! * The line per request (`nova::access`) is exempt, and so is everything below info: whoever turns those on wants all of it.
//! * Memory is bounded by the number of callsites in the program.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

const ACCESS: &str = "nova::access";
const SECOND: Duration = Duration::from_secs(1);

/// The layer that leaves lines out.
#[derive(Debug, Clone)]
pub(super) struct RepeatLimit {
    per_second_max: u32,
    callsites: Arc<Mutex<HashMap<Identifier, Callsite>>>,
}

#[derive(Debug)]
struct Callsite {
    metadata: &'static Metadata<'static>,
    second_began: Instant,
    in_second: u32,
    suppressed: u64,
}

impl RepeatLimit {
    pub(super) fn new(per_second_max: u32) -> Self {
        Self { per_second_max, callsites: Arc::default() }
    }

    /// Writes at intervals what was left out, in a thread of its own, because a busy runtime is when it matters.
    pub(super) fn report_every(&self, interval: Duration) -> std::io::Result<()> {
        let limit = self.clone();
        let report = move || {
            loop {
                std::thread::sleep(interval.max(SECOND));
                limit.report();
            }
        };
        std::thread::Builder::new().name("nova-log-repeats".to_owned()).spawn(report).map(drop)
    }

    /// Returns whether a line of this callsite is written.
    fn admit(&self, metadata: &'static Metadata<'static>, now: Instant) -> bool {
        if self.per_second_max == 0 || *metadata.level() > Level::INFO || metadata.target() == ACCESS {
            return true;
        }
        let mut callsites = self.callsites.lock();
        let callsite = callsites.entry(metadata.callsite()).or_insert_with(|| Callsite {
            metadata,
            second_began: now,
            in_second: 0,
            suppressed: 0,
        });
        if now.duration_since(callsite.second_began) >= SECOND {
            (callsite.second_began, callsite.in_second) = (now, 0);
        }
        callsite.in_second = callsite.in_second.saturating_add(1);
        let is_written = callsite.in_second <= self.per_second_max;
        callsite.suppressed += u64::from(!is_written);
        is_written
    }

    /// Takes what was left out since the last time.
    fn take_suppressed(&self) -> Vec<(&'static Metadata<'static>, u64)> {
        let mut callsites = self.callsites.lock();
        let suppressed = callsites.values_mut().filter(|callsite| callsite.suppressed > 0);
        suppressed.map(|callsite| (callsite.metadata, std::mem::take(&mut callsite.suppressed))).collect()
    }

    fn report(&self) {
        for (metadata, suppressed) in self.take_suppressed() {
            tracing::warn!(
                log.target = metadata.target(),
                log.file = metadata.file().unwrap_or_default(),
                log.line = metadata.line().unwrap_or_default(),
                log.lines_suppressed = suppressed,
                "repeated log lines were left out"
            );
        }
    }
}

impl<S: Subscriber> Layer<S> for RepeatLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.admit(event.metadata(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Counts what arrives behind the limit.
    struct Counter(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Counter {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn written(limit: &RepeatLimit, write: impl FnOnce()) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        let subscriber = tracing_subscriber::registry().with(Counter(Arc::clone(&count))).with(limit.clone());
        tracing::subscriber::with_default(subscriber, write);
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn repeated_lines_of_one_callsite_are_counted_and_not_written() {
        let limit = RepeatLimit::new(10);
        let lines = written(&limit, || {
            for number in 0..1_000 {
                tracing::error!(number, "again");
            }
            tracing::error!("another callsite");
        });
        // A slow machine may see a second end in between.
        assert!((11..=100).contains(&lines), "{lines}");
        let suppressed = limit.take_suppressed();
        assert_eq!(suppressed.len(), 1);
        assert_eq!(suppressed[0].1, 1_001 - lines as u64, "every line is written or counted");
        assert!(limit.take_suppressed().is_empty(), "it is said once");
    }

    #[test]
    fn a_second_later_lines_are_written_again() {
        let limit = RepeatLimit::new(2);
        let metadata = metadata_of_some_line();
        let now = Instant::now();
        let admitted = |at| (0..5).filter(|_| limit.admit(metadata, at)).count();
        assert_eq!((admitted(now), admitted(now + SECOND / 2), admitted(now + SECOND)), (2, 0, 2));
        assert_eq!(limit.take_suppressed()[0].1, 11);
    }

    #[test]
    fn access_lines_and_debug_lines_are_never_left_out() {
        let limit = RepeatLimit::new(1);
        let lines = written(&limit, || {
            for _ in 0..100 {
                tracing::info!(target: ACCESS, "request");
                tracing::debug!("detail");
            }
        });
        assert_eq!(lines, 200);
        let off = RepeatLimit::new(0);
        assert_eq!(written(&off, || (0..100).for_each(|_| tracing::warn!("again"))), 100);
    }

    #[test]
    fn what_was_left_out_is_reported_in_one_line() {
        let limit = RepeatLimit::new(1);
        let metadata = metadata_of_some_line();
        let now = Instant::now();
        assert_eq!((0..7).filter(|_| limit.admit(metadata, now)).count(), 1);
        assert_eq!(written(&RepeatLimit::new(0), || limit.report()), 1);
        assert_eq!(written(&RepeatLimit::new(0), || limit.report()), 0);
    }

    fn metadata_of_some_line() -> &'static Metadata<'static> {
        struct Capture(Arc<Mutex<Option<&'static Metadata<'static>>>>);

        impl<S: Subscriber> Layer<S> for Capture {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                *self.0.lock() = Some(event.metadata());
            }
        }

        let captured = Arc::default();
        let subscriber = tracing_subscriber::registry().with(Capture(Arc::clone(&captured)));
        tracing::subscriber::with_default(subscriber, || tracing::warn!("a line"));
        captured.lock().take().unwrap()
    }
}
