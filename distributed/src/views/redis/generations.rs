//! Which generation is live, where each shard stands in it, and how one takes the place of another.

use std::collections::HashMap;

use nova_eventlog::EventMark;
use nova_views::{Generation, ProjectionStatus, ViewError};
use parking_lot::Mutex;
use redis::Value;
use redis::aio::ConnectionManager;
use uuid::Uuid;

use super::connect::view_error;
use super::scripts::unreadable;
use super::{RedisViews, names};
use crate::shard::{Shard, ShardCursor};

/// What this process knows of a shard of a projection: what it gives to every script that writes.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) projection: &'static str,
    pub(super) generation: Generation,
    pub(super) shard: Shard,
    pub(super) token: String,
    /// The store held this position: when it holds a lower one, it lost something.
    pub(super) seen: u64,
}

impl Standing {
    pub(super) fn kind(&self) -> &'static str {
        kind_of(self.generation)
    }
}

fn kind_of(generation: Generation) -> &'static str {
    match generation {
        Generation::Live => "live",
        Generation::Next => "next",
    }
}

/// For each shard its own: a shard that has not heard of a switch must not write as if it had, only because another one
/// of the same process has heard of it.
#[derive(Debug, Default)]
pub(super) struct Standings {
    known: Mutex<HashMap<(&'static str, Generation, Shard), Known>>,
}

/// Which generation, and what was seen in it.
type Known = (String, u64);

impl Standings {
    fn get(&self, projection: &'static str, generation: Generation, shard: &Shard) -> Option<Standing> {
        let known = self.known.lock();
        let (token, seen) = known.get(&(projection, generation, shard.clone()))?;
        Some(Standing { projection, generation, shard: shard.clone(), token: token.clone(), seen: *seen })
    }

    fn set(&self, standing: &Standing) {
        let key = (standing.projection, standing.generation, standing.shard.clone());
        self.known.lock().insert(key, (standing.token.clone(), standing.seen));
    }

    pub(super) fn reached(&self, standing: &Standing, position: u64) {
        let key = (standing.projection, standing.generation, standing.shard.clone());
        if let Some((token, seen)) = self.known.lock().get_mut(&key)
            && *token == standing.token
        {
            *seen = position.max(*seen);
        }
    }

    fn forget(&self, projection: &'static str, generation: Generation) {
        self.known
            .lock()
            .retain(|(of, in_generation, _), _| (*of, *in_generation) != (projection, generation));
    }
}

/// `position`, `position offset` or `position offset event time`; an offset of -1 is not known.
fn cursor_of(text: &str) -> Result<ShardCursor, ViewError> {
    let mut parts = text.split(' ');
    let Some(position) = parts.next().filter(|text| !text.is_empty()) else {
        return Ok(ShardCursor::default());
    };
    let position = position.parse().map_err(|_| unreadable())?;
    let offset: Option<i64> =
        parts.next().map(str::parse).transpose().map_err(|_: std::num::ParseIntError| unreadable())?;
    let mark = match (parts.next(), parts.next()) {
        (None, _) => None,
        (Some(event), time) => Some(EventMark {
            position,
            event_id: Uuid::try_parse(event).map_err(|_| unreadable())?,
            recorded_at_ms: time.and_then(|time| time.parse().ok()).ok_or_else(unreadable)?,
        }),
    };
    Ok(ShardCursor { position, offset: offset.filter(|offset| *offset >= 0), mark })
}

/// What stands behind the position, as scripts take it.
pub(super) fn offset_text(cursor: ShardCursor) -> String {
    match (cursor.offset, cursor.mark) {
        (offset, Some(mark)) => {
            format!("{} {} {}", offset.unwrap_or(-1), mark.event_id, mark.recorded_at_ms)
        }
        (Some(offset), None) => offset.to_string(),
        (None, None) => String::new(),
    }
}

impl RedisViews {
    pub(super) fn writes(&self) -> &ConnectionManager {
        &self.shared.connections.writes
    }

    pub(super) fn reads(&self) -> &ConnectionManager {
        &self.shared.connections.reads
    }

    pub(super) fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.shared.options.prefix)
    }

    /// Of what is of no generation, and is left behind when the log lost a history: as this process heard of it, a second ago at
    /// most.
    pub(super) fn key_of_history(&self, rest: &str) -> String {
        match &*self.shared.history.read() {
            Some(history) => self.key(&format!("h:{history}:{rest}")),
            None => self.key(rest),
        }
    }

    pub(super) async fn hear_of_history(&self) -> Result<(), ViewError> {
        let history: Option<String> =
            self.ask(redis::cmd("HGET").arg(self.key(names::LIVE)).arg(names::HISTORY)).await?;
        *self.shared.history.write() = history;
        Ok(())
    }

    pub(super) fn key_in(&self, token: &str, name: &str) -> String {
        self.key(&format!("g:{token}:{name}"))
    }

    pub(super) async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, ViewError> {
        command.query_async(&mut self.reads().clone()).await.map_err(|error| view_error(&error))
    }

    /// Asks the store where a shard stands, and takes that for what is known from now on. `None`: there is no such
    /// generation. A store that holds nothing gets empty live generations.
    pub(super) async fn stand_anew(
        &self,
        projection: &'static str,
        generation: Generation,
        shard: &Shard,
    ) -> Result<Option<(Standing, ShardCursor)>, ViewError> {
        let call = self.shared.scripts.cursor.call().arg(projection).arg(kind_of(generation));
        let call = call.arg(shard.as_str()).arg(names::new_token(1)).arg(names::new_token(1));
        let call = call.arg(names::new_token(1));
        let mut reply = call.run(self.writes()).await?;
        if reply.next::<String>()? != "ok" {
            return Ok(None);
        }
        let token = reply.next()?;
        let cursor = cursor_of(&reply.next::<String>()?)?;
        let standing =
            Standing { projection, generation, shard: shard.clone(), token, seen: cursor.position };
        self.shared.standings.set(&standing);
        Ok(Some((standing, cursor)))
    }

    pub(super) async fn standing(
        &self,
        projection: &'static str,
        generation: Generation,
        shard: &Shard,
    ) -> Result<Standing, ViewError> {
        if let Some(standing) = self.shared.standings.get(projection, generation, shard) {
            return Ok(standing);
        }
        let stands = self.stand_anew(projection, generation, shard).await?;
        stands.map(|(standing, _)| standing).ok_or_else(no_next)
    }

    pub(super) async fn token(
        &self,
        projection: &'static str,
        generation: Generation,
    ) -> Result<Option<String>, ViewError> {
        let field = match generation {
            Generation::Live => projection.to_owned(),
            Generation::Next => format!("next-{projection}"),
        };
        self.ask(redis::cmd("HGET").arg(self.key(names::LIVE)).arg(field)).await
    }

    /// Gives up every generation, as the one that the shard writes to is of another history than the log. `false`: another one is
    /// live already.
    pub(super) async fn give_up_all(
        &self,
        projection: &'static str,
        shard: &Shard,
    ) -> Result<bool, ViewError> {
        let other = self.standing(projection, Generation::Live, shard).await?.token;
        let call = self.shared.scripts.replace.call().arg(projection).arg(&other).arg(names::new_token(1));
        let given_up = call.run(self.writes()).await?.next::<String>()? == "ok";
        if given_up {
            self.hear_of_history().await?;
            self.sweep();
        }
        Ok(given_up)
    }

    pub(super) async fn begin_next(&self, projection: &'static str) -> Result<(), ViewError> {
        let live = self.standing(projection, Generation::Live, &Shard::whole()).await?.token;
        // Another one may be live than this process has heard of.
        let live = self.token(projection, Generation::Live).await?.unwrap_or(live);
        let token = names::new_token(names::number_of(&live) + 1);
        self.shared.standings.forget(projection, Generation::Next);
        let field = format!("next-{projection}");
        let mut command = redis::cmd("HSET");
        command.arg(self.key(names::LIVE)).arg(field).arg(&token);
        let _: Value =
            command.query_async(&mut self.writes().clone()).await.map_err(|error| view_error(&error))?;
        let (generation, shard) = (Generation::Next, Shard::whole());
        self.shared.standings.set(&Standing { projection, generation, shard, token, seen: 0 });
        self.sweep();
        Ok(())
    }

    pub(super) async fn switch_to_next(&self, projection: &'static str) -> Result<(), ViewError> {
        let mut reply = self.shared.scripts.switch.call().arg(projection).run(self.writes()).await?;
        if reply.next::<String>()? != "ok" {
            return Err(no_next());
        }
        self.shared.standings.forget(projection, Generation::Next);
        self.sweep();
        Ok(())
    }

    pub(super) async fn status_of(&self, projection: &'static str) -> Result<ProjectionStatus, ViewError> {
        let live = self.token(projection, Generation::Live).await?.unwrap_or_default();
        let next = self.token(projection, Generation::Next).await?;
        let cursors = self.cursors(&live).await?;
        let rebuilding = match next {
            Some(next) => {
                let filled = self.cursors(&next).await?;
                Some(filled.get("log").map(|cursor| cursor.position).unwrap_or_default())
            }
            None => None,
        };
        let (dead_letters, parked_streams) = self.counts_of_letters(&live).await?;
        Ok(ProjectionStatus {
            name: projection.to_owned(),
            generation: names::number_of(&live),
            position: cursors.values().map(|cursor| cursor.position).min().unwrap_or_default(),
            rebuilding,
            dead_letters,
            parked_streams,
        })
    }

    async fn cursors(&self, token: &str) -> Result<HashMap<String, ShardCursor>, ViewError> {
        let held: HashMap<String, String> =
            self.ask(redis::cmd("HGETALL").arg(self.key_in(token, "cursors"))).await?;
        held.into_iter().map(|(shard, text)| Ok((shard, cursor_of(&text)?))).collect()
    }

    pub(super) async fn lowest_cursor(&self, of: &[(&'static str, Shard)]) -> Result<u64, ViewError> {
        if let Some((name, _)) = of.iter().find(|(name, _)| super::known(name).is_err()) {
            return Err(ViewError::UnknownProjection((*name).to_owned()));
        }
        let shards_of = |projection: &'static str| {
            of.iter().filter(move |(name, _)| *name == projection).map(|(_, shard)| shard.as_str())
        };
        let wanted =
            super::PROJECTIONS.into_iter().filter(|projection| shards_of(projection).next().is_some());
        let wanted: Vec<&'static str> = wanted.collect();
        if wanted.is_empty() {
            return Ok(0);
        }
        let live: Vec<Option<String>> =
            self.ask(redis::cmd("HMGET").arg(self.key(names::LIVE)).arg(&wanted)).await?;
        let mut pipeline = redis::pipe();
        for (projection, live) in wanted.iter().zip(live) {
            let Some(live) = live else { return Ok(0) };
            let shards: Vec<&str> = shards_of(projection).collect();
            pipeline.cmd("HMGET").arg(self.key_in(&live, "cursors")).arg(shards);
        }
        let held: Vec<Vec<Option<String>>> =
            pipeline.query_async(&mut self.reads().clone()).await.map_err(|error| view_error(&error))?;
        let mut lowest = u64::MAX;
        for text in held.into_iter().flatten() {
            let cursor = text.as_deref().map(cursor_of).transpose()?.unwrap_or_default();
            lowest = lowest.min(cursor.position);
        }
        Ok(lowest)
    }
}

fn no_next() -> ViewError {
    ViewError::Unavailable("nothing is being rebuilt in Redis".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_with_and_without_offset() {
        assert_eq!(cursor_of("").unwrap(), ShardCursor::default());
        assert_eq!(cursor_of("7").unwrap(), ShardCursor::at(7));
        assert_eq!(cursor_of("7 12").unwrap(), ShardCursor { position: 7, offset: Some(12), mark: None });
        assert!(cursor_of("x").is_err());
        assert!(cursor_of("7 12 x").is_err());
        assert!(cursor_of(&format!("7 12 {}", Uuid::nil())).is_err());
        let mark = EventMark { position: 7, event_id: Uuid::from_u128(9), recorded_at_ms: 11 };
        for offset in [None, Some(12)] {
            for mark in [None, Some(mark)] {
                let cursor = ShardCursor { position: 7, offset, mark };
                let text = format!("7 {}", offset_text(cursor));
                assert_eq!(cursor_of(text.trim_end()).unwrap(), cursor);
            }
        }
    }
}
