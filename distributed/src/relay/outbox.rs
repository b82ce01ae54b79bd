//! The outbox as an operator sees it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgPool;

use super::RelayError;
use super::store::{Store, signed, unsigned};
use crate::topics::Topics;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutboxStatus {
    /// Every event up to here is in Kafka, or parked.
    pub position: u64,
    pub head: u64,
    pub backlog_events: u64,
    /// How long the next event has been waiting; `None` when none waits.
    pub oldest_unpublished_seconds: Option<f64>,
    /// `None` when no relay leads.
    pub owner: Option<String>,
    pub epoch: i64,
    pub lease_until: DateTime<Utc>,
    pub parked: ParkedSummary,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ParkedSummary {
    pub streams: u64,
    pub events: u64,
    /// Of those, streams that are tried again only on request.
    pub streams_given_up: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParkedEvent {
    pub position: u64,
    pub stream: String,
    pub kind: String,
    pub error: String,
    pub attempts: u32,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub parked_at: DateTime<Utc>,
    pub redrive_requested: bool,
}

fn time(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// Notes which topics the log goes to; refuses others than those noted before.
pub async fn remember_topics(pool: &PgPool, topics: &Topics) -> Result<(), RelayError> {
    Store { pool: pool.clone() }.remember_topics(topics).await
}

pub async fn outbox_status(pool: &PgPool) -> Result<OutboxStatus, RelayError> {
    type Row = (i64, i64, Option<f64>, String, i64, i64, bool);
    let (position, head, waiting, owner, epoch, lease_until, leads): Row = sqlx::query_as(
        "SELECT o.position, h.position, \
         (SELECT (extract(epoch FROM clock_timestamp()) - e.recorded_at / 1000.0)::float8 \
          FROM nova.events e WHERE e.position = o.position + 1), \
         o.owner, o.epoch, (extract(epoch FROM o.lease_until) * 1000)::bigint, \
         o.lease_until > clock_timestamp() \
         FROM nova.outbox o, nova.head h",
    )
    .fetch_one(pool)
    .await?;
    let (streams, events, waiting_streams): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(DISTINCT stream), count(*), \
         count(DISTINCT stream) FILTER (WHERE redrive_requested OR next_attempt_at IS NOT NULL) \
         FROM nova.outbox_parked",
    )
    .fetch_one(pool)
    .await?;
    let (position, head) = (unsigned(position), unsigned(head));
    Ok(OutboxStatus {
        position,
        head,
        backlog_events: head.saturating_sub(position),
        oldest_unpublished_seconds: waiting.map(|seconds| seconds.max(0.0)),
        owner: leads.then_some(owner),
        epoch,
        lease_until: time(lease_until),
        parked: ParkedSummary {
            streams: unsigned(streams),
            events: unsigned(events),
            streams_given_up: unsigned(streams - waiting_streams),
        },
    })
}

/// Parked events with a position behind `after`, in order, up to `limit` of them.
pub async fn parked(pool: &PgPool, after: u64, limit: usize) -> Result<Vec<ParkedEvent>, RelayError> {
    type Row = (i64, String, String, String, i32, Option<i64>, i64, bool);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT position, stream, kind, error, attempts, (extract(epoch FROM next_attempt_at) * 1000)::bigint, \
         (extract(epoch FROM parked_at) * 1000)::bigint, redrive_requested \
         FROM nova.outbox_parked WHERE position > $1 ORDER BY position LIMIT $2",
    )
    .bind(signed(after))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await?;
    let event =
        |(position, stream, kind, error, attempts, next, parked, redrive_requested): Row| ParkedEvent {
            position: unsigned(position),
            stream,
            kind,
            error,
            attempts: u32::try_from(attempts).unwrap_or(0),
            next_attempt_at: next.map(time),
            parked_at: time(parked),
            redrive_requested,
        };
    Ok(rows.into_iter().map(event).collect())
}

/// Asks the leading relay to publish the parked events of this stream, or of all. Answers how many streams that are.
pub async fn request_redrive(pool: &PgPool, stream: Option<&str>) -> Result<u64, RelayError> {
    let streams: i64 = sqlx::query_scalar(
        "WITH asked AS (UPDATE nova.outbox_parked SET redrive_requested = true \
         WHERE $1::text IS NULL OR stream = $1 RETURNING stream) SELECT count(DISTINCT stream) FROM asked",
    )
    .bind(stream)
    .fetch_one(pool)
    .await?;
    Ok(unsigned(streams))
}
