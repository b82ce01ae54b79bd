//! `nova migrate`.

use super::{End, print};
use crate::compose::Product;
use crate::config::Config;
use crate::profile::Roles;

/// The embedded profile brings its schemas up to date whenever it opens, so there is nothing to do but to open it.
pub(super) async fn run(config: Config) -> anyhow::Result<End> {
    let dir = config.data.dir.clone();
    let product = Product::open(config, Roles::NONE).await?;
    let checked = product.view_writer().status().await;
    let head = product.log().head();
    product.close().await;
    let views = checked?.len();
    print(&format!(
        "{}: the log (position {head}) and {views} views open and have the schemas of this version.\n\
         The embedded profile applies its schemas at every start; there is nothing else to migrate.",
        dir.display()
    ))?;
    Ok(End::Done)
}
