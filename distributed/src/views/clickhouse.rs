//! The views in ClickHouse: what the ranked feed chooses from, what trends, and what analysts ask.
//!
//! * No texts, no names: ids, times, and who did what with whose post.
//! * Effects are exactly once on deliveries that are at least once: every row carries the position of its event, and the
//!   highest of a key counts; counters are counted from rows, never added to.
//! * A step is answered when its rows and its cursor are acknowledged and its generation is still the live one.
//! * A store that has lost tables, or rows of them, says so, gets them back, and is filled again from the log.
//! * Errors carry the number and the name of what the server says, never its text, which quotes values.
//!
//! Reading order: `options`, `migrations/clickhouse`, `schema`, `generations`, `flush` and `write` (changes to rows),
//! `completeness` (rows that are missing), `feed` (the questions).

mod completeness;
mod core;
mod error;
mod feed;
mod flush;
mod generations;
mod letters;
mod options;
mod rows;
mod schema;
mod server;
mod write;

pub use error::ClickHouseError;
pub use options::{ClickHouseOptions, Password};

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nova_events::UserId;
use nova_views::ranking::Trending;
use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError, projection};
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::core::Core;
use self::feed::TrendingList;
pub use self::feed::{Candidates, KnownTrending};
use self::flush::Pending;
use self::generations::{Generations, LiveState};
use self::rows::{CursorRow, GenerationRow};
use self::schema::Template;
use self::server::Server;
use crate::shard::{Shard, ShardCursor, ShardStore};

/// What is filled here.
pub const PROJECTIONS: [&str; 4] =
    [projection::PROFILES, projection::POSTS, projection::ENGAGEMENT, projection::GRAPH];

/// Steps that wait in line for the next flush, each of a lane of its own.
const STEPS_WAITING_MAX: usize = 1_024;

/// Makes the database, if it is not there, and brings its schema up to date. May be run at any time, again, and by several.
pub async fn migrate(options: &ClickHouseOptions) -> Result<(), ClickHouseError> {
    let server = Server::new(options)?;
    generations::repair_all(&server).await.map_err(|failure| server.opening_error(failure))?;
    schema::check(&server).await
}

/// Whether the schema is the one that this program knows.
pub async fn check_schema(options: &ClickHouseOptions) -> Result<(), ClickHouseError> {
    schema::check(&Server::new(options)?).await
}

/// The views. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClickHouseViews {
    core: Arc<Core>,
    steps: mpsc::Sender<Pending>,
    /// A permit for each change that waits.
    room: Arc<Semaphore>,
    trending: Arc<TrendingList>,
}

impl ClickHouseViews {
    /// Connects to a migrated database; see [`migrate`].
    pub async fn open(options: ClickHouseOptions) -> Result<Self, ClickHouseError> {
        let server = Server::new(&options)?;
        schema::check(&server).await?;
        let core = Arc::new(Core::new(server));
        let (steps, waiting) = mpsc::channel(STEPS_WAITING_MAX);
        tokio::spawn(flush::run(Arc::clone(&core), waiting));
        tokio::spawn(completeness::watch(Arc::downgrade(&core)));
        let room = Arc::new(Semaphore::new(options.flush_rows_max.max(1) * 2));
        Ok(Self { core, steps, room, trending: Arc::default() })
    }

    /// The posts that may be in someone's feed, as the rules of [`nova_views::ranking`] say. In no order; a post may be
    /// there for two reasons. What is kept in memory of others is used when it holds the log up to `after`.
    pub async fn feed_candidates(
        &self,
        viewer: UserId,
        now: chrono::DateTime<chrono::Utc>,
        after: u64,
    ) -> Result<Candidates, ViewError> {
        feed::candidates(&self.core, &self.trending, viewer.0, (now.timestamp_millis(), after)).await
    }

    /// The public posts that trend, best first, at most `limit`, and never more than 1,000.
    pub async fn trending(
        &self,
        now: chrono::DateTime<chrono::Utc>,
        limit: usize,
        after: u64,
    ) -> Result<Vec<Trending>, ViewError> {
        feed::trending(&self.core, &self.trending, (now.timestamp_millis(), after), limit).await
    }

    /// What trended when it was last worked out, if that holds the log up to `after`: from memory.
    pub fn trending_known(&self, now: chrono::DateTime<chrono::Utc>, after: u64) -> Option<KnownTrending> {
        let ttl_ms = self.core.server.options.trending_ttl_ms;
        self.trending.last(now.timestamp_millis(), after, ttl_ms)
    }

    /// Fails while rows are missing: what is answered would be short.
    pub fn whole(&self) -> Result<(), ViewError> {
        if self.core.incomplete.load(Ordering::Acquire) {
            let problem = "rows of the views in ClickHouse are missing, and are filled in from the log";
            return Err(ViewError::Corrupt(problem.to_owned()));
        }
        Ok(())
    }

    /// Asks the server something cheap.
    pub async fn ping(&self) -> Result<(), ViewError> {
        Ok(self.core.server.ask::<u8>("ping", "SELECT toUInt8(1)").await.map(drop)?)
    }

    async fn bring(
        &self,
        template: &'static Template,
        shard: &Shard,
        step: Arc<Apply>,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        let generation = match step.generation {
            Generation::Live => self.core.writes_to(template, shard).await?,
            Generation::Next => self.core.next(template.projection).await?,
        };
        let stopped = || ViewError::Unavailable("the views in ClickHouse are being closed".to_owned());
        let wanted = step.changes.len().clamp(1, self.core.server.options.flush_rows_max.max(1));
        let room = Arc::clone(&self.room).acquire_many_owned(u32::try_from(wanted).unwrap_or(u32::MAX));
        let _room = room.await.map_err(|_| stopped())?;
        let (done, outcome) = oneshot::channel();
        let pending = Pending { shard: shard.clone(), step, cursor, generation, done, _room };
        self.steps.send(pending).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }

    /// Of one projection, from the tables of cursors and of dead letters by generation.
    fn status_of(
        &self,
        row: &GenerationRow,
        cursors: &[CursorRow],
        letters: &[(String, u64, u64, u64)],
    ) -> Result<ProjectionStatus, ViewError> {
        let name = find(&row.projection)?.projection;
        let of = |generation| {
            move |cursor: &&CursorRow| cursor.projection == name && cursor.generation == generation
        };
        // The whole log is followed by a rebuild only, where it is shared out.
        let whole = Shard::whole();
        let of_shard = |cursor: &CursorRow| {
            let place = (name, row.live, Shard::named(&cursor.shard));
            (cursor.shard == whole.as_str(), cursor.position.max(self.core.position(&place).position))
        };
        let positions: Vec<(bool, u64)> = cursors.iter().filter(of(row.live)).map(of_shard).collect();
        let parts = positions.iter().filter(|(is_whole, _)| !is_whole).map(|(_, position)| *position).min();
        let whole = positions.iter().find(|(is_whole, _)| *is_whole).map(|(_, position)| *position);
        let filled = cursors.iter().filter(of(row.next)).map(|cursor| cursor.position).max().unwrap_or(0);
        let parked =
            letters.iter().find(|(projection, generation, ..)| projection == name && *generation == row.live);
        let (dead_letters, parked_streams) =
            parked.map_or((0, 0), |(_, _, letters, streams)| (*letters, *streams));
        Ok(ProjectionStatus {
            name: name.to_owned(),
            generation: row.rebuilds,
            position: parts.or(whole).unwrap_or(0),
            rebuilding: (row.next > 0).then_some(filled),
            dead_letters,
            parked_streams,
        })
    }
}

fn find(projection: &str) -> Result<&'static Template, ViewError> {
    schema::template(projection).ok_or_else(|| ViewError::UnknownProjection(projection.to_owned()))
}

#[async_trait::async_trait]
impl ShardStore for ClickHouseViews {
    fn name(&self) -> &'static str {
        "clickhouse"
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
        let template = find(projection)?;
        let (number, stored) = match generation {
            Generation::Live => self.core.start(template, shard).await?,
            Generation::Next => {
                let next = match self.core.next(projection).await {
                    Err(ViewError::Unavailable(_)) => return Ok(ShardCursor::default()),
                    next => next?,
                };
                let stored = generations::cursors(&self.core.server, template.projection, next).await?;
                let stored = stored.iter().find(|row| row.shard == shard.as_str());
                (next, stored.map_or_else(ShardCursor::default, CursorRow::cursor))
            }
        };
        let known = self.core.position(&(template.projection, number, shard.clone()));
        Ok(if known.position > stored.position { known } else { stored })
    }

    async fn apply(&self, shard: &Shard, step: Arc<Apply>, cursor: ShardCursor) -> Result<(), ViewError> {
        self.bring(find(step.projection)?, shard, step, cursor).await
    }

    async fn advance(
        &self,
        projection: &str,
        generation: Generation,
        shard: &Shard,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        let template = find(projection)?;
        match generation {
            Generation::Next => Ok(()),
            Generation::Live => {
                self.core.writes_to(template, shard).await?;
                self.core.advance(template.projection, shard, cursor)
            }
        }
    }

    /// A generation that lacked rows may have been replaced while nothing was written to it.
    async fn check(&self, projection: &str, generation: Generation, shard: &Shard) -> Result<(), ViewError> {
        let template = find(projection)?;
        match generation {
            Generation::Live if !self.core.is_current(template.projection, shard) => Err(ViewError::Switched),
            Generation::Live | Generation::Next => Ok(()),
        }
    }

    async fn start_over(&self, projection: &str, shard: &Shard, head: u64) -> Result<bool, ViewError> {
        let template = find(projection)?;
        let other = self.core.writes_to(template, shard).await?;
        self.trending.forget();
        Ok(self.core.replace(template, other, head).await?)
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        let template = find(projection)?;
        let generation = generations::begin(&self.core.server, template).await?;
        self.core.began(template.projection, Some(generation));
        Ok(())
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        let template = find(projection)?;
        let begun = self.core.begun(projection);
        generations::switch(&self.core.server, template, begun).await?;
        self.core.began(template.projection, None);
        self.core.forget_live();
        self.trending.forget();
        Ok(())
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        let server = &self.core.server;
        // Three questions, however many projections there are: a server in need is asked this most of all.
        let letters = "SELECT projection_name, generation, count(), uniqExact(stream) FROM dead_letters FINAL
                       GROUP BY projection_name, generation";
        let (generations, cursors, letters) = futures::try_join!(
            Generations::load(server),
            generations::every_cursor(server),
            server.fetch::<(String, u64, u64, u64)>(letters),
        )?;
        let status = |template: &Template| {
            let row = generations.of(template.projection).ok_or_else(flush::gone)?;
            self.status_of(row, &cursors, &letters)
        };
        schema::TEMPLATES.iter().map(status).collect()
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        let only = projection.map(find).transpose()?.map(|template| template.projection);
        letters::list(&self.core.server, only, after, limit).await
    }

    async fn applied(&self, of: &[(&'static str, Shard)]) -> Result<u64, ViewError> {
        let state = LiveState::load(&self.core.server).await?;
        let position = |(name, shard): &(&'static str, Shard)| {
            find(name)?;
            let Some(row) = state.generations.of(name) else { return Ok(0) };
            let stored = state.cursor_of(name, shard).position;
            Ok(stored.max(self.core.position(&(*name, row.live, shard.clone())).position))
        };
        let positions: Vec<u64> = of.iter().map(position).collect::<Result<_, ViewError>>()?;
        let applied = positions.into_iter().min().unwrap_or(0);
        self.core.note_applied(&state.generations, applied, of.len());
        Ok(applied)
    }
}
