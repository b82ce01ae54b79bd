//! Whom someone may know. What counts for how much is said in [`nova_views::discover`].

use chrono::{DateTime, Utc};
use nova_events::UserId;
use nova_views::discover::{self, Candidate};
use nova_views::{List, PageRequest, Profile};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::frozen::Place;
use super::people::{Viewer, contains};
use super::{Ask, Asked};
use crate::epochs::{IdMap, IdSet, id_set};
use crate::write::{ENGAGEMENT, GRAPH};

/// Whom a viewer is not to be suggested.
struct Apart<'a> {
    viewer: &'a Viewer,
    followees: &'a [Uuid],
    dismissed: IdSet<Uuid>,
}

impl Apart<'_> {
    fn holds(&self, id: Uuid) -> bool {
        id == self.viewer.id
            || contains(self.followees, id)
            || self.viewer.blocks.contains(&id)
            || self.dismissed.contains(&id)
    }
}

/// Someone with many mutual ones, and what the graph says of them.
struct Close {
    user: UserId,
    mutual: u64,
    follows_viewer: bool,
    followers: u64,
}

impl Ask<'_> {
    pub(super) fn discover(
        &mut self,
        viewer: UserId,
        page: &PageRequest,
        now: DateTime<Utc>,
    ) -> Asked<List<Profile>> {
        let mut question = self.question("discover", viewer.0);
        question.epoch = self.shared.stores[GRAPH].epochs.of(viewer.0);
        question.ttl_ms = self.shared.options.trending_ttl_ms;
        question.after = page.after;
        question.now_ms = now.timestamp_millis();
        let viewer = self.viewer(viewer)?;
        self.frozen_page(
            &question,
            page,
            |ask, now_ms| ask.suggested(&viewer, now_ms),
            |ask, place| {
                let id = place.id;
                if viewer.id == id || ask.follows(&viewer, id)? || ask.is_dismissed(&viewer, id)? {
                    return Ok(None);
                }
                ask.profile_if_seen(&viewer, id)
            },
        )
    }

    fn is_dismissed(&mut self, viewer: &Viewer, id: Uuid) -> Asked<bool> {
        self.query(GRAPH, |db| {
            let sql = "SELECT edge FROM dismissals WHERE dismisser = ?1 AND dismissed = ?2";
            let mut statement = db.prepare_cached(sql)?;
            let edge = statement.query_row([viewer.id.as_bytes(), id.as_bytes()], |row| row.get(0));
            Ok(edge.optional()?.unwrap_or(false))
        })
    }

    fn suggested(&mut self, viewer: &Viewer, now_ms: i64) -> Asked<Vec<Place>> {
        let followees = self.followees(viewer)?;
        let (close, popular) = self.query(GRAPH, |db| {
            let apart = Apart { viewer, followees, dismissed: dismissed(db, viewer)? };
            Ok((close(db, &apart)?, popular(db, &apart)?))
        })?;
        let graph = self.query(ENGAGEMENT, |db| {
            let engaged = Engaged::of(db, viewer.id, now_ms)?;
            let looked_at = close.into_iter().map(|Close { user, mutual, follows_viewer, followers }| {
                let shared = engaged.shared_with(db, user.0)?;
                Ok(Candidate { user, mutual, shared, follows_viewer, followers })
            });
            looked_at.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let list = discover::list(discover::rank(graph), popular);
        Ok(list.into_iter().map(|user| Place::of(user.0)).collect())
    }
}

fn ids(db: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Uuid>> {
    let mut statement = db.prepare_cached(sql)?;
    statement.query_map(values, |row| row.get(0).map(Uuid::from_bytes))?.collect()
}

fn dismissed(db: &Connection, viewer: &Viewer) -> rusqlite::Result<IdSet<Uuid>> {
    let sql = "SELECT dismissed FROM dismissals WHERE dismisser = ?1 AND edge = 1";
    let mut dismissed = id_set(0);
    dismissed.extend(ids(db, sql, [viewer.id.as_bytes()])?);
    Ok(dismissed)
}

/// Those with most mutual ones.
fn close(db: &Connection, apart: &Apart<'_>) -> rusqlite::Result<Vec<Close>> {
    let me = apart.viewer.id;
    let sql = "SELECT followee FROM follows WHERE follower = ?1 AND edge = 1
               ORDER BY at DESC, followee DESC LIMIT ?2";
    let asked = ids(db, sql, params![me.as_bytes(), discover::FOLLOWEES_ASKED_MAX as i64])?;
    let mut mutual = IdMap::<Uuid, u64>::default();
    let sql = "SELECT followee FROM follows WHERE follower = ?1 AND edge = 1 ORDER BY followee LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    for followee in asked {
        let mut rows = statement.query(params![followee.as_bytes(), discover::FOLLOWEES_EACH_MAX as i64])?;
        while let Some(row) = rows.next()? {
            *mutual.entry(Uuid::from_bytes(row.get(0)?)).or_default() += 1;
        }
    }
    mutual.retain(|id, _| !apart.holds(*id));
    let mut follows = db.prepare_cached("SELECT edge FROM follows WHERE follower = ?1 AND followee = ?2")?;
    let mut followers = db.prepare_cached("SELECT followers FROM counts WHERE user = ?1")?;
    let most = discover::most_mutual(mutual.into_iter().map(|(id, mutual)| (UserId(id), mutual)));
    let looked_at = most.into_iter().map(|(user, mutual)| {
        let id = user.0.as_bytes();
        let follows_viewer = follows.query_row([id, me.as_bytes()], |row| row.get(0)).optional()?;
        let count: Option<i64> = followers.query_row([id], |row| row.get(0)).optional()?;
        let followers = count.unwrap_or(0).max(0).unsigned_abs();
        Ok(Close { user, mutual, follows_viewer: follows_viewer.unwrap_or(false), followers })
    });
    looked_at.collect()
}

fn popular(db: &Connection, apart: &Apart<'_>) -> rusqlite::Result<Vec<UserId>> {
    let sql = "SELECT user FROM counts WHERE followers > 0 ORDER BY followers DESC, user LIMIT ?1";
    let all = ids(db, sql, [discover::POPULAR_LOOKED_AT_MAX as i64])?;
    Ok(all.into_iter().filter(|id| !apart.holds(*id)).map(UserId).collect())
}

/// What someone has lately cared for.
struct Engaged {
    things: IdSet<Uuid>,
    since_ms: i64,
}

impl Engaged {
    fn of(db: &Connection, viewer: Uuid, now_ms: i64) -> rusqlite::Result<Self> {
        let since_ms = now_ms.saturating_sub(discover::SHARED_MS);
        let sql = "SELECT target FROM
                       (SELECT target, at FROM likes WHERE user = ?1 AND liked = 1 ORDER BY target DESC LIMIT ?3)
                   WHERE at >= ?2";
        let mut things = id_set(0);
        things.extend(ids(db, sql, params![viewer.as_bytes(), since_ms, discover::LIKES_MAX as i64])?);
        things.extend(commented(db, viewer, since_ms)?);
        Ok(Self { things, since_ms })
    }

    fn shared_with(&self, db: &Connection, user: Uuid) -> rusqlite::Result<u64> {
        if self.things.is_empty() {
            return Ok(0);
        }
        let mut shared = id_set(0);
        let mut like =
            db.prepare_cached("SELECT liked = 1 AND at >= ?3 FROM likes WHERE user = ?1 AND target = ?2")?;
        for thing in &self.things {
            let values = params![user.as_bytes(), thing.as_bytes(), self.since_ms];
            if like.query_row(values, |row| row.get(0)).optional()?.unwrap_or(false) {
                shared.insert(*thing);
            }
        }
        let commented = commented(db, user, self.since_ms)?;
        shared.extend(commented.into_iter().filter(|post| self.things.contains(post)));
        Ok(shared.len() as u64)
    }
}

/// The posts of someone's newest comments.
fn commented(db: &Connection, user: Uuid, since_ms: i64) -> rusqlite::Result<Vec<Uuid>> {
    let sql = "SELECT post FROM comments WHERE author = ?1 AND deleted = 0 AND created_at >= ?2
               ORDER BY created_at DESC, id DESC LIMIT ?3";
    ids(db, sql, params![user.as_bytes(), since_ms, discover::COMMENTS_MAX as i64])
}
