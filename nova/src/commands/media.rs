//! `nova media`.

use anyhow::Context as _;
use nova_command_api::sweep::Sweeper;

use super::{End, print};
use crate::cli::Media;
use crate::compose::Product;
use crate::config::Config;
use crate::profile::Roles;

pub(super) async fn run(config: Config, command: Media) -> anyhow::Result<End> {
    let product = Product::open_existing(config, Roles::NONE).await?;
    let done = match command {
        Media::Sweep => sweep(&product).await,
    };
    product.close().await;
    done.map(|()| End::Done)
}

async fn sweep(product: &Product) -> anyhow::Result<()> {
    let store =
        product.media().context("this installation has no place for media: media.s3_bucket is not set")?;
    let options = product.config().sweep_options();
    let swept = Sweeper::new(store.clone(), product.executor().clone(), options).whole().await?;
    print(&serde_json::to_string_pretty(&swept)?)?;
    Ok(())
}
