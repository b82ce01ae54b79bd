//! `nova demo`.

use std::sync::Arc;

use super::{End, print};
use crate::compose::Product;
use crate::config::Config;
use crate::demo::{Plan, Size, announce, play};
use crate::profile::Roles;
use crate::server::{Server, Stop};
use crate::{server, telemetry};

/// Inside the data folder, so that the demo never mixes with what is served from there.
const FOLDER: &str = "demo";

/// Moves to the folder of the demo inside the data folder.
pub(super) fn enter(config: &mut Config) {
    config.data.dir.push(FOLDER);
}

pub(super) async fn run(mut config: Config, data_is_given: bool, people: u64) -> anyhow::Result<End> {
    if !data_is_given {
        enter(&mut config);
    }
    let stop = Stop::on_signals()?;
    let metrics = telemetry::init_metrics()?;
    let plan = tokio::task::spawn_blocking(move || Plan::new(Size { people: people as usize }));
    let mut product = Product::open(config, Roles::ALL).await?;
    product.start().await?;
    // First, so that an address in use is told at once.
    let server = Server::bind(&product, Some(metrics)).await?;
    let plan = Arc::new(plan.await?);
    let played = play(&plan, product.executor(), &**product.log()).await?;
    product.wait_applied().await?;
    let (address, operators) = (server.address(), server.operators_address());
    print(&announce::text(&plan, played, &product, address, operators)?)?;
    drop(plan);
    server::tell_ready(server.address())?;
    server.run(stop).await?;
    product.close().await;
    Ok(End::Done)
}
