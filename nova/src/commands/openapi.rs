//! `nova openapi`.

use super::{End, print};
use crate::config::Config;
use crate::document::document;

pub(super) fn run(config: &Config) -> anyhow::Result<End> {
    print(&serde_json::to_string_pretty(&document(&config.document_bounds()))?)?;
    Ok(End::Done)
}
