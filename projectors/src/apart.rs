//! What an operator does to a view from outside of the loop, also from another process: rebuild it, or project its dead
//! letters again.
//!
//! The running loops are not asked. After a switch a store refuses their steps, and they go on from where the new
//! generation is; that a stream is not parked any more they see in the store.

use std::collections::HashSet;
use std::sync::Arc;

use nova_eventlog::{EventLog, StreamId};
use nova_events::Codec;
use nova_views::{Generation, ViewWriter};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::decode::decode;
use crate::lane::parked_positions;
use crate::rebuild::Filler;
use crate::run::{Redriven, RunError};
use crate::step::StepBuilder;
use crate::{ALL, Projection};

/// A switch is tried once the new generation is this close to the head of the log; the live loops do the rest.
const CLOSE_EVENTS: u64 = 1_000;

/// One store's views, and the log that they are made of.
#[derive(Clone)]
pub struct Apart {
    log: Arc<dyn EventLog>,
    codec: Codec,
    views: Arc<dyn ViewWriter>,
    step_events_max: usize,
    stop: CancellationToken,
}

impl std::fmt::Debug for Apart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apart").field("step_events_max", &self.step_events_max).finish_non_exhaustive()
    }
}

impl Apart {
    pub fn new(
        log: Arc<dyn EventLog>,
        codec: Codec,
        views: Arc<dyn ViewWriter>,
        step_events_max: usize,
    ) -> Self {
        Self { log, codec, views, step_events_max, stop: CancellationToken::new() }
    }

    /// Fills a new generation from the log, beside the live one, and makes it the live one. `told` hears how far it is,
    /// and how far the log.
    pub async fn rebuild(&self, projection: &str, mut told: impl FnMut(u64, u64)) -> Result<(), RunError> {
        let projection = find(projection)?;
        self.views.begin_rebuild(projection.name).await?;
        let mut step = StepBuilder::new(projection, Generation::Next, HashSet::new());
        let filler = Filler {
            projection,
            step_events_max: self.step_events_max,
            log: Arc::clone(&self.log),
            codec: self.codec.clone(),
            views: Arc::clone(&self.views),
            stop: self.stop.clone(),
            read: Mutex::default(),
        };
        let (mut cursor, mut head) = (0, self.log.head());
        loop {
            while cursor < head {
                let until = head.min(cursor + self.step_events_max as u64);
                cursor = filler.fill(&mut step, cursor, until).await?;
                told(cursor, head.max(cursor));
            }
            let behind = self.log.head().saturating_sub(cursor);
            if behind <= CLOSE_EVENTS {
                break;
            }
            head = self.log.head();
        }
        filler.is_of_the_log().await?;
        Ok(self.views.switch(projection.name).await?)
    }

    /// Projects the dead letters of one stream, or of all, again, in order. What still fails stays parked. A loop that
    /// is at work on the stream may have parked more of it meanwhile: they are taken as well.
    pub async fn redrive(&self, projection: &str, stream: Option<&str>) -> Result<Redriven, RunError> {
        let projection = find(projection)?;
        let cursor = self.views.cursor(projection.name, Generation::Live).await?;
        let mut redriven = Redriven::default();
        let mut failed = HashSet::new();
        loop {
            let letters = parked_positions(&*self.views, projection.name, stream).await?;
            let Some((stream, positions)) = letters.into_iter().find(|(stream, _)| !failed.contains(stream))
            else {
                return Ok(redriven);
            };
            let mut step = StepBuilder::new(projection, Generation::Live, HashSet::new());
            for position in &positions {
                step.take(&self.event(*position).await?);
            }
            let still_parked = !step.parked.is_empty() || StreamId::new(stream.as_str()).is_err();
            let step = step.finish(cursor, vec![stream.clone()]);
            redriven.events += positions.len() - step.dead_letters.len();
            redriven.events_still_parked += step.dead_letters.len();
            redriven.streams += usize::from(!still_parked);
            self.views.apply(step).await?;
            if still_parked {
                failed.insert(stream);
            }
        }
    }

    async fn event(&self, position: u64) -> Result<crate::decode::Decoded, RunError> {
        let recorded = self.log.event_at(position).await?;
        let recorded = recorded.ok_or(RunError::NotInLog { position })?;
        decode(&self.codec, &recorded, &self.stop).await.ok_or(RunError::Stopped)
    }
}

fn find(name: &str) -> Result<&'static Projection, RunError> {
    ALL.iter()
        .find(|projection| projection.name == name)
        .ok_or_else(|| RunError::UnknownProjection(name.to_owned()))
}
