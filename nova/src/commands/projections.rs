//! `nova projections`. It works beside a running server too.

use nova_query_api::jobs::Task;
use nova_views::ProjectionStatus;

use super::operator::Operator;
use super::{End, print};
use crate::cli::Projections;
use crate::config::Config;
use crate::profile::Roles;

pub(super) async fn run(config: Config, command: Projections) -> anyhow::Result<End> {
    let operator = Operator::open(config, Roles::VIEWS).await?;
    let done = match command {
        Projections::Status => status(&operator).await,
        Projections::Rebuild { name } => rebuild(&operator, name).await,
    };
    operator.close().await;
    done.map(|()| End::Done)
}

async fn status(operator: &Operator) -> anyhow::Result<()> {
    let (head, projections) = operator.projections().await?;
    let mut table = format!(
        "{:<22} {:>10} {:>12} {:>10} {:>12} {:>14}\n",
        "projection", "generation", "position", "lag", "dead letters", "parked streams"
    );
    for ProjectionStatus { name, generation, position, dead_letters, parked_streams, .. } in projections {
        let lag = head.saturating_sub(position);
        table.push_str(&format!(
            "{name:<22} {generation:>10} {position:>12} {lag:>10} {dead_letters:>12} {parked_streams:>14}\n"
        ));
    }
    table.push_str(&format!("The log is at position {head}."));
    print(&table)?;
    Ok(())
}

async fn rebuild(operator: &Operator, projection: String) -> anyhow::Result<()> {
    Ok(print(&operator.perform(&Task::Rebuild { projection }).await?.summary)?)
}
