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
