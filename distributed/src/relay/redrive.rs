//! Trying parked streams again. One event at a time, with nothing else under way: the next is sent when the one before
//! it is in Kafka, and what is in Kafka is taken off the table before new events of the stream are published directly.

use nova_eventlog::Recorded;

use super::session::{End, Session, Step};
use super::store::Changed;
use crate::postgres::sql_problem;

/// Streams, and events of each, before the relay looks after new events again.
const STREAMS_MAX: i64 = 8;
const EVENTS_MAX: i64 = 64;

/// How far a stream has come.
#[derive(Debug, Default)]
struct Progress {
    published: Option<u64>,
    /// What Kafka says about the next one.
    refused: Option<(u64, i32, String)>,
}

impl Session<'_> {
    pub(super) async fn redrive(&mut self) -> Step<()> {
        let streams = self.shared.store.due_streams(STREAMS_MAX).await.map_err(postgres)?;
        self.redrive = false;
        for stream in &streams {
            self.redrive_stream(stream).await?;
        }
        Ok(())
    }

    async fn redrive_stream(&mut self, stream: &str) -> Step<()> {
        let rows = self.shared.store.parked_of(stream, EVENTS_MAX).await.map_err(postgres)?;
        let mut progress = Progress::default();
        let mut broken = None;
        for (position, attempts) in rows {
            let event = self.event_at(position).await?;
            let batch = self.publisher.open();
            let sent = self.send_alone(batch, &event, true).await;
            // The cursor stays where it is: this one has been passed long ago.
            self.publisher.seal(batch, self.cursor, Vec::new());
            match sent {
                Ok(None) => progress.published = Some(position),
                Ok(Some(error)) => {
                    progress.refused = Some((position, attempts, error));
                    break;
                }
                Err(end) => {
                    let failure =
                        self.publisher.acks.failure().filter(|failure| failure.refused == [position]);
                    progress.refused = failure.map(|failure| (position, attempts, failure.problem));
                    broken = Some(end);
                    break;
                }
            }
        }
        self.note(stream, &progress).await?;
        match broken {
            // Known now, and noted: not a suspect of the next session.
            Some(End::Failed(_)) if progress.refused.is_some() => Err(End::Again),
            Some(end) => Err(end),
            None => Ok(()),
        }
    }

    async fn note(&mut self, stream: &str, progress: &Progress) -> Step<()> {
        let (store, leads) = (&self.shared.store, self.leads());
        if let Some(position) = progress.published {
            let (changed, more) = store.unpark(leads, stream, position).await.map_err(postgres)?;
            self.still_leads(changed)?;
            tracing::info!(stream, position, more, "parked events of a stream have been published");
            if more {
                self.redrive = true;
            } else {
                self.parked.remove(stream);
            }
        }
        if let Some((position, attempts, error)) = &progress.refused {
            let attempts = u32::try_from(*attempts).unwrap_or(0).saturating_add(1);
            let retry = self.shared.options.parked_retry(attempts);
            let changed =
                store.refused_again(leads, stream, *position, error, retry).await.map_err(postgres)?;
            self.still_leads(changed)?;
            tracing::warn!(stream, position, attempts, error, "Kafka refuses a parked event again");
        }
        Ok(())
    }

    fn still_leads(&self, changed: Changed) -> Step<()> {
        match changed {
            Changed::Yes => Ok(()),
            Changed::Fenced => {
                self.lease.fence();
                Err(End::Lost)
            }
        }
    }

    async fn event_at(&self, position: u64) -> Step<Recorded> {
        let event = self.shared.log.event_at(position).await;
        let event = event.map_err(|error| End::Failed(error.to_string()))?;
        event.ok_or_else(|| End::Failed(format!("the parked event {position} is not in the log")))
    }
}

fn postgres(error: sqlx::Error) -> End {
    End::Failed(format!("PostgreSQL: {}", sql_problem(&error)))
}
