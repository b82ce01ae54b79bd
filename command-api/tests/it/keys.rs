//! The keys of the embedded profile, in a folder.

use std::path::Path;
use std::sync::Arc;

use nova_embedded::{LocalKeyring, load_master_key};
use nova_events::Keyring;

pub(crate) fn open(dir: &Path) -> Arc<dyn Keyring> {
    let master = load_master_key(dir).unwrap();
    Arc::new(LocalKeyring::open(dir, &master, 1_024).unwrap())
}
