//! The end of a step (its dead letters and its cursor), and dead letters as they are asked for.

use chrono::{DateTime, Utc};
use nova_views::{DeadLetter, Generation, ViewError};
use serde::{Deserialize, Serialize};

use super::generations::{Standing, offset_text};
use super::scripts::unreadable;
use super::{PROJECTIONS, RedisViews};
use crate::shard::ShardCursor;

/// A letter as it is stored, under its position.
#[derive(Serialize, Deserialize)]
struct Stored {
    stream: String,
    kind: String,
    error: String,
    parked_at: DateTime<Utc>,
}

impl RedisViews {
    pub(super) async fn commit(
        &self,
        standing: &Standing,
        cursor: ShardCursor,
        dead_letters: &[DeadLetter],
        redriven: &[String],
    ) -> Result<(), ViewError> {
        let Standing { projection, shard, token, seen, .. } = standing;
        let mut call = self.shared.scripts.commit.call().arg(projection).arg(standing.kind());
        call = call.arg(token).arg(shard.as_str()).arg(seen).arg(cursor.position).arg(offset_text(cursor));
        call = call.arg(redriven.len());
        for stream in redriven {
            call = call.arg(stream);
        }
        for letter in dead_letters {
            let stored = Stored {
                stream: letter.stream.clone(),
                kind: letter.kind.clone(),
                error: letter.error.clone(),
                parked_at: letter.parked_at,
            };
            let stored = serde_json::to_vec(&stored).map_err(|_| unreadable())?;
            call = call.arg(letter.position).arg(&letter.stream).arg(stored);
        }
        call.run(self.writes()).await?.written()
    }

    pub(super) async fn counts_of_letters(&self, token: &str) -> Result<(u64, u64), ViewError> {
        let letters = self.ask(redis::cmd("HLEN").arg(self.key_in(token, "letters"))).await?;
        let streams = self.ask(redis::cmd("SCARD").arg(self.key_in(token, "parked"))).await?;
        Ok((letters, streams))
    }

    pub(super) async fn letters_of(
        &self,
        projection: &'static str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        let Some(token) = self.token(projection, Generation::Live).await? else { return Ok(Vec::new()) };
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.key_in(&token, "letter-positions")).arg(format!("({after}")).arg("+inf");
        let positions: Vec<u64> = self.ask(command.arg("LIMIT").arg(0).arg(limit)).await?;
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("HMGET");
        let stored: Vec<Option<Vec<u8>>> =
            self.ask(command.arg(self.key_in(&token, "letters")).arg(&positions)).await?;
        let mut letters = Vec::with_capacity(positions.len());
        for (position, stored) in positions.into_iter().zip(stored) {
            // Taken off the list between the two questions.
            let Some(stored) = stored else { continue };
            let stored: Stored = serde_json::from_slice(&stored).map_err(|_| unreadable())?;
            letters.push(DeadLetter {
                projection: projection.to_owned(),
                stream: stored.stream,
                position,
                kind: stored.kind,
                error: stored.error,
                parked_at: stored.parked_at,
            });
        }
        Ok(letters)
    }

    pub(super) async fn letters_of_all(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ViewError> {
        let mut all = Vec::new();
        for projection in PROJECTIONS {
            all.extend(self.letters_of(projection, after, limit).await?);
        }
        Ok(crate::views::first_letters(all, limit))
    }
}
