//! Whether Kafka is taken to take client events.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

const FAILURES: u32 = 2;
const OPEN: Duration = Duration::from_secs(60);
const SUCCESSES: u32 = 3;

/// Up until two sends after each other fail; then down for a minute, after which three sends have to succeed.
#[derive(Debug, Default)]
pub(super) struct Transport(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Since it went down; `None` while it is up.
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    until: Instant,
    successes: u32,
}

impl Transport {
    /// Whether to send.
    pub(super) fn is_up(&self) -> bool {
        self.0.lock().down.as_ref().is_none_or(|down| Instant::now() >= down.until)
    }

    pub(super) fn succeeded(&self) {
        let mut state = self.0.lock();
        state.failures = 0;
        let back = state.down.as_mut().is_some_and(|down| {
            down.successes += 1;
            down.successes >= SUCCESSES
        });
        if back {
            state.down = None;
            tracing::info!("Kafka takes client events again");
        }
    }

    pub(super) fn failed(&self, problem: &str) {
        let mut state = self.0.lock();
        state.failures += 1;
        let down = Down { until: Instant::now() + OPEN, successes: 0 };
        let goes_down = state.down.is_some() || state.failures >= FAILURES;
        if goes_down && state.down.replace(down).is_none() {
            tracing::warn!(problem, "Kafka does not take client events; they wait on disk");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_failures_take_it_down_and_three_successes_bring_it_back() {
        let transport = Transport::default();
        transport.failed("a");
        transport.succeeded();
        transport.failed("b");
        assert!(transport.is_up(), "one after the other");
        transport.failed("c");
        assert!(!transport.is_up());
        transport.succeeded();
        transport.succeeded();
        assert!(!transport.is_up());
        transport.succeeded();
        assert!(transport.is_up());
    }
}
