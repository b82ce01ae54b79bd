//! `nova projections`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nova_views::ProjectionStatus;

use super::{End, print};
use crate::cli::Projections;
use crate::compose::Product;
use crate::config::Config;
use crate::profile::Roles;

pub(super) async fn run(config: Config, command: Projections) -> anyhow::Result<End> {
    let product = Product::open_existing(config, Roles::VIEWS).await?;
    let done = match command {
        Projections::Status => status(&product).await,
        Projections::Rebuild { name } => rebuild(&product, &name).await,
    };
    product.close().await;
    done.map(|()| End::Done)
}

async fn status(product: &Product) -> anyhow::Result<()> {
    let head = product.log().head();
    let mut table = format!(
        "{:<22} {:>10} {:>12} {:>10} {:>12} {:>14}\n",
        "projection", "generation", "position", "lag", "dead letters", "parked streams"
    );
    for ProjectionStatus { name, generation, position, dead_letters, parked_streams, .. } in
        product.view_writer().status().await?
    {
        let lag = head.saturating_sub(position);
        table.push_str(&format!(
            "{name:<22} {generation:>10} {position:>12} {lag:>10} {dead_letters:>12} {parked_streams:>14}\n"
        ));
    }
    table.push_str(&format!("The log is at position {head}."));
    print(&table)?;
    Ok(())
}

async fn rebuild(product: &Product, name: &str) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("rebuilding {wide_bar} {pos}/{len} events {elapsed}") {
        bar.set_style(style);
    }
    let mut told = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let rebuilt = product.rebuild(name, &mut told).await;
    bar.finish_and_clear();
    rebuilt?;
    let head = product.log().head();
    print(&format!("rebuilt {name} from {head} events in {:.1} s", started.elapsed().as_secs_f64()))?;
    Ok(())
}
