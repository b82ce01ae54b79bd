//! `nova import`.

use super::bar::Bar;
use super::{End, print};
use crate::cli::Import;
use crate::compose::Product;
use crate::config::Config;
use crate::import::ldbc::LdbcOptions;
use crate::import::{chitchat, ldbc};
use crate::profile::Roles;

pub(super) async fn run(config: Config, command: Import) -> anyhow::Result<End> {
    // Without projectors: the views catch up behind it, faster than they could beside the import.
    let product = Product::open(config, Roles::NONE).await?;
    let executor = product.executor().clone();
    let imported = match command {
        Import::Ldbc { dir, shift_to_now } => {
            ldbc::import(executor, &dir, LdbcOptions { shift_to_now }).await
        }
        Import::Chitchat { file } => chitchat::import(executor, &file).await,
    };
    // Also of an import that broke off: what is in the log is in the log.
    let views = fill_views(&product).await;
    product.close().await;
    let report = imported?;
    print(&format!("{report}\n{}", views?))?;
    Ok(if report.bad_count() == 0 { End::Done } else { End::BadLines })
}

/// Waits until the views hold what was imported. Says how that ended, in words.
async fn fill_views(product: &Product) -> anyhow::Result<String> {
    let started = std::time::Instant::now();
    let bar = Bar::new("views");
    let filled = product.catch_up(&mut |applied, head| bar.at(applied, head)).await;
    drop(bar);
    let head = product.log().head();
    Ok(match filled? {
        true => format!("views are current at position {head}; {:.1} s", started.elapsed().as_secs_f64()),
        false => format!(
            "the views do not move: they are at position {} of {head}, and catch up once projectors run",
            product.reader().applied()
        ),
    })
}
