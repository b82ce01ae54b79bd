//! The embedded views keep the contract.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

use std::sync::Arc;

use nova_embedded::{Views, ViewsOptions};
use nova_testkit::contract::views::Ports;
use tempfile::TempDir;

fn options() -> ViewsOptions {
    ViewsOptions { feed_ranking_ttl_ms: 0, trending_ttl_ms: 0, readers_max: 2, ..ViewsOptions::default() }
}

mod with_the_default_sizes {
    async fn embedded() -> (super::Ports, super::TempDir) {
        super::open(super::options())
    }

    nova_testkit::views_contract!(embedded);
}

/// Nothing is remembered for long, and the window holds next to nothing.
mod with_tiny_caches {
    async fn embedded() -> (super::Ports, super::TempDir) {
        super::open(super::ViewsOptions { cache_bytes: 20_000, session_bytes: 1 << 20, ..super::options() })
    }

    nova_testkit::views_contract!(embedded);
}

fn open(options: ViewsOptions) -> (Ports, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(&dir.path().join("views"), options, u64::MAX).unwrap();
    (Ports::of(Arc::new(views)), dir)
}
