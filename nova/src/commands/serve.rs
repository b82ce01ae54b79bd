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
    let (ended, at_once) = (stop.gracefully.clone(), stop.at_once.clone());
    let serving = server.run(stop);
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served?,
        changed = product.history_changes() => {
            // Connections end; nothing that is remembered is saved.
            ended.cancel();
            at_once.cancel();
            if let (Err(error), ()) = tokio::join!(serving, product.abandon()) {
                tracing::warn!(%error, "the server did not end as it should");
            }
            anyhow::bail!(
                "the log is no longer the one that it was: {changed}. It was restored, or failed over with losses; after a \
                 start views are compared with it, and filled again where they are of what is lost"
            );
        }
    }
    product.close().await;
    Ok(End::Done)
}
