//! `nova token`.

use std::time::Duration;

use nova_events::UserId;
use nova_http::Role;
use uuid::Uuid;

use super::{End, print};
use crate::config::Config;

pub(super) fn run(config: &Config, user: Uuid, role: Role, ttl_s: u64) -> anyhow::Result<End> {
    let issuer = config.issuer()?;
    print(&issuer.issue(UserId(user), role, Duration::from_secs(ttl_s))?)?;
    Ok(End::Done)
}
