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
    /// Whether what is late counts: in the full form, which has the machine to itself.
    pub(crate) in_time: bool,
    /// How long a breaker stays open. What it takes to notice is part of the first such period.
    pub(crate) open: Duration,
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
            rate: number("NOVA_FAULT_RATE", if full { 500 } else { 30 }),
            in_time: full,
            open: Duration::from_millis(number("NOVA_FAULT_OPEN_MS", if full { 10_000 } else { 2_000 })),
        }
    }

    /// After a fault, this long until everything is as before.
    pub(crate) fn recovering(&self) -> Duration {
        self.open + CLOSING
    }

    /// The environment that gives breakers this open period. `configuration` is what `nova config` prints: a product
    /// without breakers has no such keys, and would refuse them.
    pub(crate) fn resilience(&self, configuration: &str) -> Vec<(String, String)> {
        if !configuration.lines().any(|line| line.trim() == "[resilience]") {
            println!("this product has no breakers to configure");
            return Vec::new();
        }
        let open_ms = self.open.as_millis().to_string();
        let stores = ["CLICKHOUSE", "REDIS", "POSTGRES", "KAFKA"];
        let mut all =
            stores.map(|store| (format!("NOVA__RESILIENCE__{store}_OPEN_MS"), open_ms.clone())).to_vec();
        // As configured by itself; a machine that does other things as well takes its time, and what counts there is who answers.
        let (redis, fallback) = if self.in_time { ("300", "500") } else { ("1500", "1500") };
        for (store, ms) in
            [("CLICKHOUSE", "1000"), ("POSTGRES", "1000"), ("REDIS", redis), ("FALLBACK", fallback)]
        {
            all.push((format!("NOVA__RESILIENCE__{store}_CALL_MS"), ms.to_owned()));
        }
        all.push(("NOVA__QUERIES__READ_MS_MAX".to_owned(), "3000".to_owned()));
        all
    }
}
