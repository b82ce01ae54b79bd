//! `nova serve`, and each role by itself.

use super::End;
use crate::compose::Product;
use crate::config::Config;
use crate::profile::Roles;
use crate::server::{Server, Stop};
use crate::{server, telemetry};

pub(super) async fn run(config: Config, roles: Roles) -> anyhow::Result<End> {
    let stop = Stop::on_signals()?;
    let metrics = telemetry::init_metrics()?;
    let mut product = Product::open(config, roles).await?;
    product.start().await?;
    let server = Server::bind(&product, Some(metrics)).await?;
    server::tell_ready(server.address())?;
    server.run(stop).await?;
    product.close().await;
    Ok(End::Done)
}
