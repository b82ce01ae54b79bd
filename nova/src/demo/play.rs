//! Having the plan happen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_command_api::Executor;
use nova_domain::Command;
use nova_domain::user::Register;
use nova_eventlog::EventLog;

use super::plan::{Act, Plan, Step};
use crate::import::crew::{Crew, Done, attempt};
use crate::import::report::Report;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// How many steps, in which time.
    Fresh { steps: usize, took: Duration },
    /// It is all there from an earlier start, which ended at this time, in milliseconds since the Unix epoch.
    There { since_ms: u64 },
}

/// Has every step happen that has not happened yet.
pub async fn play(plan: &Arc<Plan>, executor: &Executor, log: &dyn EventLog) -> anyhow::Result<Played> {
    play_at(plan, executor, log, chrono::Utc::now().timestamp_millis()).await
}

/// The same, as if it were this time, in milliseconds since the Unix epoch.
pub async fn play_at(
    plan: &Arc<Plan>,
    executor: &Executor,
    log: &dyn EventLog,
    now_ms: i64,
) -> anyhow::Result<Played> {
    if let Some(last) = log.find(plan.last_command()).await? {
        return Ok(Played::There { since_ms: last.recorded_at_ms });
    }
    let started = Instant::now();
    for wave in 0..plan.waves.len() {
        let mut crew = Crew::new(executor.clone(), Report::begin(0));
        // Little tasks cost more than what they do; a handful of chains each is enough to keep the log's batches full.
        let chains = plan.waves[wave].len();
        let share = chains.div_ceil(crate::import::crew::IN_FLIGHT_MAX).max(1);
        for from in (0..chains).step_by(share) {
            let (plan, executor) = (Arc::clone(plan), executor.clone());
            crew.spawn(async move {
                for chain in plan.waves[wave].iter().skip(from).take(share) {
                    for step in chain {
                        happen(&plan, &executor, step, now_ms).await?;
                    }
                }
                Ok(())
            })
            .await?;
        }
        crew.rest().await?;
    }
    Ok(Played::Fresh { steps: plan.steps(), took: started.elapsed() })
}

async fn happen(plan: &Plan, executor: &Executor, step: &Step, now_ms: i64) -> anyhow::Result<()> {
    let command = match &step.act {
        Act::Register(number) => registration(plan, executor, *number),
        Act::Do(command) => command.clone(),
    };
    match attempt(executor, step.context(now_ms), command).await? {
        Done::New | Done::Known => {}
        // Such as a like of what was deleted before the first start was cut short.
        Done::Refused(reason) => tracing::debug!(step = step.name, reason, "a step of the demo was refused"),
    }
    Ok(())
}

fn registration(plan: &Plan, executor: &Executor, number: usize) -> Command {
    let person = &plan.people[number];
    Register {
        handle_key: executor.handle_key(&person.handle),
        handle: person.handle.clone(),
        display_name: person.display_name.clone(),
        bio: person.bio.clone(),
    }
    .into()
}
