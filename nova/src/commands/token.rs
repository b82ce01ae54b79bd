//! `nova token`.

use std::time::Duration;

use nova_eventlog::FileLog;
use nova_events::UserId;
use nova_http::Role;
use uuid::Uuid;

use super::{End, demo, print};
use crate::config::{Config, Profile};

pub(super) fn run(
    mut config: Config,
    data_is_given: bool,
    user: Option<Uuid>,
    role: Role,
    ttl_s: u64,
) -> anyhow::Result<End> {
    if !data_is_given && is_for_the_demo(&config) {
        demo::enter(&mut config);
        eprintln!("nova: a token for the demo in {}", config.data.dir.display());
    }
    let user = user.map_or_else(UserId::make, UserId);
    print(&config.issuer()?.issue(user, role, Duration::from_secs(ttl_s))?)?;
    Ok(End::Done)
}

/// Whether the demo is what runs, or all that there is: a token by the key of another folder would be refused.
fn is_for_the_demo(config: &Config) -> bool {
    if config.profile != Profile::Embedded || !config.auth.key_file.as_os_str().is_empty() {
        return false;
    }
    let mut of_demo = config.clone();
    demo::enter(&mut of_demo);
    let is_served = |config: &Config| FileLog::is_open(config.data.dir.join("log"));
    let has_key = |config: &Config| config.token_key_file().exists();
    has_key(&of_demo) && !is_served(config) && (is_served(&of_demo) || !has_key(config))
}
