//! The views in SQLite, one file each, with what is kept in memory over them.
//!
//! * A step's changes, its dead letters and its cursor are one transaction.
//! * After a commit the caches and the window of recent posts are told what changed, and only then does the position
//!   move. So whoever waits for a position sees everything up to it, from whatever cache the answer comes.

use std::path::Path;
use std::sync::Arc;

use nova_eventlog::LogReader;
use nova_views::{Apply, DeadLetter, Generation, ProjectionStatus, ViewError, ViewWriter};
use parking_lot::Mutex;
use rusqlite::OptionalExtension;
use tokio::sync::watch;
use uuid::Uuid;

use crate::caches::Caches;
use crate::file::Manifest;
use crate::history::History;
use crate::options::ViewsOptions;
use crate::readers::{Reader, Readers};
use crate::recent::{Appeared, Recent};
use crate::sqlite::view_error;
use crate::store::{self, Store};
use crate::window::{PostCounts, RecentPost, Window};
use crate::write::{ENGAGEMENT, POSTS, Touched, index_of, visibility};

/// The views of the embedded profile. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Views {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) readers: Readers,
    /// In the order of [`crate::write::VIEWS`].
    pub(crate) stores: Vec<Store>,
    pub(crate) options: ViewsOptions,
    pub(crate) caches: Caches,
    pub(crate) window: Window,
    pub(crate) recent: Recent,
    manifest: Mutex<Manifest>,
    applied: watch::Sender<u64>,
}

impl Views {
    /// Opens the views in `dir`. Those that cannot be used, or that know more than a log with this head, start empty:
    /// the projections fill them again.
    pub fn open(dir: &Path, options: ViewsOptions, log_head: u64) -> Result<Self, ViewError> {
        Self::open_with(dir, options, &History::Head(log_head))
    }

    /// Opens the views of this log. Those that cannot be used, or that were filled from another history, start empty: the
    /// projections fill them again.
    pub fn open_of(dir: &Path, options: ViewsOptions, log: LogReader) -> Result<Self, ViewError> {
        Self::open_with(dir, options, &History::Log(log))
    }

    fn open_with(dir: &Path, options: ViewsOptions, history: &History) -> Result<Self, ViewError> {
        let manifest = Manifest::open(dir);
        let stores = store::open_all(dir, &manifest, &options, history)?;
        let shared = Shared {
            readers: Readers::new(options.readers_max),
            caches: Caches::new(&options),
            window: Window::new(options.window_posts_max),
            recent: Recent::default(),
            manifest: Mutex::new(manifest),
            applied: watch::Sender::new(0),
            stores,
            options,
        };
        shared.fill_window()?;
        shared.announce();
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Saves how far the views are, so that the next start begins there.
    pub async fn save(&self) -> Result<(), ViewError> {
        self.blocking(|shared| shared.stores.iter().try_for_each(Store::save)).await
    }

    /// Sets the gauges of what is bounded here. For when metrics are read: nothing sets them in between.
    pub fn record_metrics(&self) {
        for (cache, bytes) in self.shared.caches.bytes() {
            metrics::gauge!("views_cache_bytes", "cache" => cache).set(bytes as f64);
        }
        metrics::gauge!("views_window_posts").set(self.shared.window.len() as f64);
        let free = self.shared.readers.permits.available_permits();
        metrics::gauge!("views_readers_busy")
            .set(self.shared.options.readers_max.saturating_sub(free) as f64);
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ViewError> + Send + 'static,
    ) -> Result<T, ViewError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || work(&shared))
            .await
            .map_err(|_| ViewError::Unavailable("the work was not finished".to_owned()))?
    }
}

impl Shared {
    fn store(&self, projection: &str) -> Result<&Store, ViewError> {
        index_of(projection).map(|index| &self.stores[index])
    }

    pub(crate) fn applied(&self) -> u64 {
        self.stores.iter().map(Store::position).min().unwrap_or(0)
    }

    /// How far these views are. One that is damaged holds nothing that can be relied on.
    pub(crate) fn applied_of(&self, projections: &[&'static str]) -> u64 {
        let stores = self.stores.iter().filter(|store| projections.contains(&store.view.name));
        let positions = stores.map(|store| if store.is_damaged() { 0 } else { store.position() });
        positions.min().unwrap_or_else(|| self.applied())
    }

    pub(crate) fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    fn announce(&self) {
        self.applied.send_if_modified(|announced| {
            let applied = self.applied();
            let moved = *announced != applied;
            *announced = applied;
            moved
        });
    }

    fn apply(&self, step: &Apply) -> Result<(), ViewError> {
        let index = index_of(step.projection)?;
        let store = &self.stores[index];
        match step.generation {
            Generation::Next => store.apply_next(step),
            Generation::Live if store.is_damaged() => Err(damaged()),
            Generation::Live => {
                store.apply_live(step, |touched| self.committed(store, &touched))?;
                self.announce();
                Ok(())
            }
        }
    }

    /// Tells what is in memory of a commit of the live view. The writer still holds the view's lock.
    fn committed(&self, store: &Store, touched: &Touched) {
        if !touched.posts.is_empty() {
            self.window.set_posts(&touched.posts, chrono::Utc::now().timestamp_millis());
            let appeared: Vec<&RecentPost> = touched.posts.iter().filter(|post| post.appeared).collect();
            let ids: Vec<Uuid> = appeared.iter().map(|post| post.post).collect();
            self.load_counts(ids);
            self.recent.push(appeared.iter().map(|post| Appeared {
                author: post.author,
                created_at_ms: post.created_at_ms,
                post: post.post,
            }));
        }
        self.window.set_counts(&touched.counts);
        for key in &touched.keys {
            store.epochs.raise(*key);
        }
        // Only the writer raises epochs, and it holds the lock: what is put now is valid until the next commit.
        for counts in &touched.counts {
            self.caches.put_counts_if_held(counts, &store.epochs);
        }
    }

    /// Gives posts that came to the window their counts. When the engagement view cannot be read they stay at zero
    /// until the next like or comment: the view is then damaged or gone, and will be filled again.
    fn load_counts(&self, mut ids: Vec<Uuid>) {
        ids.sort_unstable();
        let mut reader = self.readers.take();
        let loaded = reader.connection(ENGAGEMENT, &self.stores[ENGAGEMENT], &self.options).and_then(|db| {
            let sql = "SELECT likes, comments, n FROM counts WHERE target = ?1";
            let load = || -> rusqlite::Result<Vec<PostCounts>> {
                let mut statement = db.prepare_cached(sql)?;
                let mut all = Vec::new();
                for post in ids {
                    let counts = statement
                        .query_row([post.as_bytes()], |row| {
                            let likes = row.get::<_, i64>(0)?.max(0) as u64;
                            let comments = row.get::<_, i64>(1)?.max(0) as u64;
                            Ok(PostCounts { post, likes, comments, n: row.get::<_, i64>(2)? as u64 })
                        })
                        .optional()?;
                    all.extend(counts);
                }
                Ok(all)
            };
            load().map_err(|error| view_error(&error))
        });
        self.readers.put_back(reader, &self.stores);
        match loaded {
            Ok(counts) => self.window.set_counts(&counts),
            Err(error) => {
                let error = self.stores[ENGAGEMENT].refused(error);
                tracing::warn!(%error, "cannot load the counts of recent posts");
            }
        }
    }

    /// Loads the newest posts from the live posts view.
    fn fill_window(&self) -> Result<(), ViewError> {
        let mut reader = self.readers.take();
        let loaded = self.newest_posts(&mut reader);
        self.readers.put_back(reader, &self.stores);
        let (posts, complete_from) = match loaded {
            Ok(loaded) => loaded,
            Err(error @ ViewError::Corrupt(_)) => {
                self.stores[POSTS].refused(error);
                (Vec::new(), i64::MIN)
            }
            Err(error) => return Err(error),
        };
        self.window.replace(posts, complete_from);
        self.load_counts(self.window.ids());
        Ok(())
    }

    fn newest_posts(&self, reader: &mut Reader) -> Result<(Vec<RecentPost>, i64), ViewError> {
        let db = reader.connection(POSTS, &self.stores[POSTS], &self.options)?;
        let now_ms = chrono::Utc::now().timestamp_millis();
        let load = || -> rusqlite::Result<_> {
            let sql = "SELECT id, author, created_at, visibility FROM posts WHERE state = 0
                       ORDER BY created_at DESC";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut posts: Vec<RecentPost> = Vec::new();
            while let Some(row) = rows.next()? {
                let created_at_ms: i64 = row.get(2)?;
                if !self.window.keeps(posts.len(), created_at_ms, now_ms) {
                    // Others of the same instant may have been taken: they go, so that every instant is whole.
                    posts.retain(|post| post.created_at_ms > created_at_ms);
                    return Ok((posts, created_at_ms.saturating_add(1)));
                }
                posts.push(RecentPost {
                    post: Uuid::from_bytes(row.get(0)?),
                    author: Uuid::from_bytes(row.get(1)?),
                    created_at_ms,
                    visibility: visibility(row.get(3)?),
                    there: true,
                    appeared: false,
                });
            }
            Ok((posts, i64::MIN))
        };
        load().map_err(|error| view_error(&error))
    }

    /// Another file is live: nothing that was loaded before holds any more.
    fn replaced(&self, index: usize) {
        self.readers.close_old(&self.stores);
        if index == POSTS {
            if let Err(error) = self.fill_window() {
                tracing::warn!(%error, "cannot load the recent posts");
            }
            self.recent.forget();
        }
        if index == ENGAGEMENT {
            self.window.forget_counts();
            self.load_counts(self.window.ids());
        }
        self.stores[index].epochs.raise_all();
        self.caches.forget_lists();
    }

    fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        self.stores
            .iter()
            .map(|store| {
                let (dead_letters, parked_streams) = store.counts_of_dead_letters()?;
                Ok(ProjectionStatus {
                    name: store.view.name.to_owned(),
                    generation: store.file().generation,
                    position: store.position(),
                    rebuilding: store.rebuilding(),
                    dead_letters,
                    parked_streams,
                })
            })
            .collect()
    }

    fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        if let Some(projection) = projection {
            return self.store(projection)?.dead_letters(after, limit);
        }
        let mut all = Vec::new();
        for store in &self.stores {
            all.extend(store.dead_letters(after, limit)?);
        }
        all.sort_by_key(|letter| letter.position);
        // Letters of one position belong together: going on behind it must miss none of them.
        let end = all.get(limit).map(|letter| letter.position);
        if let Some(end) = end {
            let cut = all.iter().position(|letter| letter.position == end).unwrap_or(limit);
            all.truncate(if cut == 0 { limit } else { cut });
        }
        Ok(all)
    }
}

fn damaged() -> ViewError {
    ViewError::Corrupt("the file is damaged and waits to be filled again".to_owned())
}

#[async_trait::async_trait]
impl ViewWriter for Views {
    /// Also the moment at which a damaged file is replaced: whoever asks this is about to start writing, and goes on
    /// from 0 then.
    async fn cursor(&self, projection: &str, generation: Generation) -> Result<u64, ViewError> {
        let index = index_of(projection)?;
        if generation == Generation::Live && self.shared.stores[index].is_damaged() {
            self.blocking(move |shared| {
                let store = &shared.stores[index];
                store.start_over(&shared.manifest, &shared.options, || shared.replaced(index))?;
                shared.announce();
                Ok(())
            })
            .await?;
        }
        Ok(self.shared.stores[index].cursor(generation))
    }

    async fn apply(&self, step: Arc<Apply>) -> Result<(), ViewError> {
        self.blocking(move |shared| shared.apply(&step)).await
    }

    async fn advance(&self, projection: &str, generation: Generation, cursor: u64) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        if generation == Generation::Next {
            return Ok(());
        }
        let store = &self.shared.stores[index];
        if store.is_damaged() {
            return Err(damaged());
        }
        let save = store.advance(cursor);
        self.shared.announce();
        if save { self.blocking(move |shared| shared.stores[index].save()).await } else { Ok(()) }
    }

    /// A damaged file is found by whoever reads it. The projection that fills it has to know even when it has nothing to
    /// write.
    async fn check(&self, projection: &str, generation: Generation) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        match generation {
            Generation::Live if self.shared.stores[index].is_damaged() => Err(damaged()),
            Generation::Live | Generation::Next => Ok(()),
        }
    }

    async fn begin_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        self.blocking(move |shared| shared.stores[index].begin_rebuild(&shared.options)).await
    }

    async fn give_up_rebuild(&self, projection: &str) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        self.blocking(move |shared| {
            shared.stores[index].give_up_rebuild();
            Ok(())
        })
        .await
    }

    async fn switch(&self, projection: &str) -> Result<(), ViewError> {
        let index = index_of(projection)?;
        self.blocking(move |shared| {
            shared.stores[index].switch(&shared.manifest, || shared.replaced(index))?;
            shared.announce();
            Ok(())
        })
        .await
    }

    async fn status(&self) -> Result<Vec<ProjectionStatus>, ViewError> {
        self.blocking(Shared::status).await
    }

    async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        let projection = projection.map(str::to_owned);
        self.blocking(move |shared| shared.dead_letters(projection.as_deref(), after, limit)).await
    }
}
