//! The file that says where a running server answers operators, for commands of the program that find the data folder in use.
//! The embedded profile has one: elsewhere such commands work on the stores themselves.
//!
//! The server holds a lock on the file for as long as it runs. What a kill leaves behind is not locked, so nobody follows it to
//! whatever listens there now.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Profile};

const FILE: &str = "operators.json";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningServer {
    pub address: SocketAddr,
    pub process: u32,
    pub version: String,
}

impl RunningServer {
    /// The server that has the data folder, if one answers operators.
    pub fn of(config: &Config) -> Option<Self> {
        let file = File::open(path(&config.data.dir)).ok()?;
        let held = flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK);
        if held { serde_json::from_reader(file).ok() } else { None }
    }
}

/// The file is there, and locked, while the server runs.
#[derive(Debug)]
pub(super) struct OperatorsFile {
    path: PathBuf,
    file: File,
}

impl OperatorsFile {
    /// A server whose disk is full runs without it.
    pub(super) fn write(config: &Config, address: SocketAddr) -> Option<Self> {
        if config.profile != Profile::Embedded {
            return None;
        }
        let path = path(&config.data.dir);
        match write(&path, address) {
            Ok(file) => Some(Self { path, file }),
            Err(error) => {
                tracing::warn!(%error, file = %path.display(), "commands of the program will not find this server");
                None
            }
        }
    }
}

impl Drop for OperatorsFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        // A process that is being started has a copy of the file until it runs its own program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// As a whole, and locked before anybody sees it.
fn write(path: &Path, address: SocketAddr) -> std::io::Result<File> {
    let (process, version) = (std::process::id(), env!("CARGO_PKG_VERSION").to_owned());
    let text = serde_json::to_vec(&RunningServer { address, process, version })?;
    let unfinished = path.with_extension("json.new");
    let mut file = File::create(&unfinished)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    file.write_all(&text)?;
    std::fs::rename(&unfinished, path)?;
    Ok(file)
}

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}
