//! The one loop that runs all projections.
//!
//! * The log is followed once, from the lowest cursor of all projections; each event is decoded once, and goes to every
//!   projection that looks at its category and has not seen it.
//! * Each projection has a bounded queue and a task of its own, so that stores work in parallel; the slowest one holds
//!   the loop back, and with it the memory.
//! * Everything is idempotent by version, so a crash, a restart or a feed that starts over costs time, never truth.
//! * An idle loop does nothing at all: it waits for the log.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use nova_eventlog::{Batch, EventFeed, EventLog, Filter, LogError, StreamId};
use nova_events::Codec;
use nova_views::{Generation, ViewError, ViewWriter};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::decode::{Backoff, decode};
use crate::lane::{Chunk, Input, Lane, LaneEnd, LaneSender, LaneSet, parked_streams};
use crate::progress::Progress;
use crate::rebuild::{Filler, Rebuild};
use crate::step::StepBuilder;
use crate::{ALL, Projection};

/// Limits of the loop. What waits is at most `queue_batches_max * batch_events_max` events, shared by all projections,
/// and for each of them two steps of `step_events_max` events (and one batch more): one that is gathered while the other
/// is with the store.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub batch_events_max: usize,
    pub queue_batches_max: usize,
    pub step_events_max: usize,
    /// Under load the log is read at most this often: a step costs a store about the same for ten events as for a
    /// hundred, and the processor time is better spent on requests. A few events are passed on at once all the same.
    pub pace_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch_events_max: 2_048, queue_batches_max: 32, step_events_max: 100_000, pace_ms: 50 }
    }
}

/// How often the gauges of lag and position are brought up to date.
const SHOW_INTERVAL: Duration = Duration::from_millis(500);

/// As many events at once are a sign of load.
const LOAD_EVENTS: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("no projection is called {0:?}")]
    UnknownProjection(String),
    #[error("{0} is being rebuilt already")]
    Busy(&'static str),
    #[error("the projectors are stopping")]
    Stopped,
    #[error("the view store is damaged")]
    StoreDamaged,
    #[error("the view store has not taken a step for {} s; the server log says why", .0.as_secs())]
    StoreStuck(Duration),
    #[error(
        "the log lost the event at position {position} while a view was filled from it: it is of another history"
    )]
    OtherHistory { position: u64 },
    #[error("the dead letter at position {position} is not in the log")]
    NotInLog { position: u64 },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Views(#[from] ViewError),
}

/// What a redrive did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Streams that are not parked any more.
    pub streams: usize,
    pub events: usize,
    pub events_still_parked: usize,
}

/// The running projections.
#[derive(Debug)]
pub struct Projectors {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    log: Arc<dyn EventLog>,
    feed: Arc<dyn EventFeed>,
    codec: Codec,
    views: Arc<dyn ViewWriter>,
    projections: Vec<&'static Projection>,
    options: Options,
    progress: Progress,
    stop: CancellationToken,
    /// Empty while the loop starts.
    lanes: Mutex<Vec<LaneSender>>,
    rebuilding: Mutex<HashSet<&'static str>>,
    rebuilds: TaskTracker,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl Projectors {
    /// Starts the loop for all projections on the current runtime.
    pub fn start(
        log: Arc<dyn EventLog>,
        feed: Arc<dyn EventFeed>,
        codec: Codec,
        views: Arc<dyn ViewWriter>,
        options: Options,
    ) -> Self {
        let head = Arc::clone(&log);
        let projectors = Self::start_some(ALL.iter().collect(), "", log, feed, codec, views, options);
        let (progress, stop) = (projectors.progress().clone(), projectors.shared.stop.clone());
        tokio::spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(SHOW_INTERVAL)).await.is_some() {
                progress.show(Some(head.head()));
            }
        });
        projectors
    }

    /// Starts the loop for these projections. `part` names what it follows where that is not the whole log; it is a
    /// label of its metrics, which [`Projectors::show`] brings up to date.
    pub fn start_some(
        projections: Vec<&'static Projection>,
        part: &str,
        log: Arc<dyn EventLog>,
        feed: Arc<dyn EventFeed>,
        codec: Codec,
        views: Arc<dyn ViewWriter>,
        options: Options,
    ) -> Self {
        let shared = Arc::new(Shared {
            log,
            feed,
            codec,
            views,
            progress: Progress::new(&projections, part),
            projections,
            options,
            stop: CancellationToken::new(),
            lanes: Mutex::default(),
            rebuilding: Mutex::default(),
            rebuilds: TaskTracker::new(),
        });
        let task = tokio::spawn(Arc::clone(&shared).run());
        Self { shared, task: Mutex::new(Some(task)) }
    }

    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// Brings the gauges of lag and position up to date. `head` is that of the log as it is now; `None` when it is not
    /// known, and then the lag is not either.
    pub fn show(&self, head: Option<u64>) {
        if !self.shared.stop.is_cancelled() {
            self.shared.progress.show(head);
        }
    }

    /// Rebuilds one view from the log, beside the live one, and switches to it. Returns when that is done. Dropped before, it
    /// breaks the rebuild off: the live view stays, and what was filled goes.
    pub async fn rebuild(&self, projection: &str) -> Result<(), RunError> {
        let (index, projection) = self.shared.find(projection)?;
        if !self.shared.rebuilding.lock().insert(projection.name) {
            return Err(RunError::Busy(projection.name));
        }
        let shared = Arc::clone(&self.shared);
        let stop = shared.stop.child_token();
        let _broken_off = stop.clone().drop_guard();
        // A task of its own, so that it tidies up when whoever asked for it goes away.
        let task = self.shared.rebuilds.spawn(async move {
            tracing::info!(projection = projection.name, "rebuilding a view");
            let result = shared.rebuild(index, projection, stop).await;
            if result.is_err()
                && let Err(error) = shared.views.give_up_rebuild(projection.name).await
            {
                tracing::warn!(projection = projection.name, %error, "an unfinished view cannot be removed");
            }
            shared.rebuilding.lock().remove(projection.name);
            tracing::info!(projection = projection.name, done = result.is_ok(), "a rebuild has ended");
            result
        });
        task.await.map_err(|_| RunError::Stopped)?
    }

    /// Projects the dead letters of one stream, or of all, again, in order. What still fails stays parked.
    pub async fn redrive(&self, projection: &str, stream: Option<&str>) -> Result<Redriven, RunError> {
        let (index, _) = self.shared.find(projection)?;
        let (done, result) = oneshot::channel();
        let input = Input::Redrive { stream: stream.map(str::to_owned), done };
        if !self.shared.lane(index).await?.send(input).await {
            return Err(RunError::Stopped);
        }
        result.await.map_err(|_| RunError::Stopped)?
    }

    /// Stops after the steps that are under way. What waits is taken up again at the next start.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.progress.hide();
        let task = self.task.lock().take();
        if let Some(task) = task {
            let _ = task.await;
        }
        self.shared.rebuilds.close();
        self.shared.rebuilds.wait().await;
    }
}

impl Drop for Projectors {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.progress.hide();
    }
}

impl Shared {
    fn find(&self, name: &str) -> Result<(usize, &'static Projection), RunError> {
        let mut named = self.projections.iter().copied().enumerate();
        named
            .find(|(_, projection)| projection.name == name)
            .ok_or_else(|| RunError::UnknownProjection(name.to_owned()))
    }

    /// Waits while the loop starts.
    async fn lane(&self, index: usize) -> Result<LaneSender, RunError> {
        while !self.stop.is_cancelled() {
            let lane = self.lanes.lock().get(index).cloned();
            if let Some(lane) = lane {
                return Ok(lane);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(RunError::Stopped)
    }

    async fn rebuild(
        &self,
        index: usize,
        projection: &'static Projection,
        stop: CancellationToken,
    ) -> Result<(), RunError> {
        let filler = Filler {
            projection,
            step_events_max: self.options.step_events_max,
            log: Arc::clone(&self.log),
            codec: self.codec.clone(),
            views: Arc::clone(&self.views),
            stop,
            read: Mutex::default(),
        };
        let (progress, live) = (self.progress.clone(), self.lane(index).await?);
        let rebuild = Rebuild { index, progress, live, filler };
        rebuild.run().await
    }

    async fn run(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        while !self.stop.is_cancelled() {
            match self.run_until_damaged().await {
                Ok(LaneEnd::Stopped) => break,
                Ok(LaneEnd::StartOver) => {
                    tracing::warn!("a view store has started anew, going on from its cursors");
                }
                Err(error) => tracing::warn!(%error, "cannot start the projections, trying again"),
            }
            if !backoff.wait(&self.stop).await {
                break;
            }
        }
        self.lanes.lock().clear();
    }

    async fn run_until_damaged(self: &Arc<Self>) -> Result<LaneEnd, ViewError> {
        // The store may take long, or not answer.
        let Some(begins) = self.stop.run_until_cancelled(self.begins()).await else {
            return Ok(LaneEnd::Stopped);
        };
        let begins = begins?;
        let stop = self.stop.child_token();
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::with_capacity(self.projections.len());
        let mut from = u64::MAX;
        let projections = self.projections.iter().copied().enumerate();
        for ((index, projection), (cursor, parked)) in projections.zip(begins) {
            self.progress.start_at(index, cursor);
            self.progress.parked(index, parked.len());
            from = from.min(cursor);
            let (sender, inputs) = LaneSender::new(self.options.queue_batches_max);
            let lane = Lane {
                index,
                projection,
                step: StepBuilder::new(projection, Generation::Live, parked),
                step_events_max: self.options.step_events_max,
                log: Arc::clone(&self.log),
                codec: self.codec.clone(),
                views: Arc::clone(&self.views),
                progress: self.progress.clone(),
                stop: stop.clone(),
                sender: sender.clone(),
            };
            tasks.spawn(lane.run(inputs));
            lanes.push(sender);
        }
        self.lanes.lock().clone_from(&lanes);
        let ended = tokio::select! {
            end = tasks.join_next() => match end {
                Some(Ok(end)) => end,
                // A lane that panicked has applied nothing of its step.
                Some(Err(_)) | None => LaneEnd::StartOver,
            },
            () = self.dispatch(from, &lanes, &stop) => LaneEnd::Stopped,
        };
        stop.cancel();
        while tasks.join_next().await.is_some() {}
        Ok(ended)
    }

    /// Where each projection goes on, and the streams that are parked in it. The store is asked for all of them at once.
    async fn begins(&self) -> Result<Vec<(u64, HashSet<StreamId>)>, ViewError> {
        let begin = |projection: &'static Projection| async {
            let cursor = self.views.cursor(projection.name, Generation::Live).await?;
            Ok((cursor, parked_streams(&*self.views, projection.name).await?))
        };
        futures::future::try_join_all(self.projections.iter().copied().map(begin)).await
    }

    /// Follows the log until stopped.
    async fn dispatch(&self, mut position: u64, lanes: &[LaneSender], stop: &CancellationToken) {
        let categories = self.projections.iter().flat_map(|projection| projection.categories.iter().copied());
        let filter = Filter::categories(categories.collect::<HashSet<_>>());
        let mut backoff = Backoff::default();
        loop {
            let mut batches = self.feed.follow(position, filter.clone(), self.options.batch_events_max);
            loop {
                let batch = tokio::select! {
                    () = stop.cancelled() => return,
                    batch = batches.next() => batch,
                };
                match batch {
                    Some(Ok(batch)) => {
                        backoff = Backoff::default();
                        position = batch.position;
                        self.progress.saw_head(batch.head);
                        let began = tokio::time::Instant::now();
                        let Some(chunk) = self.decode(&batch, stop).await else { return };
                        self.hand_out(chunk, lanes).await;
                        if (LOAD_EVENTS..self.options.batch_events_max).contains(&batch.events.len()) {
                            tokio::time::sleep_until(began + Duration::from_millis(self.options.pace_ms))
                                .await;
                        }
                    }
                    Some(Err(error)) => {
                        tracing::warn!(%error, position, "the log cannot be followed, trying again");
                        break;
                    }
                    None => break,
                }
            }
            if !backoff.wait(stop).await {
                return;
            }
        }
    }

    async fn decode(&self, batch: &Batch, stop: &CancellationToken) -> Option<Chunk> {
        let cursors: Vec<u64> =
            (0..self.projections.len()).map(|lane| self.progress.position(lane)).collect();
        let mut events = Vec::with_capacity(batch.events.len());
        for (count, recorded) in batch.events.iter().enumerate() {
            let category = recorded.stream.category();
            let mut wanted: LaneSet = 0;
            for (lane, projection) in self.projections.iter().enumerate() {
                if (batch.late || recorded.position > cursors[lane])
                    && projection.categories.contains(&category)
                {
                    wanted |= 1 << lane;
                }
            }
            if wanted != 0 {
                events.push((wanted, decode(&self.codec, recorded, stop).await?));
            }
            // Catching up must not keep a thread of the runtime from its requests.
            if count % 256 == 255 {
                tokio::task::yield_now().await;
            }
        }
        Some(Chunk { events, late: batch.late, position: batch.position })
    }

    async fn hand_out(&self, chunk: Chunk, lanes: &[LaneSender]) {
        let wanted = chunk.events.iter().fold(0, |all: LaneSet, (lanes, _)| all | lanes);
        let chunk = Arc::new(chunk);
        for (index, lane) in lanes.iter().enumerate() {
            // A lane with nothing to do need not be woken only to hear that there is nothing to do.
            if wanted & (1 << index) == 0 && lane.is_idle() {
                let name = self.projections[index].name;
                if self.progress.position(index) >= chunk.position
                    || self.views.advance(name, Generation::Live, chunk.position).await.is_ok()
                {
                    self.progress.reached(index, chunk.position);
                    continue;
                }
            }
            lane.send(Input::Chunk(Arc::clone(&chunk))).await;
        }
    }
}
