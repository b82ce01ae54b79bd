//! `nova token`.

use std::time::Duration;

use nova_events::UserId;
use nova_http::{Issuer, Role};
use uuid::Uuid;

use super::{End, print};
use crate::config::Config;

pub(super) fn run(config: &Config, user: Uuid, role: Role, ttl_s: u64) -> anyhow::Result<End> {
    let issuer = Issuer::with_options(&config.token_key_file(), config.verifier_options())?;
    print(&issuer.issue(UserId(user), role, Duration::from_secs(ttl_s))?)?;
    Ok(End::Done)
}
