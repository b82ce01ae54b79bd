//! `nova openapi`.

use nova_domain::Limits;

use super::{End, print};
use crate::document::document;

pub(super) fn run() -> anyhow::Result<End> {
    print(&serde_json::to_string_pretty(&document(&Limits::default()))?)?;
    Ok(End::Done)
}
