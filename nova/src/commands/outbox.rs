//! `nova outbox`.

use super::{End, print};
use crate::cli::Outbox;
use crate::compose::Product;
use crate::config::Config;
use crate::profile::Roles;

const PAGE: usize = 500;

pub(super) async fn run(config: Config, command: Outbox) -> anyhow::Result<End> {
    let product = Product::open_existing(config, Roles::NONE).await?;
    let done = match command {
        Outbox::Status => status(&product).await,
        Outbox::Parked => parked(&product).await,
        Outbox::Redrive { stream } => redrive(&product, stream.as_deref()).await,
    };
    product.close().await;
    done.map(|()| End::Done)
}

async fn status(product: &Product) -> anyhow::Result<()> {
    Ok(print(&serde_json::to_string_pretty(&product.outbox_status().await?)?)?)
}

async fn parked(product: &Product) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let page = product.outbox_parked(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        for parked in &page {
            print(&serde_json::to_string(parked)?)?;
        }
    }
}

async fn redrive(product: &Product, stream: Option<&str>) -> anyhow::Result<()> {
    let events = product.outbox_redrive(stream).await?;
    print(&format!(
        "asked the relay to publish {events} events again: `nova outbox parked` shows what it still cannot"
    ))?;
    Ok(())
}
