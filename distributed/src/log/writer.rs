//! The task that writes.
//!
//! * Whatever waits becomes one batch: as soon as the last one is answered, never on a timer.
//! * What the server refuses for a reason that does not pass is tried again command by command, so that a command that
//!   cannot be stored fails alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_eventlog::{Appended, LogError, event_id};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Error};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::Shared;
use super::batch::{self, Answer, Outcome};
use super::queue::Request;
use super::read::FirstResult;
use crate::postgres::{is_transient, sql_problem};

const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_millis(500);
/// Batches whose commands' first results are being read. With more, the writer waits.
const READ_ASIDE_MAX: usize = 4;

pub(super) async fn run(shared: Arc<Shared>, connecting: Arc<PgConnectOptions>) {
    let mut writer =
        Writer { shared, connecting, connection: None, aside: Arc::new(Semaphore::new(READ_ASIDE_MAX)) };
    let (events_max, bytes_max) =
        (writer.shared.options.batch_events_max, writer.shared.options.batch_bytes_max);
    while let Some(batch) = writer.shared.queue.take(events_max, bytes_max).await {
        writer.commit(batch).await;
    }
    if let Some(connection) = writer.connection {
        let _ = connection.close().await;
    }
}

struct Writer {
    shared: Arc<Shared>,
    connecting: Arc<PgConnectOptions>,
    connection: Option<PgConnection>,
    aside: Arc<Semaphore>,
}

impl Writer {
    async fn commit(&mut self, batch: Vec<Request>) {
        match self.send(&batch).await {
            Ok(answer) => self.answer(batch, &answer).await,
            Err(error) if is_transient(&error) || batch.len() == 1 => {
                let error = refusal(&error);
                tracing::warn!(%error, appends = batch.len(), "appends have failed");
                batch.into_iter().for_each(|request| request.answer(Err(error.clone())));
            }
            Err(error) => {
                let problem = sql_problem(&error);
                tracing::warn!(problem, "a batch was refused: its appends are tried one by one");
                for request in batch {
                    Box::pin(self.commit(vec![request])).await;
                }
            }
        }
    }

    /// Until the server has taken it, or has refused it, or too much time has passed.
    async fn send(&mut self, batch: &[Request]) -> Result<Answer, Error> {
        let mut failing = None;
        let mut pause = RETRY_FIRST;
        loop {
            let error = match self.attempt(batch).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Whatever is still on its way on that connection is not what the next attempt waits for.
            self.connection = None;
            let since = *failing.get_or_insert_with(Instant::now);
            let patience = Duration::from_millis(self.shared.options.append_retry_ms_max);
            if !is_transient(&error) || since.elapsed() + pause > patience {
                return Err(error);
            }
            metrics::counter!("log_append_retries_total").increment(1);
            tracing::debug!(problem = sql_problem(&error), "a batch is sent again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    async fn attempt(&mut self, batch: &[Request]) -> Result<Answer, Error> {
        let patience = Duration::from_millis(self.shared.options.attempt_ms_max);
        let attempt = async {
            let connection = match &mut self.connection {
                Some(connection) => connection,
                none => none.insert(connect(&self.connecting).await?),
            };
            let started = Instant::now();
            let answer = batch::send(connection, batch).await?;
            metrics::histogram!("log_batch_seconds").record(started.elapsed().as_secs_f64());
            Ok(answer)
        };
        match tokio::time::timeout(patience, attempt).await {
            Ok(result) => result,
            Err(_) => Err(Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }

    async fn answer(&self, batch: Vec<Request>, answer: &Answer) {
        let events: usize = batch.iter().map(|request| request.events).sum();
        metrics::histogram!("log_batch_events").record(events as f64);
        // Readers first, then the writers: who has an answer can read what it says.
        self.shared.head.raise(answer.head_after);
        self.shared.written.send_if_modified(|written| {
            let news = answer.head_after > *written;
            *written = answer.head_after.max(*written);
            news
        });
        let outcomes = answer.outcomes(&batch);
        if let Some((position, event)) = batch.iter().zip(&outcomes).rev().find_map(last_event) {
            self.shared.seen.appended(position, event);
        }
        let wanted: Vec<FirstResult> = batch
            .iter()
            .zip(&outcomes)
            .filter_map(|(request, outcome)| match outcome {
                Outcome::InLog(position) => {
                    Some(FirstResult::wanted(request.append.command_id, *position, request.events))
                }
                Outcome::Done(_) | Outcome::Same(_) => None,
            })
            .collect();
        if wanted.is_empty() {
            settle(batch, outcomes, &[]);
            return;
        }
        // Read aside, so that the next batch does not wait for it.
        let shared = self.shared.clone();
        let place = self.aside.clone().acquire_owned().await;
        tokio::spawn(async move {
            let _place = place;
            match shared.reader.first_results(wanted).await {
                Ok(found) => settle(batch, outcomes, &found),
                Err(error) => {
                    for (request, outcome) in batch.into_iter().zip(outcomes) {
                        match outcome {
                            Outcome::Done(result) => request.answer(result),
                            Outcome::InLog(_) | Outcome::Same(_) => request.answer(Err(error.clone())),
                        }
                    }
                }
            }
        });
    }
}

/// The last event that a command has appended.
fn last_event((request, outcome): (&Request, &Outcome)) -> Option<(u64, Uuid)> {
    let Outcome::Done(Ok(appended)) = outcome else { return None };
    let ordinal = request.events.checked_sub(1)?;
    Some((appended.last_position, event_id(request.append.command_id, u16::try_from(ordinal).ok()?)))
}

/// Answers everyone. `found` are the first results of those that were in the log, in order.
fn settle(batch: Vec<Request>, outcomes: Vec<Outcome>, found: &[FirstResult]) {
    let mut found = found.iter();
    let mut results: Vec<Result<Appended, LogError>> = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        results.push(match outcome {
            Outcome::Done(result) => result,
            Outcome::InLog(position) => match found.next() {
                Some(first) => Ok(first.appended()),
                None => Err(nowhere(position)),
            },
            Outcome::Same(place) => match results.get(place) {
                Some(Ok(first)) => Ok(Appended { duplicate: true, ..first.clone() }),
                Some(Err(_)) | None => Err(nowhere(0)),
            },
        });
    }
    for (request, result) in batch.into_iter().zip(results) {
        request.answer(result);
    }
}

fn nowhere(position: u64) -> LogError {
    let problem = format!("the command at position {position} cannot be read");
    LogError::Corrupt { place: "nova.events".to_owned(), problem }
}

async fn connect(connecting: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = PgConnection::connect_with(connecting).await?;
    // Stronger settings of the server stay. Without this, what is answered could be lost.
    sqlx::query(
        "SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') = 'off'",
    )
    .execute(&mut connection)
    .await?;
    Ok(connection)
}

/// What an append is told whose batch was not taken.
fn refusal(error: &Error) -> LogError {
    let problem = sql_problem(error);
    let constraint = error.as_database_error().and_then(|refusal| refusal.constraint());
    match constraint {
        Some("events_event_id_key") => {
            LogError::Invalid("one of its events would have the id of another event".to_owned())
        }
        Some(_) => LogError::Corrupt { place: "nova.events".to_owned(), problem },
        None => LogError::Unavailable(format!(
            "PostgreSQL: {problem}; whether the append is in the log shows when it is repeated"
        )),
    }
}
