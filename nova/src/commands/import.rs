//! `nova import`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("{msg:>14} {wide_bar} {percent:>3} %  {elapsed_precise}")
    {
        bar.set_style(style);
    }
    bar.set_message("views");
    let mut told = |applied, head| {
        bar.set_length(head);
        bar.set_position(applied);
    };
    let filled = product.catch_up(&mut told).await;
    bar.finish_and_clear();
    let head = product.log().head();
    Ok(match filled? {
        true => format!("views are current at position {head}; {:.1} s", started.elapsed().as_secs_f64()),
        false => format!(
            "the views do not move: they are at position {} of {head}, and catch up once projectors run",
            product.reader().applied()
        ),
    })
}
