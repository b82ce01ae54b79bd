//! The embedded log keeps the contract, with one segment and with very many small ones.
#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

use std::sync::Arc;

use nova_eventlog::{FileLog, FileLogOptions};
use nova_testkit::contract::event_log::Ports;
use tempfile::TempDir;

fn open(options: FileLogOptions) -> (Ports, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let log = FileLog::open(dir.path().join("log"), options).unwrap();
    (Ports::of(Arc::new(log)), dir)
}

mod with_the_default_settings {
    #[expect(clippy::unused_async, reason = "other logs are opened asynchronously")]
    async fn file_log() -> (super::Ports, super::TempDir) {
        super::open(super::FileLogOptions::default())
    }

    nova_testkit::event_log_contract!(file_log);
}

mod with_tiny_segments {
    #[expect(clippy::unused_async, reason = "other logs are opened asynchronously")]
    async fn file_log() -> (super::Ports, super::TempDir) {
        super::open(super::FileLogOptions {
            segment_bytes: 4096 * 3,
            heads_cached_max: 10,
            open_files_max: 8,
            ..super::FileLogOptions::default()
        })
    }

    nova_testkit::event_log_contract!(file_log);
}
