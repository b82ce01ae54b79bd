//! Carrying out many commands at once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use nova_command_api::{CommandError, Context, Executor};
use nova_domain::Command;
use tokio::task::JoinSet;

use super::report::{Kind, Place, Report};

/// How many commands (or conversations) are under way at once. The log commits what waits together, so this is what
/// makes an import fast; a few hundred saturate it.
pub(crate) const IN_FLIGHT_MAX: usize = 384;

/// A command that cannot be taken right now is tried again this often, a little later each time.
const TRIES_MAX: u32 = 8;

/// A command of imported data.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) context: Context,
    pub(crate) command: Command,
}

/// How a job ended that did not break the import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    New,
    Known,
    Refused(String),
}

/// Carries out one command and counts it. An error ends the import: the log does not take commands any more.
pub(crate) async fn carry_out(executor: &Executor, report: &Report, job: Job) -> anyhow::Result<Done> {
    let context = Context { at_ms: report.time_of(job.context.at_ms), ..job.context };
    let done = attempt(executor, context, job.command).await?;
    match &done {
        Done::New => report.count(job.kind, true),
        Done::Known => report.count(job.kind, false),
        Done::Refused(reason) => report.bad(&job.place, reason),
    }
    Ok(done)
}

/// Carries out one command, counting nothing.
pub(crate) async fn attempt(executor: &Executor, context: Context, command: Command) -> anyhow::Result<Done> {
    for tries in 0..TRIES_MAX {
        match executor.execute(context.clone(), command.clone()).await {
            Ok(outcome) if outcome.changed && !outcome.duplicate => return Ok(Done::New),
            Ok(_) => return Ok(Done::Known),
            Err(CommandError::Refused(refusal)) => return Ok(Done::Refused(refusal.to_string())),
            Err(CommandError::Busy | CommandError::Overloaded) => {
                tokio::time::sleep(Duration::from_millis(5 << tries)).await;
            }
            Err(error) => return Err(anyhow!("{}: {error}", command.name())),
        }
    }
    bail!("{}: it is refused as busy again and again", command.name())
}

/// Works on a bounded number of tasks at once.
#[derive(Debug)]
pub(crate) struct Crew {
    executor: Executor,
    report: Arc<Report>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Crew {
    pub(crate) fn new(executor: Executor, report: Arc<Report>) -> Self {
        Self { executor, report, tasks: JoinSet::new() }
    }

    pub(crate) fn report(&self) -> &Arc<Report> {
        &self.report
    }

    /// Carries out commands beside the others, once there is room: one after the other, up to the first refused one.
    pub(crate) async fn give(&mut self, jobs: Vec<Job>) -> anyhow::Result<()> {
        let (executor, report) = (self.executor.clone(), Arc::clone(&self.report));
        self.spawn(async move {
            for job in jobs {
                if let Done::Refused(_) = carry_out(&executor, &report, job).await? {
                    break;
                }
            }
            Ok(())
        })
        .await
    }

    /// Works on something beside the rest, once there is room.
    pub(crate) async fn spawn(
        &mut self,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> anyhow::Result<()> {
        while self.tasks.len() >= IN_FLIGHT_MAX {
            self.join_one().await?;
        }
        self.tasks.spawn(task);
        Ok(())
    }

    /// Waits until everything that was given is done.
    pub(crate) async fn rest(&mut self) -> anyhow::Result<()> {
        while !self.tasks.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }

    async fn join_one(&mut self) -> anyhow::Result<()> {
        match self.tasks.join_next().await {
            Some(joined) => joined?,
            None => Ok(()),
        }
    }
}
