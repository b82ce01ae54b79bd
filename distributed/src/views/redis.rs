//! Views in Redis: home timelines, the newest messages of conversations, and orders of lists that are frozen for a while.
//!
//! * A timeline holds the newest posts of its owner and of those they follow, written there when they are posted. It says
//!   from which time on it is complete (its floor); what is older is read from PostgreSQL. See `timelines`.
//! * Nothing here decides what may be seen. Timelines hold ids of whatever was posted, also what was deleted since (it
//!   may be restored); whoever shows them leaves out what is not for the viewer.
//! * Every write is an idempotent script: posts never change and are added by id, follow edges hold the version they were
//!   turned at. So redelivery, late events, overlapping steps and whoever lost a shard and does not know it yet change
//!   nothing. The cursor moves in the last script of a step, most often the only one.
//! * A script writes nothing when another generation is live, or when the store does not hold what this process has
//!   written: it lost data, all of it (FLUSHALL) or the last moments (a crash, a failover). The answer is then
//!   [`ViewError::Switched`]: whoever asks for the cursor goes on from there, and the log fills in what is missing.
//! * What must not be shown any more is marked, for whoever shows what was kept. See `marks`.
//! * Memory is bounded: posts for each timeline and author are capped, timelines go when nobody reads them. Set
//!   `maxmemory-policy` to `volatile-lru`: then only what can be made again at once is dropped. Evictions of anything else are
//!   noticed, and the store is not used until it has been filled again: see `evictions`. What stays is an edge for
//!   each follow and each member of a conversation (as in PostgreSQL) and the recent posts of each author.
//! * The newest messages of a conversation are answered where PostgreSQL cannot be asked, to its members as they are known
//!   here, and only by what has once been as far as the log was when it began to be filled. See `window`.

mod connect;
mod conversations;
mod evictions;
mod frozen;
mod generations;
mod graph;
mod letters;
mod marks;
mod names;
mod options;
mod pages;
mod posts;
mod scripts;
mod sweep;
mod timelines;
mod window;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError, projection};
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use self::connect::Connections;
use self::evictions::Evictions;
use self::generations::Standings;
use self::scripts::Scripts;
use crate::shard::{Shard, ShardCursor, ShardStore};

pub use self::connect::{RedisOpenError, check_url};
pub use self::frozen::Frozen;
pub use self::marks::Shown;
pub use self::options::RedisOptions;
pub use self::pages::Page;
pub use self::timelines::{TimelineKey, TimelinePage, TimelineSource};
pub use self::window::WindowAnswer;

/// What is filled here.
pub const PROJECTIONS: [&str; 4] =
    [projection::POSTS, projection::GRAPH, projection::CONVERSATIONS, projection::PROFILES];

/// The views in one Redis. Cheap to clone.
#[derive(Clone)]
pub struct RedisViews {
    shared: Arc<Shared>,
}

struct Shared {
    options: RedisOptions,
    connections: Connections,
    scripts: Scripts,
    standings: Standings,
    regenerations: Semaphore,
    sweeping: Arc<tokio::sync::Mutex<()>>,
    evictions: tokio::sync::Mutex<Evictions>,
    /// Keys were evicted that only the log can bring back.
    lost: AtomicBool,
    /// What marks, pages and orders are named by since the log lost a history.
    history: RwLock<Option<String>>,
}

impl std::fmt::Debug for RedisViews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisViews").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl RedisViews {
    pub async fn open(options: RedisOptions) -> Result<Self, RedisOpenError> {
        let connections = connect::connect(&options).await?;
        let scripts = Scripts::new(&options.prefix);
        let regenerations = Semaphore::new(options.regenerations_max.max(1));
        let shared = Shared {
            options,
            connections,
            scripts,
            standings: Standings::default(),
            regenerations,
            sweeping: Arc::default(),
            evictions: tokio::sync::Mutex::default(),
            lost: AtomicBool::new(false),
            history: RwLock::default(),
        };
        let views = Self { shared: Arc::new(shared) };
        views.look_for_evictions().await;
        tokio::spawn(evictions::watch(Arc::downgrade(&views.shared)));
        Ok(views)
    }
}

/// One of ours, by its name.
fn known(projection: &str) -> Result<&'static str, ViewError> {
    let named = PROJECTIONS.into_iter().find(|known| *known == projection);
    named.ok_or_else(|| ViewError::UnknownProjection(projection.to_owned()))
}

#[async_trait::async_trait]
impl ShardStore for RedisViews {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn projections(&self) -> &'static [&'static str] {
        &PROJECTIONS
    }

    async fn cursor(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
    ) -> Result<ShardCursor, ViewError> {
        let projection = known(projection)?;
        Ok(self
            .stand_anew(projection, generation, shard)
            .await?
            .map(|(_, cursor)| cursor)
            .unwrap_or_default())
    }

    async fn apply(&self, shard: &Shard, step: Arc<Apply>, cursor: ShardCursor) -> Result<(), ViewError> {
        let projection = known(step.projection)?;
        let standing = self.standing(projection, step.generation, shard).await?;
        self.apply_marks(&standing, &step).await?;
        match projection {
            projection::PROFILES => {
                self.commit(&standing, cursor, &step.dead_letters, &step.redriven).await?;
            }
            projection::POSTS => self.apply_posts(&standing, &step, cursor).await?,
            projection::GRAPH => self.apply_graph(&standing, &step, cursor).await?,
            _ => self.apply_conversations(&standing, &step, cursor).await?,
        }
        self.shared.standings.reached(&standing, cursor.position);
        Ok(())
    }

    async fn advance(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        let standing = self.standing(known(projection)?, generation, shard).await?;
        self.commit(&standing, cursor, &[], &[]).await?;
        self.shared.standings.reached(&standing, cursor.position);
        Ok(())
    }

    /// Redis may lose everything at any time. A cursor that is behind moves nothing; the script looks all the same.
    async fn check(&self, projection: &str, generation: Generation, shard: &Shard) -> Result<(), ViewError> {
        let standing = self.standing(known(projection)?, generation, shard).await?;
        self.commit(&standing, ShardCursor::default(), &[], &[]).await
    }

    async fn start_over(&self, projection: &str, shard: &Shard, _head: u64) -> Result<bool, ViewError> {
        self.give_up_all(known(projection)?, shard).await
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        self.begin_next(known(projection)?).await
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        self.switch_to_next(known(projection)?).await
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        let mut all = Vec::with_capacity(PROJECTIONS.len());
        for projection in PROJECTIONS {
            all.push(self.status_of(projection).await?);
        }
        Ok(all)
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        match projection {
            Some(projection) => self.letters_of(known(projection)?, after, limit).await,
            None => self.letters_of_all(after, limit).await,
        }
    }

    async fn applied(&self, of: &[(&'static str, Shard)]) -> Result<u64, ViewError> {
        self.lowest_cursor(of).await
    }
}
