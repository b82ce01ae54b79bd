//! What the relay keeps in PostgreSQL: its cursor, its lease and what is parked. Times are the database's own, so that
//! clocks of different machines are never compared.

use std::time::Duration;

use nova_eventlog::EventMark;
use sqlx::postgres::PgPool;

use super::RelayError;
use crate::topics::Topics;

#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) pool: PgPool,
}

/// A lease that was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) epoch: i64,
    pub(super) position: u64,
}

/// The lease that holds, and the session that has begun last: the epoch stands in what is restored too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leads {
    pub(super) epoch: i64,
    pub(super) session: i64,
}

/// An event to park.
#[derive(Debug, Clone)]
pub(super) struct Parking {
    pub(super) position: u64,
    pub(super) stream: String,
    pub(super) kind: String,
    pub(super) error: String,
    /// It was refused itself: try it again after this. `None`: it waits for an earlier one of its stream.
    pub(super) retry_after: Option<Duration>,
}

/// The result of a change that is only made under the epoch that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    Yes,
    Fenced,
}

/// The result of moving the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    Yes,
    Fenced,
    /// The log does not have the event that was published.
    OtherHistory,
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

pub(super) fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}

impl Store {
    /// Takes the lease under a new epoch if it is free or has run out.
    pub(super) async fn take(&self, owner: &str, lease: Duration) -> Result<Option<Taken>, sqlx::Error> {
        let taken: Option<(i64, i64)> = sqlx::query_as(
            "UPDATE nova.outbox SET epoch = epoch + 1, owner = $1, \
             lease_until = clock_timestamp() + $2 * interval '1 millisecond' \
             WHERE lease_until <= clock_timestamp() RETURNING epoch, position",
        )
        .bind(owner)
        .bind(ms(lease))
        .fetch_optional(&self.pool)
        .await?;
        Ok(taken.map(|(epoch, position)| Taken { epoch, position: unsigned(position) }))
    }

    /// `None`: another one leads. Otherwise whether parked streams are due.
    pub(super) async fn renew(&self, epoch: i64, lease: Duration) -> Result<Option<bool>, sqlx::Error> {
        sqlx::query_scalar(
            "UPDATE nova.outbox SET lease_until = clock_timestamp() + $2 * interval '1 millisecond' \
             WHERE epoch = $1 RETURNING EXISTS (SELECT 1 FROM nova.outbox_parked WHERE redrive_requested) \
             OR EXISTS (SELECT 1 FROM nova.outbox_parked WHERE next_attempt_at <= clock_timestamp())",
        )
        .bind(epoch)
        .bind(ms(lease))
        .fetch_optional(&self.pool)
        .await
    }

    /// Gives the lease back.
    pub(super) async fn release(&self, epoch: i64) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE nova.outbox SET owner = '', lease_until = clock_timestamp() WHERE epoch = $1")
            .bind(epoch)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Moves the cursor, and parks what Kafka did not take on the way there, together. `mark` is of the event at `position`
    /// that was published, where it is known.
    pub(super) async fn advance(
        &self,
        leads: Leads,
        (position, mark): (u64, Option<EventMark>),
        parked: &[Parking],
    ) -> Result<Moved, sqlx::Error> {
        const MOVE: &str = "UPDATE nova.outbox SET position = CASE WHEN $3 IS NULL \
             OR EXISTS (SELECT 1 FROM nova.events WHERE position = $2 AND event_id = $3 AND recorded_at = $5) \
             THEN greatest(position, $2) ELSE position END \
             WHERE epoch = $1 AND session = $4 RETURNING position >= $2";
        let move_it = || {
            let query = sqlx::query_scalar::<_, bool>(MOVE).bind(leads.epoch).bind(signed(position));
            let query = query.bind(mark.map(|mark| mark.event_id)).bind(leads.session);
            query.bind(mark.map(|mark| mark.recorded_at_ms.cast_signed()))
        };
        let outcome = |moved: Option<bool>| match moved {
            Some(true) => Moved::Yes,
            Some(false) => Moved::OtherHistory,
            None => Moved::Fenced,
        };
        if parked.is_empty() {
            return Ok(outcome(move_it().fetch_optional(&self.pool).await?));
        }
        let mut transaction = self.pool.begin().await?;
        let moved = outcome(move_it().fetch_optional(&mut *transaction).await?);
        if moved != Moved::Yes {
            return Ok(moved);
        }
        sqlx::query(
            "INSERT INTO nova.outbox_parked (position, stream, kind, error, attempts, next_attempt_at) \
             SELECT p, s, k, e, CASE WHEN w IS NULL THEN 0 ELSE 1 END, \
             clock_timestamp() + w * interval '1 millisecond' \
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::float8[]) AS t(p, s, k, e, w) \
             ON CONFLICT (position) DO NOTHING",
        )
        .bind(parked.iter().map(|one| signed(one.position)).collect::<Vec<_>>())
        .bind(parked.iter().map(|one| one.stream.as_str()).collect::<Vec<_>>())
        .bind(parked.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>())
        .bind(parked.iter().map(|one| one.error.as_str()).collect::<Vec<_>>())
        .bind(parked.iter().map(|one| one.retry_after.map(ms)).collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Moved::Yes)
    }

    pub(super) async fn parked_streams(&self) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT DISTINCT stream FROM nova.outbox_parked").fetch_all(&self.pool).await
    }

    /// Streams to try again, those that wait longest first.
    pub(super) async fn due_streams(&self, limit: i64) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT stream FROM nova.outbox_parked \
             WHERE redrive_requested OR next_attempt_at <= clock_timestamp() \
             GROUP BY stream ORDER BY min(position) LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
    }

    /// The first parked events of a stream: position and how often it was tried.
    pub(super) async fn parked_of(&self, stream: &str, limit: i64) -> Result<Vec<(u64, i32)>, sqlx::Error> {
        let rows: Vec<(i64, i32)> = sqlx::query_as(
            "SELECT position, attempts FROM nova.outbox_parked WHERE stream = $1 ORDER BY position LIMIT $2",
        )
        .bind(stream)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(position, attempts)| (unsigned(position), attempts)).collect())
    }

    /// Takes a stream's events up to `position` off: they are in Kafka. Answers whether more of it are parked; those
    /// are asked for then.
    pub(super) async fn unpark(
        &self,
        leads: Leads,
        stream: &str,
        position: u64,
    ) -> Result<(Changed, bool), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        if !holds(&mut transaction, leads).await? {
            return Ok((Changed::Fenced, true));
        }
        sqlx::query("DELETE FROM nova.outbox_parked WHERE stream = $1 AND position <= $2")
            .bind(stream)
            .bind(signed(position))
            .execute(&mut *transaction)
            .await?;
        let more = sqlx::query("UPDATE nova.outbox_parked SET redrive_requested = true WHERE stream = $1")
            .bind(stream)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok((Changed::Yes, more.rows_affected() > 0))
    }

    /// Kafka has refused this parked event again. `retry_after: None`: only on request from now on.
    pub(super) async fn refused_again(
        &self,
        leads: Leads,
        stream: &str,
        position: u64,
        error: &str,
        retry_after: Option<Duration>,
    ) -> Result<Changed, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        if !holds(&mut transaction, leads).await? {
            return Ok(Changed::Fenced);
        }
        sqlx::query("UPDATE nova.outbox_parked SET redrive_requested = false WHERE stream = $1")
            .bind(stream)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "UPDATE nova.outbox_parked SET attempts = attempts + 1, error = $2, \
             next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond' WHERE position = $1",
        )
        .bind(signed(position))
        .bind(error)
        .bind(retry_after.map(ms))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Changed::Yes)
    }

    /// Notes which topics the log goes to, or refuses others than those noted.
    pub(super) async fn remember_topics(&self, topics: &Topics) -> Result<(), RelayError> {
        sqlx::query("INSERT INTO nova.topics (prefix, partitions) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(&topics.prefix)
            .bind(topics.partitions)
            .execute(&self.pool)
            .await?;
        let (prefix, partitions): (String, i32) =
            sqlx::query_as("SELECT prefix, partitions FROM nova.topics").fetch_one(&self.pool).await?;
        if partitions != topics.partitions {
            return Err(RelayError::Partitions { noted: partitions, configured: topics.partitions });
        }
        if prefix != topics.prefix {
            return Err(RelayError::Prefix { noted: prefix, configured: topics.prefix.clone() });
        }
        Ok(())
    }
}

/// Whether it still leads; it does until the transaction ends.
async fn holds(
    transaction: &mut sqlx::Transaction<'static, sqlx::Postgres>,
    leads: Leads,
) -> Result<bool, sqlx::Error> {
    let sql = "SELECT epoch FROM nova.outbox WHERE epoch = $1 AND session = $2 FOR UPDATE";
    let mine: Option<i64> = sqlx::query_scalar(sql)
        .bind(leads.epoch)
        .bind(leads.session)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(mine.is_some())
}
