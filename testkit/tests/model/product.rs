//! The product in this process: log, keys, views, projections, executor, in a folder of its own.

use std::sync::Arc;
use std::time::Duration;

use nova_command_api::{Context, Executor, ExecutorOptions};
use nova_embedded::{Embedded, EmbeddedOptions, ViewsOptions};
use nova_eventlog::{EventLog, FileLogOptions};
use nova_events::Actor;
use nova_projectors::{Options, Projectors};
use nova_views::{ViewReader, projection};
use tempfile::TempDir;

use crate::nova::Asked;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Product {
    pub(crate) executor: Executor,
    pub(crate) stores: Embedded,
    projectors: Projectors,
    dir: TempDir,
}

impl Product {
    pub(crate) fn open() -> Self {
        Self::open_in(tempfile::tempdir().unwrap())
    }

    fn open_in(dir: TempDir) -> Self {
        let options = EmbeddedOptions {
            log: FileLogOptions { segment_bytes: 64 << 10, ..FileLogOptions::default() },
            // Nothing is kept for a while that a question would see: the naive Nova keeps nothing.
            views: ViewsOptions { feed_ranking_ttl_ms: 0, trending_ttl_ms: 0, ..ViewsOptions::default() },
            ..EmbeddedOptions::at(dir.path())
        };
        let stores = Embedded::open(options).unwrap();
        let (log, views) = (stores.log.clone(), Arc::new(stores.views.clone()));
        let projectors =
            Projectors::start(log.clone(), log.clone(), stores.codec(), views, Options::default());
        let executor = Executor::new(log, stores.codec(), ExecutorOptions::default());
        Self { executor, stores, projectors, dir }
    }

    pub(crate) async fn caught_up(&self) {
        self.stores.views.wait_applied(self.stores.log.head(), PATIENCE).await.unwrap();
    }

    pub(crate) async fn rebuild(&self) {
        for name in projection::ALL {
            self.projectors.rebuild(name).await.unwrap();
        }
        self.caught_up().await;
    }

    pub(crate) async fn close(self) -> TempDir {
        self.projectors.stop().await;
        self.stores.log.close();
        self.dir
    }

    pub(crate) async fn restart(self) -> Self {
        let product = Self::open_in(self.close().await);
        product.caught_up().await;
        product
    }
}

pub(crate) fn context(asked: &Asked) -> Context {
    Context {
        actor: Actor::User(asked.who),
        moderator: asked.moderator,
        command_id: asked.command_id,
        repeatable: false,
        imported: false,
        at_ms: asked.at_ms,
        correlation_id: asked.command_id,
        causation_id: None,
        traceparent: None,
    }
}

pub(crate) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
