//! What a run is made of, as the environment says.

use std::time::Duration;

use crate::case::Case;

/// From this on it is the full form.
const FULL_S: u64 = 30;
/// Beside a breaker's open period: what the question that closes it may take.
const CLOSING: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) cases: Vec<Case>,
    pub(crate) lasting: Duration,
    /// Before and after.
    pub(crate) quiet: Duration,
    pub(crate) rate: u64,
    /// How long a breaker stays open. What it takes to notice is part of the first such period.
    pub(crate) open: Duration,
    configure: bool,
}

impl Settings {
    pub(crate) fn of_this_run() -> Self {
        let number = |name: &str, default: u64| {
            std::env::var(name)
                .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
        };
        let lasting_s = number("NOVA_FAULT_SECONDS", 6);
        let full = lasting_s >= FULL_S;
        let cases = std::env::var("NOVA_FAULTS").ok();
        Self {
            cases: Case::named(cases.as_deref()),
            lasting: Duration::from_secs(lasting_s),
            quiet: Duration::from_secs(if full { 20 } else { 3 }),
            rate: number("NOVA_FAULT_RATE", if full { 500 } else { 150 }),
            open: Duration::from_millis(number("NOVA_FAULT_OPEN_MS", 1_000)),
            configure: number("NOVA_FAULT_RESILIENCE", 0) == 1,
        }
    }

    /// After a fault, this long until everything is as before.
    pub(crate) fn recovering(&self) -> Duration {
        self.open + CLOSING
    }

    /// The environment that gives breakers this open period.
    pub(crate) fn resilience(&self) -> Vec<(String, String)> {
        if !self.configure {
            return Vec::new();
        }
        let open_ms = self.open.as_millis().to_string();
        let stores = ["CLICKHOUSE", "REDIS", "POSTGRES", "KAFKA"];
        stores.map(|store| (format!("NOVA__RESILIENCE__{store}_OPEN_MS"), open_ms.clone())).to_vec()
    }
}
