//! `nova outbox`.

use anyhow::bail;
use nova_query_api::jobs::Task;

use super::{End, print};
use crate::cli::Outbox;
use crate::compose::Product;
use crate::config::{Config, Profile};
use crate::profile::{NO_OUTBOX, Roles};

const PAGE: usize = 500;

pub(super) async fn run(config: Config, command: Outbox) -> anyhow::Result<End> {
    if config.profile == Profile::Embedded {
        bail!(NO_OUTBOX);
    }
    let product = Product::open_existing(config, Roles::NONE).await?;
    let done = match command {
        Outbox::Status => status(&product).await,
        Outbox::Parked => parked(&product).await,
        Outbox::Redrive { stream } => redrive(&product, stream).await,
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

async fn redrive(product: &Product, stream: Option<String>) -> anyhow::Result<()> {
    let outcome = product.perform(&Task::RedriveOutbox { stream }, &mut |_, _| ()).await?;
    Ok(print(&outcome.summary)?)
}
