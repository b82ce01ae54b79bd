//! The views in ClickHouse, against the real engine.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

#[path = "views_clickhouse/analytics.rs"]
mod analytics;
#[path = "views_clickhouse/generations.rs"]
mod generations;
#[path = "views_clickhouse/histories.rs"]
mod histories;
#[path = "views_clickhouse/opening.rs"]
mod opening;
#[path = "views_clickhouse/steps.rs"]
mod steps;
#[path = "views_clickhouse/support.rs"]
mod support;
