//! All stores, empty, and a writer that tells each of them what it holds, as the groups of projectors do.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::postgres::{PostgresViews, PostgresViewsOptions, ReadOptions};
use nova_distributed::views::redis::{RedisOptions, RedisViews};
use nova_distributed::views::{Stores, Views, ViewsOptions};
use nova_testkit::contract::views::Ports;
use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError, ViewWriter};

use crate::clickhouse_support;
use crate::postgres;
use crate::redis_support::Prefix;

/// For one question.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) views: Views,
    stores: Vec<Arc<dyn ShardStore>>,
    pub(crate) prefix: Prefix,
    _clickhouse: clickhouse_support::Database,
    _postgres: postgres::Database,
}

impl World {
    pub(crate) async fn new() -> Self {
        // Small timelines, so that histories reach beyond them.
        Self::with(|options| options.timeline_posts_max = 30, ViewsOptions::default()).await
    }

    pub(crate) async fn with(redis: impl FnOnce(&mut RedisOptions), mut options: ViewsOptions) -> Self {
        // What counts here is what is answered, however busy the machine is.
        let guards = &mut options.guards;
        for guard in [&mut guards.postgres, &mut guards.fallback, &mut guards.clickhouse, &mut guards.redis] {
            guard.call_timeout = PATIENCE;
        }
        Self::guarded(redis, options).await
    }

    /// With the times of the guards as they are given.
    pub(crate) async fn guarded(redis: impl FnOnce(&mut RedisOptions), mut options: ViewsOptions) -> Self {
        options.read_ms_max = 60_000;
        let database = postgres::Database::migrated("views").await;
        let read = ReadOptions {
            connections_max: 4,
            feed_ranking_ttl_ms: 0,
            trending_ttl_ms: 0,
            ..ReadOptions::default()
        };
        let postgres_options = PostgresViewsOptions { read, ..PostgresViewsOptions::default() };
        let clickhouse = clickhouse_support::Database::migrated("views").await;
        let prefix = Prefix::new("views");
        let mut redis_options = prefix.options();
        redis(&mut redis_options);
        let read = postgres_options.read.clone();
        let in_postgres = PostgresViews::open(database.pool().await, postgres_options).await.unwrap();
        let stores = Stores {
            fallback: in_postgres.apart(read),
            postgres: in_postgres,
            clickhouse: clickhouse.views(options.feed_ranking_ttl_ms).await.into(),
            redis: RedisViews::open(redis_options).await.unwrap().into(),
        };
        let all: Vec<Arc<dyn ShardStore>> = vec![
            Arc::new(stores.postgres.clone()),
            Arc::new(stores.clickhouse.clone()),
            Arc::new(stores.redis.clone()),
        ];
        let whole = |store: &Arc<dyn ShardStore>| {
            let of = store.projections().iter().map(|projection| (*projection, Shard::whole())).collect();
            (Arc::clone(store), of)
        };
        let views = Views::new(stores, None, all.iter().map(whole).collect(), options);
        Self { views, stores: all, prefix, _clickhouse: clickhouse, _postgres: database }
    }

    pub(crate) fn ports(&self) -> Ports {
        let writer = ToAll { views: self.views.clone(), stores: self.stores.clone() };
        Ports { writer: Arc::new(writer), reader: Arc::new(self.views.clone()) }
    }
}

/// Tells every store what it holds. Answers as PostgreSQL does, which holds all.
struct ToAll {
    views: Views,
    stores: Vec<Arc<dyn ShardStore>>,
}

impl ToAll {
    /// PostgreSQL is always among them, so that a name that nobody knows is refused.
    fn holding(&self, projection: &str) -> Vec<&dyn ShardStore> {
        let holds = |store: &&Arc<dyn ShardStore>| {
            store.name() == "postgres" || store.projections().contains(&projection)
        };
        self.stores.iter().filter(holds).map(|store| &**store).collect()
    }

    /// Nobody waits here, and the tests look at once.
    async fn look(&self) -> Result<(), ViewError> {
        self.views.refresh_applied().await.map(|_| ())
    }
}

#[async_trait::async_trait]
impl ViewWriter for ToAll {
    async fn cursor(&self, projection: &str, generation: Generation) -> Result<u64, ViewError> {
        let mut lowest = u64::MAX;
        for store in self.holding(projection) {
            lowest = lowest.min(store.cursor(projection, generation, &Shard::whole()).await?.position);
        }
        Ok(lowest)
    }

    async fn apply(&self, step: Arc<Apply>) -> Result<(), ViewError> {
        let at = ShardCursor::at(step.cursor);
        let whole = Shard::whole();
        let stores = self.holding(step.projection).into_iter();
        try_join_all(stores.map(|store| store.apply(&whole, Arc::clone(&step), at))).await?;
        self.look().await
    }

    async fn advance(&self, projection: &str, generation: Generation, cursor: u64) -> Result<(), ViewError> {
        let at = ShardCursor::at(cursor);
        for store in self.holding(projection) {
            store.advance(projection, generation, &Shard::whole(), at).await?;
        }
        self.look().await
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        for store in self.holding(projection) {
            store.begin_rebuild(projection).await?;
        }
        Ok(())
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        for store in self.holding(projection) {
            store.switch(projection).await?;
        }
        self.look().await
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        ViewWriter::status(&self.views).await
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        if projection.is_some() {
            return ViewWriter::dead_letters(&self.views, projection, after, limit).await;
        }
        // Every store has the same ones.
        self.stores[0].dead_letters(None, after, limit).await
    }
}
