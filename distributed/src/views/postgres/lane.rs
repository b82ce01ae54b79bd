//! Steps on their way into one filling of one view: those that wait, of whichever shards, go into one transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_views::{Apply, Generation, ViewError};
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use super::cursors::Cursors;
use super::error::{is_collision, is_missing, is_of_the_server, view_error};
use super::generations;
use super::schema::VIEWS;
use super::step::{self, Outcome};
use crate::shard::{Shard, ShardCursor};

/// Steps that wait, at most. Each shard has at most one on its way.
const WAITING_MAX: usize = 1_024;
const TRIES_MAX: u32 = 8;

/// One step of one shard.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) shard: Shard,
    pub(super) step: Arc<Apply>,
    pub(super) cursor: ShardCursor,
    done: oneshot::Sender<Result<(), ViewError>>,
}

/// Returns when the step has been committed, or refused.
pub(super) async fn offer(
    lane: &mpsc::Sender<Job>,
    shard: Shard,
    step: Arc<Apply>,
    cursor: ShardCursor,
) -> Result<(), ViewError> {
    let closed = || ViewError::Unavailable("the views are closed".to_owned());
    let (done, result) = oneshot::channel();
    lane.send(Job { shard, step, cursor, done }).await.map_err(|_| closed())?;
    result.await.map_err(|_| closed())?
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) index: usize,
    pub(super) generation: Generation,
    pub(super) pool: PgPool,
    pub(super) cursors: Arc<Cursors>,
    pub(super) changes_max: usize,
}

impl Lane {
    /// Works until the sender is dropped.
    pub(super) fn start(self) -> mpsc::Sender<Job> {
        let (sender, jobs) = mpsc::channel(WAITING_MAX);
        tokio::spawn(self.run(jobs));
        sender
    }

    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting: Option<Job> = None;
        loop {
            let first = match waiting.take() {
                Some(job) => job,
                None => match jobs.recv().await {
                    Some(job) => job,
                    None => return,
                },
            };
            let mut changes = first.step.changes.len();
            let mut group = vec![first];
            while let Ok(job) = jobs.try_recv() {
                changes += job.step.changes.len();
                if changes > self.changes_max {
                    waiting = Some(job);
                    break;
                }
                group.push(job);
            }
            self.work_on(group).await;
        }
    }

    async fn work_on(&self, group: Vec<Job>) {
        let started = Instant::now();
        match self.transaction(&group).await {
            // One step that PostgreSQL refuses must not hold the others back.
            Err(error) if group.len() > 1 && !is_of_the_server(&error) => {
                for job in group {
                    let alone = self.transaction(std::slice::from_ref(&job)).await;
                    Self::answer(vec![job], alone);
                }
            }
            result => Self::answer(group, result),
        }
        let name = VIEWS[self.index].name;
        metrics::histogram!("views_postgres_transaction_seconds", "projection" => name)
            .record(started.elapsed().as_secs_f64());
    }

    fn answer(group: Vec<Job>, result: sqlx::Result<Vec<Outcome>>) {
        let outcomes = match result {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let error = view_error(&error);
                for job in group {
                    let _ = job.done.send(Err(error.clone()));
                }
                return;
            }
        };
        for (job, outcome) in group.into_iter().zip(outcomes) {
            let answer = match outcome {
                Outcome::Committed => Ok(()),
                Outcome::Switched => Err(ViewError::Switched),
            };
            let _ = job.done.send(answer);
        }
    }

    async fn transaction(&self, group: &[Job]) -> sqlx::Result<Vec<Outcome>> {
        let mut tries = 0;
        loop {
            tries += 1;
            match step::apply(&self.pool, &self.cursors, self.index, self.generation, group).await {
                Ok(Some(outcomes)) => return Ok(outcomes),
                Ok(None) => return Ok(self.lost(group).await),
                Err(error) if is_missing(&error) => return Ok(self.lost(group).await),
                Err(error) if is_collision(&error) && tries < TRIES_MAX => {
                    metrics::counter!("views_postgres_collisions_total", "projection" => VIEWS[self.index].name)
                        .increment(1);
                    let pause_ms = rand::random_range(1..=10u64 << tries);
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The tables are not there, or are not those that the steps are for. Whoever asks for its cursor again goes on with
    /// what is made in their place; a rebuild has to begin anew.
    async fn lost(&self, group: &[Job]) -> Vec<Outcome> {
        if self.generation == Generation::Live
            && let Err(error) = generations::start_over(&self.pool, self.index).await
        {
            tracing::warn!(view = VIEWS[self.index].name, %error, "cannot make the view's tables anew yet");
        }
        group.iter().map(|_| Outcome::Switched).collect()
    }
}
