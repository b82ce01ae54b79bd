//! `nova import`.

use super::{End, print};
use crate::cli::Import;
use crate::compose::Product;
use crate::config::Config;
use crate::import::ldbc::LdbcOptions;
use crate::import::{chitchat, ldbc};
use crate::profile::Roles;

pub(super) async fn run(config: Config, command: Import) -> anyhow::Result<End> {
    // Without projectors: the views catch up when they are served next, faster than they could beside the import.
    let product = Product::open(config, Roles::NONE).await?;
    let executor = product.executor().clone();
    let imported = match command {
        Import::Ldbc { dir, shift_to_now } => {
            ldbc::import(executor, &dir, LdbcOptions { shift_to_now }).await
        }
        Import::Chitchat { file } => chitchat::import(executor, &file).await,
    };
    product.close().await;
    let report = imported?;
    print(&report.to_string())?;
    Ok(if report.bad_count() == 0 { End::Done } else { End::BadLines })
}
