//! The jobs that operators give to a running process, such as rebuilding a view.
//!
//! * Two jobs of one process never work on the same thing at once: the second is refused.
//! * A job belongs to the process that runs it, and ends with it. The latest are remembered.

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use metrics::counter;
use nova_events::UserId;
use nova_http::FieldError;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;
use uuid::Uuid;

const JOBS: &str = "operator_jobs_total";
/// Jobs that are remembered, running ones included.
const REMEMBERED_MAX: usize = 100;
/// Of the reason for a job.
pub const REASON_BYTES_MAX: usize = 500;

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Fill a view from the log, beside the live one, and switch to it.
    Rebuild { projection: String },
    /// Project dead letters again: those of one stream, or all.
    Redrive { projection: String, stream: Option<String> },
    /// Publish parked events to Kafka again: those of one stream, or all.
    RedriveOutbox { stream: Option<String> },
    /// Remove what unfinished uploads left behind.
    SweepMedia,
    /// Read the whole log and check it.
    VerifyLog,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    Rebuild,
    Redrive,
    RedriveOutbox,
    SweepMedia,
    VerifyLog,
}

impl Task {
    /// The task of a request, or what is wrong with the request.
    pub fn new(
        kind: JobKind,
        projection: Option<String>,
        stream: Option<String>,
    ) -> Result<Self, Vec<FieldError>> {
        let (needs, takes) = match kind {
            JobKind::Rebuild => (true, false),
            JobKind::Redrive => (true, true),
            JobKind::RedriveOutbox => (false, true),
            JobKind::SweepMedia | JobKind::VerifyLog => (false, false),
        };
        let wrong = |field: &str, code, detail: &str| FieldError {
            field: field.to_owned(),
            code,
            detail: detail.to_owned(),
        };
        let mut errors = Vec::new();
        if needs && projection.is_none() {
            errors.push(wrong("projection", "required", "this kind of job needs one"));
        }
        if !needs && projection.is_some() {
            errors.push(wrong("projection", "invalid", "this kind of job takes none"));
        }
        if !takes && stream.is_some() {
            errors.push(wrong("stream", "invalid", "this kind of job takes none"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let projection = projection.unwrap_or_default();
        Ok(match kind {
            JobKind::Rebuild => Self::Rebuild { projection },
            JobKind::Redrive => Self::Redrive { projection, stream },
            JobKind::RedriveOutbox => Self::RedriveOutbox { stream },
            JobKind::SweepMedia => Self::SweepMedia,
            JobKind::VerifyLog => Self::VerifyLog,
        })
    }

    /// Its kind, projection and stream.
    pub fn parts(&self) -> (JobKind, Option<&str>, Option<&str>) {
        match self {
            Self::Rebuild { projection } => (JobKind::Rebuild, Some(projection), None),
            Self::Redrive { projection, stream } => (JobKind::Redrive, Some(projection), stream.as_deref()),
            Self::RedriveOutbox { stream } => (JobKind::RedriveOutbox, None, stream.as_deref()),
            Self::SweepMedia => (JobKind::SweepMedia, None, None),
            Self::VerifyLog => (JobKind::VerifyLog, None, None),
        }
    }

    /// Whether the other one works on the same thing.
    fn excludes(&self, other: &Self) -> bool {
        let ((kind, projection, _), (other_kind, other_projection, _)) = (self.parts(), other.parts());
        projection == other_projection && (projection.is_some() || kind == other_kind)
    }
}

/// What a job came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobOutcome {
    /// In words, for people.
    #[schema(example = "rebuilt posts from 1042 events in 0.1 s")]
    pub summary: String,
    /// The same as numbers, by what was counted.
    pub numbers: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Running,
    Done,
    Failed,
}

/// A job of an operator.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Job {
    pub id: Uuid,
    pub kind: JobKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Why it was started.
    pub reason: String,
    /// The operator who started it.
    pub started_by: Uuid,
    pub started_at: DateTime<Utc>,
    pub state: JobState,
    /// How much is done, of `total`: events, or segments where a log of files is verified.
    pub done: u64,
    /// 0 while it is not known.
    pub total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Of a job that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<JobOutcome>,
    /// Of a job that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Hears how much is done, and of how much.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// Does the tasks.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Says what is wrong with a task before it is begun.
    fn check(&self, task: &Task) -> Result<(), FieldError>;

    /// An error is in words, for operators.
    async fn perform(&self, task: &Task, progress: Progress<'_>) -> Result<JobOutcome, String>;
}

/// Why a job was not started.
#[derive(Debug, PartialEq, Eq)]
pub enum NotStarted {
    Invalid(FieldError),
    /// This job works on the same thing.
    Busy(Uuid),
}

/// The jobs of this process.
#[derive(Clone)]
pub struct Jobs(Arc<Shared>);

struct Shared {
    tasks: Arc<dyn Tasks>,
    runtime: Handle,
    running: TaskTracker,
    /// The latest last.
    known: Mutex<VecDeque<Known>>,
}

struct Known {
    task: Task,
    job: Job,
    abort: Option<AbortHandle>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("running", &self.0.running.len()).finish_non_exhaustive()
    }
}

impl Jobs {
    /// Jobs run on this runtime, whichever thread asks for them.
    pub fn new(tasks: Arc<dyn Tasks>, runtime: Handle) -> Self {
        Self(Arc::new(Shared { tasks, runtime, running: TaskTracker::new(), known: Mutex::default() }))
    }

    pub fn start(&self, task: Task, reason: String, by: UserId) -> Result<Job, NotStarted> {
        self.0.tasks.check(&task).map_err(NotStarted::Invalid)?;
        let (kind, projection, stream) = task.parts();
        let job = Job {
            id: Uuid::now_v7(),
            kind,
            projection: projection.map(str::to_owned),
            stream: stream.map(str::to_owned),
            reason,
            started_by: by.0,
            started_at: Utc::now(),
            state: JobState::Running,
            done: 0,
            total: 0,
            ended_at: None,
            outcome: None,
            error: None,
        };
        let mut known = self.0.known.lock();
        let busy = known.iter().find(|one| one.job.state == JobState::Running && one.task.excludes(&task));
        if let Some(busy) = busy {
            return Err(NotStarted::Busy(busy.job.id));
        }
        while known.len() >= REMEMBERED_MAX
            && let Some(oldest) = known.iter().position(|one| one.job.state != JobState::Running)
        {
            known.remove(oldest);
        }
        tracing::info!(
            job.id = %job.id, job.kind = ?kind, job.projection = projection, job.stream = stream,
            job.reason = job.reason, job.started_by = %by, "an operator started a job"
        );
        // It cannot end before it is known: that takes the lock.
        let work = self.0.running.track_future(Arc::clone(&self.0).run(job.id, task.clone()));
        let abort = Some(self.0.runtime.spawn(work).abort_handle());
        known.push_back(Known { task, job: job.clone(), abort });
        Ok(job)
    }

    /// The latest first.
    pub fn list(&self) -> Vec<Job> {
        self.0.known.lock().iter().rev().map(|known| known.job.clone()).collect()
    }

    pub fn get(&self, id: Uuid) -> Option<Job> {
        self.0.known.lock().iter().find(|known| known.job.id == id).map(|known| known.job.clone())
    }

    /// Breaks a job off. What it has done stays done; a view that it was filling goes, and the live one stays.
    pub fn break_off(&self, id: Uuid) -> Option<Job> {
        let mut known = self.0.known.lock();
        let known = known.iter_mut().find(|known| known.job.id == id)?;
        known.break_off("an operator broke it off");
        Some(known.job.clone())
    }

    /// Breaks off what is running, and waits until the tasks are dropped.
    pub async fn stop(&self) {
        self.0.running.close();
        for known in self.0.known.lock().iter_mut() {
            known.break_off("the process stops");
        }
        self.0.running.wait().await;
    }
}

impl Known {
    fn break_off(&mut self, why: &str) {
        let Some(abort) = self.abort.take().filter(|_| self.job.state == JobState::Running) else { return };
        abort.abort();
        let (id, kind) = (self.job.id, self.job.kind);
        tracing::warn!(job.id = %id, job.kind = ?kind, error.message = why, "a job was broken off");
        counter!(JOBS, "kind" => kind.name(), "outcome" => "broken_off").increment(1);
        self.job.ended_at = Some(Utc::now());
        (self.job.state, self.job.error) = (JobState::Failed, Some(why.to_owned()));
    }
}

impl Shared {
    async fn run(self: Arc<Self>, id: Uuid, task: Task) {
        let mut progress = |done, total| {
            self.change(id, |job| {
                job.done = done;
                job.total = total;
            });
        };
        let performed = AssertUnwindSafe(self.tasks.perform(&task, &mut progress)).catch_unwind().await;
        let ended = performed.unwrap_or_else(|_| Err("it panicked; the server log says where".to_owned()));
        let (kind, ..) = task.parts();
        let word = match &ended {
            Ok(outcome) => {
                tracing::info!(job.id = %id, job.kind = ?kind, job.outcome = outcome.summary, "a job is done");
                "done"
            }
            Err(error) => {
                tracing::warn!(job.id = %id, job.kind = ?kind, error.message = error, "a job has failed");
                "failed"
            }
        };
        counter!(JOBS, "kind" => kind.name(), "outcome" => word).increment(1);
        self.change(id, |job| {
            job.ended_at = Some(Utc::now());
            match ended {
                Ok(outcome) => (job.state, job.outcome) = (JobState::Done, Some(outcome)),
                Err(error) => (job.state, job.error) = (JobState::Failed, Some(error)),
            }
        });
    }

    /// Of a job that has not been broken off.
    fn change(&self, id: Uuid, change: impl FnOnce(&mut Job)) {
        let mut known = self.known.lock();
        let found = known.iter_mut().find(|known| known.job.id == id);
        if let Some(known) = found.filter(|known| known.job.state == JobState::Running) {
            change(&mut known.job);
        }
    }
}

impl JobKind {
    fn name(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Redrive => "redrive",
            Self::RedriveOutbox => "redrive_outbox",
            Self::SweepMedia => "sweep_media",
            Self::VerifyLog => "verify_log",
        }
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
