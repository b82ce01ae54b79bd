//! `nova migrate`.

use anyhow::bail;

use super::operator::server_in;
use super::{End, print};
use crate::compose;
use crate::config::Config;

pub(super) async fn run(config: Config) -> anyhow::Result<End> {
    let error = match compose::migrate(&config).await {
        Ok(found) => {
            print(&found)?;
            return Ok(End::Done);
        }
        Err(error) => error,
    };
    let Some(server) = server_in(&config, &error) else { return Err(error) };
    let (dir, process, theirs, ours) =
        (config.data.dir.display(), server.process, server.version, env!("CARGO_PKG_VERSION"));
    if theirs != ours {
        bail!(
            "{dir} is in use by a server of version {theirs} (process {process}), and this is version {ours}: stop that \
             server; the start of this version migrates"
        );
    }
    print(&format!(
        "{dir} is in use by a server of this version (process {process}), which brought the schemas up to date when it \
         started; there is nothing to migrate."
    ))?;
    Ok(End::Done)
}
