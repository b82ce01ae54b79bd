//! `nova dead-letters`. It works beside a running server too.

use anyhow::bail;
use nova_query_api::jobs::Task;
use nova_views::DeadLetter;

use super::operator::{Operator, PAGE};
use super::{End, print};
use crate::cli::DeadLetters;
use crate::config::Config;
use crate::profile::Roles;
use crate::tasks::STILL_PARKED;

pub(super) async fn run(config: Config, command: DeadLetters) -> anyhow::Result<End> {
    let operator = Operator::open(config, Roles::VIEWS).await?;
    let done = match command {
        DeadLetters::List { projection } => list(&operator, projection.as_deref()).await,
        DeadLetters::Show { position } => show(&operator, position).await,
        DeadLetters::Redrive { projection, stream } => redrive(&operator, projection, stream).await,
    };
    operator.close().await;
    done.map(|()| End::Done)
}

async fn list(operator: &Operator, projection: Option<&str>) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let mut page = operator.dead_letters(projection, after).await?;
        let Some(last) = page.last().map(|letter| letter.position) else { return Ok(()) };
        after = last;
        if page.len() == PAGE && page.first().is_some_and(|first| first.position < last) {
            // Others of the same position may be on the next page: take it up again there, whole.
            page.retain(|letter| letter.position < last);
            after = last - 1;
        }
        for letter in &page {
            print(&serde_json::to_string(letter)?)?;
        }
    }
}

async fn show(operator: &Operator, position: u64) -> anyhow::Result<()> {
    let letters: Vec<DeadLetter> = operator.dead_letters(None, position.saturating_sub(1)).await?;
    let here: Vec<_> = letters.into_iter().filter(|letter| letter.position == position).collect();
    if here.is_empty() {
        bail!("no dead letter is at position {position}");
    }
    for letter in &here {
        print(&serde_json::to_string_pretty(letter)?)?;
    }
    Ok(())
}

async fn redrive(operator: &Operator, projection: String, stream: Option<String>) -> anyhow::Result<()> {
    let outcome = operator.perform(&Task::Redrive { projection, stream }).await?;
    print(&outcome.summary)?;
    if outcome.numbers.get(STILL_PARKED).is_some_and(|events| *events > 0) {
        bail!("some events could not be projected: `nova dead-letters list` says why");
    }
    Ok(())
}
