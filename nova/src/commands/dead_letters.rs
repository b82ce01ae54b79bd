//! `nova dead-letters`.

use anyhow::bail;
use nova_views::DeadLetter;

use super::{End, print};
use crate::cli::DeadLetters;
use crate::compose::Product;
use crate::config::Config;
use crate::profile::Roles;

const PAGE: usize = 500;

pub(super) async fn run(config: Config, command: DeadLetters) -> anyhow::Result<End> {
    let product = Product::open_existing(config, Roles::VIEWS).await?;
    let done = match command {
        DeadLetters::List { projection } => list(&product, projection.as_deref()).await,
        DeadLetters::Show { position } => show(&product, position).await,
        DeadLetters::Redrive { projection, stream } => {
            redrive(&product, &projection, stream.as_deref()).await
        }
    };
    product.close().await;
    done.map(|()| End::Done)
}

async fn list(product: &Product, projection: Option<&str>) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let mut page = product.view_writer().dead_letters(projection, after, PAGE).await?;
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

async fn show(product: &Product, position: u64) -> anyhow::Result<()> {
    let letters: Vec<DeadLetter> =
        product.view_writer().dead_letters(None, position.saturating_sub(1), PAGE).await?;
    let here: Vec<_> = letters.into_iter().filter(|letter| letter.position == position).collect();
    if here.is_empty() {
        bail!("no dead letter is at position {position}");
    }
    for letter in &here {
        print(&serde_json::to_string_pretty(letter)?)?;
    }
    Ok(())
}

async fn redrive(product: &Product, projection: &str, stream: Option<&str>) -> anyhow::Result<()> {
    let done = product.redrive(projection, stream).await?;
    print(&format!(
        "{} events projected, {} streams free again, {} events still parked",
        done.events, done.streams, done.events_still_parked
    ))?;
    if done.events_still_parked > 0 {
        bail!("some events could not be projected: `nova dead-letters list` says why");
    }
    Ok(())
}
