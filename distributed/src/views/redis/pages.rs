//! Pages that were good, kept for a while, for when nothing better is to be had.

use std::time::Duration;

use nova_views::ViewError;

use super::RedisViews;
use super::names;

/// Marks are kept for longer than pages by this: a page is never shown when what was hidden since has been forgotten.
const MARGIN: Duration = Duration::from_secs(600);

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub bytes: Vec<u8>,
}

impl RedisViews {
    /// Keeps a page under a name, for `ttl` and never for longer than it is known what has been hidden since. `false`: it is
    /// too large.
    pub async fn keep_page(&self, name: &str, bytes: &[u8], ttl: Duration) -> Result<bool, ViewError> {
        if bytes.len() > self.shared.options.page_bytes_max {
            metrics::counter!(names::PAGES_TOO_LARGE).increment(1);
            return Ok(false);
        }
        let marks = Duration::from_millis(self.shared.options.marks_ttl_ms);
        let ttl = ttl.min(marks.saturating_sub(MARGIN)).max(Duration::from_millis(1));
        let mut command = redis::cmd("SET");
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        command.arg(self.page_key(name)).arg(bytes).arg("PX").arg(ttl_ms);
        self.ask::<()>(&command).await?;
        Ok(true)
    }

    /// `None`: it is not kept, or not any more.
    pub async fn page(&self, name: &str) -> Result<Option<Page>, ViewError> {
        let mut command = redis::cmd("GET");
        command.arg(self.page_key(name));
        let bytes: Option<Vec<u8>> = self.ask(&command).await?;
        Ok(bytes.map(|bytes| Page { bytes }))
    }

    fn page_key(&self, name: &str) -> String {
        self.key_of_history(&format!("page:{name}"))
    }

    /// Asks the server something cheap.
    pub async fn ping(&self) -> Result<(), ViewError> {
        self.ask::<String>(&redis::cmd("PING")).await.map(drop)
    }
}
