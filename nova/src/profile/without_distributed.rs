//! What stands in for the distributed profile in a build without it.

use super::{Installation, Roles, Stores};
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
}

fn not_built() -> anyhow::Error {
    anyhow::anyhow!(
        "this build has the embedded profile only: build Nova with `--features distributed`, or set \
         profile = \"embedded\""
    )
}
