//! `nova projections`.

use nova_views::ProjectionStatus;

use super::{End, print};
use crate::cli::Projections;
use crate::compose::Product;
use crate::config::Config;

pub(super) async fn run(config: Config, command: Projections) -> anyhow::Result<End> {
    let mut product = Product::open(config).await?;
    let done = match command {
        Projections::Status => status(&product).await,
        Projections::Rebuild { name } => rebuild(&mut product, &name).await,
    };
    product.close().await;
    done.map(|()| End::Done)
}

async fn status(product: &Product) -> anyhow::Result<()> {
    let head = product.log().head();
    let mut table = format!(
        "{:<16} {:>10} {:>12} {:>10} {:>12} {:>14}\n",
        "projection", "generation", "position", "lag", "dead letters", "parked streams"
    );
    for ProjectionStatus { name, generation, position, dead_letters, parked_streams, .. } in
        product.view_writer().status().await?
    {
        let lag = head.saturating_sub(position);
        table.push_str(&format!(
            "{name:<16} {generation:>10} {position:>12} {lag:>10} {dead_letters:>12} {parked_streams:>14}\n"
        ));
    }
    table.push_str(&format!("The log is at position {head}."));
    print(&table)?;
    Ok(())
}

async fn rebuild(product: &mut Product, name: &str) -> anyhow::Result<()> {
    product.start_projectors();
    product.wait_applied().await?;
    let started = std::time::Instant::now();
    product.projectors()?.rebuild(name).await?;
    let head = product.log().head();
    print(&format!("rebuilt {name} from {head} events in {:.1} s", started.elapsed().as_secs_f64()))?;
    Ok(())
}
