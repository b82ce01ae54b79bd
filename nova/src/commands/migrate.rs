//! `nova migrate`.

use super::{End, print};
use crate::compose;
use crate::config::Config;

pub(super) async fn run(config: Config) -> anyhow::Result<End> {
    print(&compose::migrate(&config).await?)?;
    Ok(End::Done)
}
