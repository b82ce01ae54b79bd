//! One projection at work: takes the batches that wait for it, and gives the store one step for all of them.
//!
//! * What a store does not take is offered again, unchanged, until it does; nothing is skipped.
//! * Near the head a batch is applied at once, with those that came while the store was at work. Far behind it, steps are
//!   made as large as they may be, because a large step costs a store less for each event. The next step is put
//!   together while the store is at work on one.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use nova_eventlog::{EventLog, StreamId};
use nova_events::Codec;
use nova_views::{Apply, Generation, ViewError, ViewWriter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::decode::{Backoff, Decoded, decode};
use crate::progress::Progress;
use crate::run::{Redriven, RunError};
use crate::step::StepBuilder;
use crate::{Projection, names};

/// Events behind the head from which on a lane is catching up.
const FAR_BEHIND: u64 = 20_000;

/// How often a lane with nothing to do looks whether the store still is what it was.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Decoded events, shared between the lanes. Each event says for which lanes it is.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) events: Vec<(LaneSet, Decoded)>,
    /// See [`nova_eventlog::Batch::late`].
    pub(crate) late: bool,
    /// Everything up to here is in this or an earlier chunk.
    pub(crate) position: u64,
}

/// A bit for each lane.
pub(crate) type LaneSet = u32;

#[derive(Debug)]
pub(crate) enum Input {
    Chunk(Arc<Chunk>),
    /// Projects the dead letters of one stream, or of all, again.
    Redrive {
        stream: Option<String>,
        done: oneshot::Sender<Result<Redriven, RunError>>,
    },
    /// Stands still, for a switch to a rebuilt view: says where it stands, and goes on from where it is told. When the
    /// other side gives up, it goes on as it was.
    Hold {
        held: oneshot::Sender<u64>,
        release: oneshot::Receiver<Released>,
    },
}

#[derive(Debug)]
pub(crate) struct Released {
    pub(crate) cursor: u64,
    pub(crate) parked: HashSet<StreamId>,
}

/// The sending side of a lane.
#[derive(Debug, Clone)]
pub(crate) struct LaneSender {
    inputs: mpsc::Sender<Input>,
    under_way: Arc<AtomicUsize>,
}

impl LaneSender {
    pub(crate) fn new(queue_max: usize) -> (Self, mpsc::Receiver<Input>) {
        let (inputs, receiver) = mpsc::channel(queue_max);
        (Self { inputs, under_way: Arc::new(AtomicUsize::new(0)) }, receiver)
    }

    /// `false`: the lane has ended.
    pub(crate) async fn send(&self, input: Input) -> bool {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        self.inputs.send(input).await.is_ok()
    }

    /// Nothing waits and nothing is being worked on.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Acquire) == 0
    }
}

/// Why a lane ended.
#[derive(Debug)]
pub(crate) enum LaneEnd {
    Stopped,
    /// The store has started anew, or switched to another generation: ask it where to go on.
    StartOver,
}

pub(crate) struct Lane {
    pub(crate) index: usize,
    pub(crate) projection: &'static Projection,
    pub(crate) step: StepBuilder,
    pub(crate) step_events_max: usize,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) codec: Codec,
    pub(crate) views: Arc<dyn ViewWriter>,
    pub(crate) progress: Progress,
    pub(crate) stop: CancellationToken,
    pub(crate) sender: LaneSender,
}

/// What has been taken from the queue and is not with the store yet.
#[derive(Debug)]
struct Gathered {
    /// Inputs in it.
    inputs: usize,
    cursor: u64,
    control: Option<Input>,
}

/// A step on its way to the store.
struct UnderWay {
    inputs: usize,
    events: usize,
    cursor: u64,
    result: BoxFuture<'static, Result<(), LaneEnd>>,
}

impl Lane {
    pub(crate) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) -> LaneEnd {
        let stop = self.stop.clone();
        let mut gathered = self.nothing();
        let mut under_way: Option<UnderWay> = None;
        let mut look_again = tokio::time::interval(LOOK_AGAIN);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if under_way.is_none() && self.is_ready(&gathered) {
                let next = self.nothing_behind(gathered.cursor);
                let Gathered { inputs, cursor, control } = std::mem::replace(&mut gathered, next);
                match control {
                    // Whatever came before it has been flushed.
                    Some(control) if !self.step.holds_events() && cursor <= self.position() => {
                        self.control(control).await;
                        self.sender.under_way.fetch_sub(inputs, Ordering::AcqRel);
                        gathered = self.nothing();
                        continue;
                    }
                    control => {
                        gathered.inputs = usize::from(control.is_some());
                        gathered.control = control;
                        under_way = Some(self.start(inputs - gathered.inputs, cursor));
                    }
                }
            }
            let takes = gathered.control.is_none() && self.step.events < self.step_events_max;
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    if let Some(step) = under_way {
                        let _ = step.result.await;
                    }
                    return LaneEnd::Stopped;
                }
                result = finished(&mut under_way) => {
                    if let Err(end) = self.done(under_way.take(), result) {
                        return end;
                    }
                }
                _ = look_again.tick(), if under_way.is_none() && !self.step.holds_events() => {
                    if let Err(end) = self.look_again().await {
                        return end;
                    }
                }
                input = inputs.recv(), if takes => match input {
                    Some(input) => self.gather(input, &mut gathered),
                    None => return LaneEnd::Stopped,
                },
            }
        }
    }

    fn position(&self) -> u64 {
        self.progress.position(self.index)
    }

    /// While nothing is on its way to the store: streams that someone else has redriven are not parked any more, and a
    /// store that has lost everything is filled again. A store that does not answer is asked again later.
    async fn look_again(&mut self) -> Result<(), LaneEnd> {
        if !self.step.parked.is_empty()
            && let Ok(parked) = parked_streams(&*self.views, self.projection.name).await
        {
            self.step.parked.retain(|stream| parked.contains(stream));
            self.progress.parked(self.index, self.step.parked.len());
        }
        match self.views.check(self.projection.name, self.step.generation()).await {
            Err(ViewError::Switched | ViewError::Corrupt(_)) => Err(LaneEnd::StartOver),
            Ok(())
            | Err(
                ViewError::Unavailable(_)
                | ViewError::Schema { .. }
                | ViewError::BadCursor
                | ViewError::BadQuery(_)
                | ViewError::UnknownProjection(_)
                | ViewError::Behind { .. },
            ) => Ok(()),
        }
    }

    fn nothing(&self) -> Gathered {
        self.nothing_behind(self.position())
    }

    fn nothing_behind(&self, cursor: u64) -> Gathered {
        Gathered { inputs: 0, cursor, control: None }
    }

    /// Far behind the head it pays to wait for a full step; near it nothing waits.
    fn is_ready(&self, gathered: &Gathered) -> bool {
        let near = self.progress.head().saturating_sub(gathered.cursor) < FAR_BEHIND;
        gathered.inputs > 0
            && (near || gathered.control.is_some() || self.step.events >= self.step_events_max)
    }

    fn gather(&mut self, input: Input, gathered: &mut Gathered) {
        // While the lane was idle it may have been moved past what was not for it.
        gathered.cursor = gathered.cursor.max(self.position());
        gathered.inputs += 1;
        match input {
            Input::Chunk(chunk) => {
                let me: LaneSet = 1 << self.index;
                for (lanes, decoded) in &chunk.events {
                    if lanes & me != 0 && (chunk.late || decoded.position() > gathered.cursor) {
                        self.step.take(decoded);
                    }
                }
                gathered.cursor = gathered.cursor.max(chunk.position);
            }
            Input::Redrive { .. } | Input::Hold { .. } => gathered.control = Some(input),
        }
    }

    fn start(&mut self, inputs: usize, cursor: u64) -> UnderWay {
        let store = Store { views: Arc::clone(&self.views), stop: self.stop.clone() };
        let (name, events) = (self.projection.name, self.step.events);
        let result = if self.step.changes_nothing() {
            self.step.events = 0;
            let generation = self.step.generation();
            async move { store.advance(name, generation, cursor).await }.boxed()
        } else {
            let step = self.step.finish(cursor, Vec::new());
            async move { store.apply(step).await }.boxed()
        };
        UnderWay { inputs, events, cursor, result }
    }

    fn done(&mut self, step: Option<UnderWay>, result: Result<(), LaneEnd>) -> Result<(), LaneEnd> {
        result?;
        let Some(step) = step else { return Ok(()) };
        self.progress.parked(self.index, self.step.parked.len());
        self.progress.reached(self.index, step.cursor);
        metrics::counter!(names::EVENTS, "projection" => self.projection.name).increment(step.events as u64);
        self.sender.under_way.fetch_sub(step.inputs, Ordering::AcqRel);
        Ok(())
    }

    async fn control(&mut self, control: Input) {
        match control {
            Input::Chunk(_) => {}
            Input::Redrive { stream, done } => {
                let result = self.redrive(stream.as_deref()).await;
                self.progress.parked(self.index, self.step.parked.len());
                let _ = done.send(result);
            }
            Input::Hold { held, release } => {
                if held.send(self.progress.position(self.index)).is_ok()
                    && let Ok(released) = release.await
                {
                    self.step.parked = released.parked;
                    self.progress.parked(self.index, self.step.parked.len());
                    self.progress.reached(self.index, released.cursor);
                }
            }
        }
    }

    /// One stream at a time, in order, up to the first event that still cannot be projected.
    async fn redrive(&mut self, only: Option<&str>) -> Result<Redriven, RunError> {
        let mut redriven = Redriven::default();
        for (stream, positions) in parked_positions(&*self.views, self.projection.name, only).await? {
            let Ok(stream_id) = StreamId::new(stream.as_str()) else { continue };
            self.step.parked.remove(&stream_id);
            let parked_before = self.step.parked.len();
            let mut events = Vec::with_capacity(positions.len());
            for position in positions {
                let recorded = self.log.event_at(position).await?;
                let recorded = recorded.ok_or(RunError::NotInLog { position })?;
                events.push(decode(&self.codec, &recorded, &self.stop).await.ok_or(RunError::Stopped)?);
            }
            events.iter().for_each(|event| self.step.take(event));
            let still_parked = self.step.parked.len() > parked_before;
            let step = self.step.finish(self.progress.position(self.index), vec![stream]);
            let failed = step.dead_letters.len();
            if let Err(error) = self.views.apply(step).await {
                self.step.parked.insert(stream_id);
                return Err(error.into());
            }
            redriven.events += events.len() - failed;
            redriven.events_still_parked += failed;
            redriven.streams += usize::from(!still_parked);
        }
        Ok(redriven)
    }
}

/// Dead letters by stream, streams in the order of their first one.
pub(crate) async fn parked_positions(
    views: &dyn ViewWriter,
    projection: &str,
    only: Option<&str>,
) -> Result<Vec<(String, Vec<u64>)>, ViewError> {
    let mut streams: Vec<(String, Vec<u64>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let mut after = 0;
    loop {
        let letters = views.dead_letters(Some(projection), after, 1_000).await?;
        let Some(last) = letters.last() else { return Ok(streams) };
        after = last.position;
        for letter in letters {
            if only.is_some_and(|only| only != letter.stream) {
                continue;
            }
            let place = *places.entry(letter.stream.clone()).or_insert_with(|| {
                streams.push((letter.stream, Vec::new()));
                streams.len() - 1
            });
            streams[place].1.push(letter.position);
        }
    }
}

/// The streams that are parked in the live view.
pub(crate) async fn parked_streams(
    views: &dyn ViewWriter,
    projection: &str,
) -> Result<HashSet<StreamId>, ViewError> {
    let streams = parked_positions(views, projection, None).await?;
    Ok(streams.into_iter().filter_map(|(stream, _)| StreamId::new(stream).ok()).collect())
}

/// The result of the step that is under way; never, when there is none.
async fn finished(under_way: &mut Option<UnderWay>) -> Result<(), LaneEnd> {
    match under_way {
        Some(step) => (&mut step.result).await,
        None => std::future::pending().await,
    }
}

/// A store that is asked until it answers.
pub(crate) struct Store {
    pub(crate) views: Arc<dyn ViewWriter>,
    pub(crate) stop: CancellationToken,
}

impl Store {
    pub(crate) async fn apply(&self, step: Arc<Apply>) -> Result<(), LaneEnd> {
        let name = step.projection;
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            match self.views.apply(Arc::clone(&step)).await {
                Ok(()) => {
                    metrics::counter!(names::STEPS, "projection" => name).increment(1);
                    metrics::histogram!(names::STEP_SECONDS, "projection" => name)
                        .record(started.elapsed().as_secs_f64());
                    return Ok(());
                }
                Err(error) => self.failed(name, &error, &mut backoff).await?,
            }
        }
    }

    async fn advance(&self, name: &'static str, generation: Generation, cursor: u64) -> Result<(), LaneEnd> {
        let mut backoff = Backoff::default();
        while let Err(error) = self.views.advance(name, generation, cursor).await {
            self.failed(name, &error, &mut backoff).await?;
        }
        Ok(())
    }

    async fn failed(
        &self,
        name: &'static str,
        error: &ViewError,
        backoff: &mut Backoff,
    ) -> Result<(), LaneEnd> {
        metrics::counter!(names::RETRIES, "projection" => name).increment(1);
        tracing::warn!(projection = name, %error, "the view store did not take a step, trying again");
        if !backoff.wait(&self.stop).await {
            return Err(LaneEnd::Stopped);
        }
        match error {
            ViewError::Corrupt(_) | ViewError::Switched => Err(LaneEnd::StartOver),
            ViewError::Unavailable(_)
            | ViewError::Schema { .. }
            | ViewError::BadCursor
            | ViewError::BadQuery(_)
            | ViewError::UnknownProjection(_)
            | ViewError::Behind { .. } => Ok(()),
        }
    }
}
