//! `nova serve`.

use super::End;
use crate::compose::Product;
use crate::config::Config;
use crate::server::{Server, Stop};
use crate::{server, telemetry};

pub(super) async fn run(config: Config) -> anyhow::Result<End> {
    let stop = Stop::on_signals()?;
    let metrics = telemetry::init_metrics()?;
    let mut product = Product::open(config).await?;
    product.start_projectors();
    product.start_purge();
    let server = Server::bind(&product, Some(metrics)).await?;
    server::tell_ready(server.address())?;
    server.run(stop).await?;
    product.close().await;
    Ok(End::Done)
}
