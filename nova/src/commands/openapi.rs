//! `nova openapi`.

use super::{End, print};
use crate::compose;

pub(super) fn run() -> anyhow::Result<End> {
    print(&compose::openapi().to_pretty_json()?)?;
    Ok(End::Done)
}
