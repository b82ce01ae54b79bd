//! The one place where telemetry is set up: what the program tells goes to stderr, so that stdout is for results.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogFormat, Telemetry};
use repeats::RepeatLimit;

mod families;
pub mod process;
mod repeats;

/// Goes before `telemetry.filter`.
const FILTER_VARIABLE: &str = "NOVA_LOG";

/// Upper bounds of the buckets of durations, in seconds: from what a cached answer takes to what is given up on.
const DURATION_BUCKETS_S: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0,
];

/// Starts telling. Once per process.
pub fn init(telemetry: &Telemetry) -> anyhow::Result<()> {
    let (filter, from) = match std::env::var(FILTER_VARIABLE) {
        Ok(filter) if !filter.is_empty() => (filter, FILTER_VARIABLE),
        _ => (telemetry.filter.clone(), "telemetry.filter"),
    };
    let filter = EnvFilter::try_new(filter).with_context(|| format!("{from} is not a filter"))?;
    let is_terminal = std::io::stderr().is_terminal();
    let compact = match telemetry.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Compact => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if compact {
        lines.compact().with_ansi(is_terminal).with_target(false).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    };
    let repeats = RepeatLimit::new(telemetry.repeated_lines_per_second_max);
    let subscriber = tracing_subscriber::registry().with(lines).with(repeats.clone()).with(filter);
    subscriber.try_init().context("telemetry is set up already")?;
    let interval = Duration::from_millis(telemetry.suppressed_interval_ms);
    repeats.report_every(interval).context("cannot start a thread for the log")
}

/// How often what has been observed goes into its buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts counting. Once per process, within a runtime; without it metrics go nowhere.
pub fn init_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS_S)?
        .install_recorder()
        .context("metrics are set up already")?;
    families::describe();
    // Every duration is kept by itself until then. Nobody may ever ask for the metrics.
    let kept = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            kept.run_upkeep();
        }
    });
    Ok(handle)
}
