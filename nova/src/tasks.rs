//! What operators have done, whether the command line does it itself or a running server as a job.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use async_trait::async_trait;
use nova_command_api::Executor;
use nova_command_api::sweep::{Sweeper, Swept};
use nova_eventlog::EventLog;
use nova_http::FieldError;
use nova_media::MediaStore;
use nova_projectors::Redriven;
use nova_query_api::jobs::{JobOutcome, Progress, Task, Tasks};

use crate::config::{Config, Profile};
use crate::profile::{Installation, NO_OUTBOX, Runtime, outcome};

/// The number of events that a redrive could not project.
pub(crate) const STILL_PARKED: &str = "events_still_parked";
const NO_MEDIA: &str = "this installation has no place for media: media.s3_bucket is not set";

/// The parts of a product that tasks need.
pub(crate) struct OperatorTasks {
    pub(crate) config: Config,
    pub(crate) installation: &'static dyn Installation,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) executor: Executor,
    pub(crate) media: Option<MediaStore>,
}

impl std::fmt::Debug for OperatorTasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperatorTasks").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

impl OperatorTasks {
    pub(crate) async fn perform(&self, task: &Task, told: Progress<'_>) -> anyhow::Result<JobOutcome> {
        if let Err(FieldError { detail, .. }) = self.check(task) {
            anyhow::bail!(detail);
        }
        match task {
            Task::Rebuild { projection } => {
                let started = Instant::now();
                self.runtime.rebuild(&self.config, projection, told).await?;
                let (head, seconds) = (self.log.head(), started.elapsed().as_secs_f64());
                let summary = format!("rebuilt {projection} from {head} events in {seconds:.1} s");
                Ok(outcome(summary, [("events", head)]))
            }
            Task::Redrive { projection, stream } => {
                let done = self.runtime.redrive(&self.config, projection, stream.as_deref()).await?;
                let Redriven { streams, events, events_still_parked } = done;
                let summary = format!(
                    "{events} events projected, {streams} streams free again, {events_still_parked} events still parked"
                );
                let numbers = [("events", events), ("streams", streams), (STILL_PARKED, events_still_parked)];
                Ok(outcome(summary, numbers))
            }
            Task::RedriveOutbox { stream } => {
                let events = self.runtime.outbox_redrive(stream.as_deref()).await?;
                let summary = format!(
                    "asked the relay to publish {events} events again: `nova outbox parked` shows what it still cannot"
                );
                Ok(outcome(summary, [("events", events)]))
            }
            Task::SweepMedia => {
                let store = self.media.clone().context(NO_MEDIA)?;
                let mut sweeper = Sweeper::new(store, self.executor.clone(), self.config.sweep_options());
                let Swept { rejected, staging, media, marks, .. } = sweeper.whole().await?;
                let summary = format!(
                    "{rejected} reservations rejected; {staging} objects of unfinished uploads, {media} of media that \
                     nothing refers to and {marks} marks removed"
                );
                let numbers =
                    [("rejected", rejected), ("staging", staging), ("media", media), ("marks", marks)];
                Ok(outcome(summary, numbers))
            }
            Task::VerifyLog => self.installation.verify_log(&self.config, told).await,
        }
    }
}

#[async_trait]
impl Tasks for OperatorTasks {
    fn check(&self, task: &Task) -> Result<(), FieldError> {
        let wrong =
            |field: &str, code, detail: String| Err(FieldError { field: field.to_owned(), code, detail });
        match task {
            Task::Rebuild { projection } | Task::Redrive { projection, .. } => {
                let known = self.runtime.projections();
                match known.contains(projection) {
                    true => Ok(()),
                    false => wrong(
                        "projection",
                        "unknown",
                        format!("no projection is called {projection:?}: there are {}", known.join(", ")),
                    ),
                }
            }
            Task::RedriveOutbox { .. } if self.config.profile == Profile::Embedded => {
                wrong("kind", "unavailable", NO_OUTBOX.to_owned())
            }
            Task::SweepMedia if self.media.is_none() => wrong("kind", "unavailable", NO_MEDIA.to_owned()),
            Task::RedriveOutbox { .. } | Task::SweepMedia | Task::VerifyLog => Ok(()),
        }
    }

    async fn perform(&self, task: &Task, progress: Progress<'_>) -> Result<JobOutcome, String> {
        Self::perform(self, task, progress).await.map_err(|error| format!("{error:#}"))
    }
}
