//! What time it is, for breakers.

/// Milliseconds since some moment, going round at 2^32 (after 49 days). Never goes back.
pub trait Clock: Send + Sync + 'static {
    fn now_ms(&self) -> u32;
}

/// The runtime's clock, which tests can stop and move. Outside of a runtime it goes as well.
#[derive(Debug)]
pub struct TokioClock {
    began: tokio::time::Instant,
}

impl Default for TokioClock {
    fn default() -> Self {
        Self { began: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now_ms(&self) -> u32 {
        // Going round is meant.
        self.began.elapsed().as_millis() as u32
    }
}
