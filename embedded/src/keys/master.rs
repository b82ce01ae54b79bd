//! The master key of an installation that is given none: a file beside the keys.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use nova_eventlog::private;
use nova_events::wrapping::{MasterKey, MasterKeyError};
use zeroize::Zeroizing;

/// From `NOVA_MASTER_KEY` or, if that is not set, from `master.key` in the folder. When neither is there it is made and
/// put into the file, readable by its owner only, unless there are keys already that it could not open.
pub fn load_master_key(dir: &Path) -> Result<MasterKey, MasterKeyError> {
    if let Some(key) = MasterKey::from_environment()? {
        return Ok(key);
    }
    let file = dir.join("master.key");
    if let Some(key) = MasterKey::from_file(&file)? {
        return Ok(key);
    }
    let keys = dir.join(super::store::FILE);
    if keys.exists() {
        return Err(MasterKeyError::Missing { keys, file });
    }
    let key = MasterKey::random()?;
    write(&key, &file)
        .map_err(|error| MasterKeyError::Io { place: file.display().to_string(), problem: error.kind() })?;
    Ok(key)
}

/// Durable when it returns, and never over another one.
fn write(key: &MasterKey, path: &Path) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    private::create_dir_all(dir)?;
    let mut file = private::options().write(true).create_new(true).open(path)?;
    let text: Zeroizing<String> = key.to_text();
    writeln!(file, "{}", text.as_str())?;
    file.sync_all()?;
    File::open(dir)?.sync_all()
}
