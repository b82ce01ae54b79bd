//! Rebuilding a view: a new generation is filled from the log beside the live one, which goes on; then the two change
//! places. The live lane stands still only for the last few events and the switch.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use nova_eventlog::{EventLog, EventMark, Filter};
use nova_events::Codec;
use nova_views::{Generation, ViewWriter};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::Projection;
use crate::decode::decode;
use crate::lane::{Input, LaneEnd, LaneSender, Released, Store};
use crate::progress::Progress;
use crate::run::RunError;
use crate::step::StepBuilder;

const PAGE_EVENTS: usize = 2_048;
/// A store that takes no step for so long, such as one whose disk is full, ends the rebuild: the live view needs its room.
const STEP_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Rebuild {
    pub(crate) index: usize,
    pub(crate) progress: Progress,
    pub(crate) live: LaneSender,
    pub(crate) filler: Filler,
}

/// Fills the next generation from the log.
pub(crate) struct Filler {
    pub(crate) projection: &'static Projection,
    pub(crate) step_events_max: usize,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) codec: Codec,
    pub(crate) views: Arc<dyn ViewWriter>,
    pub(crate) stop: CancellationToken,
    /// Of the log where it was read last.
    pub(crate) read: Mutex<Option<EventMark>>,
}

impl Rebuild {
    pub(crate) async fn run(&self) -> Result<(), RunError> {
        let Filler { projection, views, .. } = &self.filler;
        views.begin_rebuild(projection.name).await?;
        let mut step = StepBuilder::new(projection, Generation::Next, HashSet::new());
        let mut cursor = 0;
        // Up to where the live view is, which moves on meanwhile.
        while cursor < self.progress.position(self.index) {
            cursor = self.filler.fill(&mut step, cursor, self.progress.position(self.index)).await?;
        }
        let (held, at) = oneshot::channel();
        let (release, released) = oneshot::channel();
        if !self.live.send(Input::Hold { held, release: released }).await {
            return Err(RunError::Stopped);
        }
        let at = at.await.map_err(|_| RunError::Stopped)?;
        let cursor = self.filler.fill(&mut step, cursor, at).await?;
        self.filler.is_of_the_log().await?;
        views.switch(projection.name).await?;
        let _ = release.send(Released { cursor, parked: step.parked });
        Ok(())
    }
}

impl Filler {
    /// Projects the log from behind `cursor` until `until` is done. Returns how far it came: there or further.
    pub(crate) async fn fill(
        &self,
        step: &mut StepBuilder,
        mut cursor: u64,
        until: u64,
    ) -> Result<u64, RunError> {
        let filter = Filter::categories(self.projection.categories.iter().copied());
        let store = Store { views: Arc::clone(&self.views), stop: self.stop.clone() };
        while cursor < until {
            let page = self.log.read_all(cursor, &filter, PAGE_EVENTS).await?;
            self.is_of_the_log().await?;
            if page.mark.is_some() {
                *self.read.lock() = page.mark;
            }
            for (count, recorded) in page.events.iter().enumerate() {
                step.take(&decode(&self.codec, recorded, &self.stop).await.ok_or(RunError::Stopped)?);
                if count % 256 == 255 {
                    tokio::task::yield_now().await;
                }
            }
            cursor = page.position;
            if step.events >= self.step_events_max || cursor >= until {
                let applied =
                    tokio::time::timeout(STEP_MAX, store.apply(step.finish(cursor, Vec::new()))).await;
                applied.map_err(|_| RunError::StoreStuck(STEP_MAX))?.map_err(|end| match end {
                    LaneEnd::Stopped => RunError::Stopped,
                    LaneEnd::StartOver => RunError::StoreDamaged,
                })?;
            }
        }
        Ok(cursor)
    }

    /// Fails when the log has lost what was read: it was restored, or failed over with losses.
    pub(crate) async fn is_of_the_log(&self) -> Result<(), RunError> {
        let Some(read) = *self.read.lock() else { return Ok(()) };
        let (mark, _) = self.log.mark_at(read.position).await?;
        if mark == Some(read) { Ok(()) } else { Err(RunError::OtherHistory { position: read.position }) }
    }
}
