//! What stands in for the distributed profile in a build without it.

use std::sync::Arc;

use nova_eventlog::EventLog;

use super::{Installation, JobOutcome, Progress, Roles, Stores};
use crate::config::Config;

pub(crate) struct OnServers;

#[async_trait::async_trait]
impl Installation for OnServers {
    async fn open(&self, _: &Config, _: Roles) -> anyhow::Result<Stores> {
        Err(not_built())
    }

    async fn migrate(&self, _: &Config) -> anyhow::Result<String> {
        Err(not_built())
    }

    async fn read_only_log(&self, _: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
        Err(not_built())
    }

    async fn log_stats(&self, _: &Config, _: Progress<'_>) -> anyhow::Result<String> {
        Err(not_built())
    }

    async fn verify_log(&self, _: &Config, _: Progress<'_>) -> anyhow::Result<JobOutcome> {
        Err(not_built())
    }
}

fn not_built() -> anyhow::Error {
    anyhow::anyhow!(
        "this build has the embedded profile only: build Nova with `--features distributed`, or set \
         profile = \"embedded\""
    )
}
