//! `nova media`. It works beside a running server too.

use nova_query_api::jobs::Task;

use super::operator::Operator;
use super::{End, print};
use crate::cli::Media;
use crate::config::Config;
use crate::profile::Roles;

pub(super) async fn run(config: Config, command: Media) -> anyhow::Result<End> {
    let operator = Operator::open(config, Roles::NONE).await?;
    let done = match command {
        Media::Sweep => operator.perform(&Task::SweepMedia).await,
    };
    operator.close().await;
    print(&serde_json::to_string_pretty(&done?.numbers)?)?;
    Ok(End::Done)
}
