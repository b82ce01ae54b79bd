//! What can be set, each limit with its unit.

use std::path::{Path, PathBuf};

use nova_eventlog::FileLogOptions;
use nova_events::wrapping::MasterKey;
use nova_views::ranking::Weights;

/// Settings of the embedded profile. Everything lives below `data`.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    pub data: PathBuf,
    pub log: FileLogOptions,
    /// The key that wraps all keys. `None`: from the environment or `<data>/keys/master.key`, see [`load_master_key`](crate::keys::load_master_key).
    pub master_key: Option<MasterKey>,
    /// Data keys kept ready; each about 1 KB.
    pub keys_cached_max: usize,
    /// A key that the log needs and that is not there is given up for good, instead of refusing to open.
    pub give_up_missing_keys: bool,
    pub views: ViewsOptions,
}

impl EmbeddedOptions {
    pub fn at(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            log: FileLogOptions::default(),
            master_key: None,
            keys_cached_max: 32_768,
            give_up_missing_keys: false,
            views: ViewsOptions::default(),
        }
    }

    pub fn log_dir(&self) -> PathBuf {
        self.data.join("log")
    }

    pub fn keys_dir(&self) -> PathBuf {
        self.data.join("keys")
    }

    pub fn views_dir(&self) -> PathBuf {
        views_dir(&self.data)
    }
}

fn views_dir(data: &Path) -> PathBuf {
    data.join("views")
}

/// Settings of the views.
#[derive(Debug, Clone)]
pub struct ViewsOptions {
    /// Questions that go to the files at a time; further ones wait. Each costs a thread and six connections.
    pub readers_max: usize,
    /// Page cache of the connection that writes a view, and of each that reads one.
    pub writer_cache_bytes: usize,
    pub reader_cache_bytes: usize,
    /// How much of a view file may be mapped into memory. The kernel can take these pages back at any time.
    pub mmap_bytes: usize,
    /// Rows, relations and lists kept ready for answers, all together.
    pub cache_bytes: usize,
    /// Posts of the last 7 days held in memory for ranking, newest first; each about 200 bytes. With more than these,
    /// the oldest are not ranked.
    pub window_posts_max: usize,
    pub weights: Weights,
    /// A ranked feed is kept for its viewer for so long, unless they follow or block someone meanwhile. What appears
    /// after it was ranked is in the next one; what is hidden after it was ranked is left out at once.
    pub feed_ranking_ttl_ms: i64,
    /// The same for what trends, for all viewers together, and for whom a viewer may know.
    pub trending_ttl_ms: i64,
    /// How long the order that a cursor goes through is kept. After that it is computed again, as of when it began.
    pub session_ttl_ms: u64,
    /// All such orders together.
    pub session_bytes: usize,
}

impl Default for ViewsOptions {
    fn default() -> Self {
        Self {
            readers_max: 8,
            writer_cache_bytes: 16 << 20,
            reader_cache_bytes: 1 << 20,
            mmap_bytes: 256 << 20,
            cache_bytes: 128 << 20,
            window_posts_max: 200_000,
            weights: Weights::default(),
            feed_ranking_ttl_ms: 10_000,
            trending_ttl_ms: 2_000,
            session_ttl_ms: 600_000,
            session_bytes: 64 << 20,
        }
    }
}
