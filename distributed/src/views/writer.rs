//! The projections of all stores under one roof, for operators: PostgreSQL's have their names, those of another store
//! have its name before theirs.

use std::sync::Arc;
use std::time::Duration;

use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError, ViewWriter};

use super::{Views, first_letters};
use crate::shard::{Shard, ShardCursor, ShardStore};

/// The store whose projections have no name before theirs.
const PLAIN: &str = "postgres";

/// The name of a projection as operators know it: `posts` is PostgreSQL's, `clickhouse/posts` ClickHouse's.
pub fn qualified(store: &dyn ShardStore, projection: &str) -> String {
    if store.name() == PLAIN { projection.to_owned() } else { format!("{}/{projection}", store.name()) }
}

/// What operators wait for a store.
const PATIENCE: Duration = Duration::from_secs(2);

async fn within<T>(work: impl Future<Output = Result<T, ViewError>>) -> Result<T, ViewError> {
    let late = |_| ViewError::Unavailable(format!("no answer within {} ms", PATIENCE.as_millis()));
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

impl Views {
    fn all_stores(&self) -> [&dyn ShardStore; 3] {
        let stores = &self.sources().stores;
        [&stores.postgres, &stores.clickhouse, &stores.redis]
    }

    /// The store, and what the projection is called there.
    fn find(&self, name: &str) -> Result<(&dyn ShardStore, &'static str), ViewError> {
        let (store, projection) = name.split_once('/').unwrap_or((PLAIN, name));
        let unknown = || ViewError::UnknownProjection(name.to_owned());
        let store = self.all_stores().into_iter().find(|one| one.name() == store).ok_or_else(unknown)?;
        let known = store.projections().iter().find(|known| **known == projection);
        Ok((store, known.ok_or_else(unknown)?))
    }
}

/// Cursors are those of the whole log.
#[async_trait::async_trait]
impl ViewWriter for Views {
    async fn cursor(&self, projection: &str, generation: Generation) -> Result<u64, ViewError> {
        let (store, projection) = self.find(projection)?;
        Ok(store.cursor(projection, generation, &Shard::whole()).await?.position)
    }

    async fn apply(&self, step: Arc<Apply>) -> Result<(), ViewError> {
        let (store, projection) = self.find(step.projection)?;
        let cursor = ShardCursor::at(step.cursor);
        let step = if step.projection == projection {
            step
        } else {
            Arc::new(Apply { projection, ..(*step).clone() })
        };
        store.apply(&Shard::whole(), step, cursor).await
    }

    async fn advance(&self, projection: &str, generation: Generation, cursor: u64) -> Result<(), ViewError> {
        let (store, projection) = self.find(projection)?;
        let cursor = ShardCursor::at(cursor);
        store.advance(projection, generation, &Shard::whole(), cursor).await
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        let (store, projection) = self.find(projection)?;
        store.begin_rebuild(projection).await
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        let (store, projection) = self.find(projection)?;
        store.switch(projection).await
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        let mut all = Vec::new();
        let mut failure = None;
        let stores = self.all_stores();
        let told = futures::future::join_all(stores.map(|store| within(store.status()))).await;
        for (store, told) in stores.into_iter().zip(told) {
            // A store that is down takes nothing away from what the others tell.
            match told {
                Ok(statuses) => all.extend(
                    statuses
                        .into_iter()
                        .map(|one| ProjectionStatus { name: qualified(store, &one.name), ..one }),
                ),
                Err(error) => {
                    tracing::warn!(store = store.name(), %error, "the state of its projections is not known");
                    failure = Some(error);
                }
            }
        }
        failure.filter(|_| all.is_empty()).map_or(Ok(all), Err)
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        let named = |store: &dyn ShardStore, letters: Vec<DeadLetter>| -> Vec<DeadLetter> {
            let name = |one: DeadLetter| DeadLetter { projection: qualified(store, &one.projection), ..one };
            letters.into_iter().map(name).collect()
        };
        if let Some(projection) = projection {
            let (store, projection) = self.find(projection)?;
            return Ok(named(store, store.dead_letters(Some(projection), after, limit).await?));
        }
        let mut all = Vec::new();
        for store in self.all_stores() {
            all.extend(named(store, store.dead_letters(None, after, limit).await?));
        }
        Ok(first_letters(all, limit))
    }
}
