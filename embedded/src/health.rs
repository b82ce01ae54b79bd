//! How the parts in the data folder are doing, in the form in which servers are asked.

use std::path::PathBuf;
use std::sync::Arc;

use nova_eventlog::{EventLog, FileLog, Filter};
use nova_resilience::{Dependency, Trouble};
use nova_views::ViewWriter;

use crate::views::Views;

/// The log in its folder.
#[derive(Debug)]
pub struct LogHealth {
    pub log: Arc<FileLog>,
    pub dir: PathBuf,
}

#[async_trait::async_trait]
impl Dependency for LogHealth {
    fn name(&self) -> &'static str {
        "log"
    }

    fn address(&self) -> String {
        self.dir.display().to_string()
    }

    fn is_required(&self) -> bool {
        true
    }

    /// Fails while appends fail, or when the latest event cannot be read.
    async fn check(&self) -> Result<(), Trouble> {
        if let Some(message) = self.log.write_trouble() {
            return Err(Trouble { class: "log", message });
        }
        let before = self.log.head().saturating_sub(1);
        let read = self.log.read_all(before, &Filter::all(), 1).await;
        read.map(drop).map_err(|error| Trouble { class: "log", message: error.to_string() })
    }
}

/// The free space of the disk that holds the data folder.
#[derive(Debug)]
pub struct DiskReserve {
    pub dir: PathBuf,
    /// Less than this is too little.
    pub reserve_bytes: u64,
}

#[async_trait::async_trait]
impl Dependency for DiskReserve {
    fn name(&self) -> &'static str {
        "disk_reserve"
    }

    fn address(&self) -> String {
        self.dir.display().to_string()
    }

    fn is_required(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), Trouble> {
        let trouble = |message: String| Trouble { class: "disk", message };
        let found = rustix::fs::statvfs(&self.dir)
            .map_err(|_| trouble("the free space of the disk cannot be read".to_owned()))?;
        let free_bytes = found.f_bavail.saturating_mul(found.f_frsize);
        metrics::gauge!(FREE).set(free_bytes as f64);
        if free_bytes < self.reserve_bytes {
            let reserve_bytes = self.reserve_bytes;
            return Err(trouble(format!(
                "{free_bytes} bytes are free, fewer than the reserve of {reserve_bytes}"
            )));
        }
        Ok(())
    }
}

const FREE: &str = "data_disk_free_bytes";

/// The views in SQLite.
#[derive(Debug)]
pub struct ViewsHealth {
    pub views: Views,
    pub dir: PathBuf,
}

#[async_trait::async_trait]
impl Dependency for ViewsHealth {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn address(&self) -> String {
        self.dir.display().to_string()
    }

    fn is_required(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), Trouble> {
        let status = self.views.status().await;
        status.map(drop).map_err(|error| Trouble { class: "views", message: error.to_string() })
    }
}
