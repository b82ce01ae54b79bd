//! One projection at work: takes the batches that wait for it, and gives the store one step for all of them.
//!
//! * What a store does not take is offered again, unchanged, until it does; nothing is skipped.
//! * A batch that is alone is applied at once; those that pile up while a store works go together in the next step, so
//!   that steps are small when the log is quiet and large while catching up.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use nova_eventlog::{EventLog, Filter, StreamId};
use nova_events::Codec;
use nova_views::{Generation, ViewError, ViewWriter};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::decode::{Backoff, Decoded, decode};
use crate::progress::Progress;
use crate::run::{Redriven, RunError};
use crate::step::StepBuilder;
use crate::{Projection, names};

/// Decoded events, shared between the lanes. Each event says for which lanes it is.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) events: Vec<(LaneSet, Decoded)>,
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
    /// The store says that what it holds is damaged. It may have started anew: ask it where to go on.
    StoreDamaged,
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

impl Lane {
    pub(crate) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) -> LaneEnd {
        loop {
            let first = tokio::select! {
                biased;
                () = self.stop.cancelled() => return LaneEnd::Stopped,
                input = inputs.recv() => input,
            };
            let Some(first) = first else { return LaneEnd::Stopped };
            let (mut taken, mut control) = (1, None);
            let mut cursor = self.progress.position(self.index);
            let mut next = Some(first);
            while let Some(input) = next.take() {
                match input {
                    Input::Chunk(chunk) => {
                        self.take(&chunk, cursor);
                        cursor = cursor.max(chunk.position);
                        if self.step.events < self.step_events_max
                            && let Ok(input) = inputs.try_recv()
                        {
                            taken += 1;
                            next = Some(input);
                        }
                    }
                    Input::Redrive { .. } | Input::Hold { .. } => control = Some(input),
                }
            }
            if let Err(end) = self.flush(cursor).await {
                return end;
            }
            if let Some(control) = control {
                self.control(control).await;
            }
            self.sender.under_way.fetch_sub(taken, Ordering::AcqRel);
        }
    }

    fn take(&mut self, chunk: &Chunk, cursor: u64) {
        let me: LaneSet = 1 << self.index;
        for (lanes, decoded) in &chunk.events {
            if lanes & me != 0 && decoded.position() > cursor {
                self.step.take(decoded);
            }
        }
    }

    async fn flush(&mut self, cursor: u64) -> Result<(), LaneEnd> {
        let events = self.step.events;
        let name = self.projection.name;
        let store = Store { views: &self.views, stop: &self.stop };
        if self.step.changes_nothing() {
            self.step.events = 0;
            store.advance(name, self.step.generation(), cursor).await?;
        } else {
            store.apply(&mut self.step, cursor, Vec::new()).await?;
        }
        self.progress.parked(self.index, self.step.parked.len());
        self.progress.reached(self.index, cursor);
        metrics::counter!(names::EVENTS, "projection" => name).increment(events as u64);
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
                let page = self.log.read_all(position.saturating_sub(1), &Filter::all(), 1).await?;
                let recorded = page.events.first().filter(|recorded| recorded.position == position);
                let recorded = recorded.ok_or(RunError::NotInLog { position })?;
                events.push(decode(&self.codec, recorded, &self.stop).await.ok_or(RunError::Stopped)?);
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
async fn parked_positions(
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

/// A store that is asked until it answers.
pub(crate) struct Store<'a> {
    pub(crate) views: &'a Arc<dyn ViewWriter>,
    pub(crate) stop: &'a CancellationToken,
}

impl Store<'_> {
    pub(crate) async fn apply(
        &self,
        step: &mut StepBuilder,
        cursor: u64,
        redriven: Vec<String>,
    ) -> Result<(), LaneEnd> {
        let name = step.projection.name;
        let step = step.finish(cursor, redriven);
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
        if !backoff.wait(self.stop).await {
            return Err(LaneEnd::Stopped);
        }
        match error {
            ViewError::Corrupt(_) => Err(LaneEnd::StoreDamaged),
            ViewError::Unavailable(_)
            | ViewError::Schema { .. }
            | ViewError::BadCursor
            | ViewError::BadQuery(_)
            | ViewError::UnknownProjection(_)
            | ViewError::Behind { .. } => Ok(()),
        }
    }
}
