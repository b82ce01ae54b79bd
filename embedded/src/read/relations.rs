//! Lists of people.

use nova_events::UserId;
use nova_views::{List, Lookup, PageRequest, Profile};
use rusqlite::params;
use uuid::Uuid;

use super::lists::{Key, Page, Seen};
use super::people::Viewer;
use super::{Ask, Asked};
use crate::write::GRAPH;

impl Ask<'_> {
    pub(super) fn followers(
        &mut self,
        viewer: UserId,
        user: UserId,
        page: &PageRequest,
    ) -> Asked<Lookup<List<Profile>>> {
        let viewer = self.viewer(viewer)?;
        self.of_person(&viewer, user, |ask| {
            let page = Page::of("followers", page)?;
            page.fill(
                ask,
                |ask, (at, id), limit| {
                    ask.query(GRAPH, |db| {
                        let sql = "SELECT at, follower FROM followers
                                   WHERE followee = ?1 AND (at, follower) < (?2, ?3)
                                   ORDER BY at DESC, follower DESC LIMIT ?4";
                        let mut statement = db.prepare_cached(sql)?;
                        let values = params![user.0.as_bytes(), at, id.as_bytes(), limit as i64];
                        statement.query_map(values, Seen::read)?.collect()
                    })
                },
                |ask, (_, id)| ask.profile_if_seen(&viewer, *id),
            )
        })
    }

    pub(super) fn following(
        &mut self,
        viewer: UserId,
        user: UserId,
        page: &PageRequest,
    ) -> Asked<Lookup<List<Profile>>> {
        let viewer = self.viewer(viewer)?;
        self.of_person(&viewer, user, |ask| {
            let page = Page::of("following", page)?;
            let mut followees: Vec<Key> = ask.query(GRAPH, |db| {
                let sql = "SELECT at, followee FROM follows WHERE follower = ?1 AND edge = 1";
                db.prepare_cached(sql)?.query_map([user.0.as_bytes()], Seen::read)?.collect()
            })?;
            followees.sort_unstable_by(|a, b| b.cmp(a));
            page.fill(
                ask,
                |_, behind, limit| {
                    let from = followees.partition_point(|key| *key >= behind);
                    Ok(followees[from..].iter().take(limit).copied().collect())
                },
                |ask, (_, id)| ask.profile_if_seen(&viewer, *id),
            )
        })
    }

    fn of_person<T>(
        &mut self,
        viewer: &Viewer,
        user: UserId,
        list: impl FnOnce(&mut Self) -> Asked<T>,
    ) -> Asked<Lookup<T>> {
        Ok(match self.person(viewer, user.0)? {
            Lookup::Unknown => Lookup::Unknown,
            Lookup::Gone => Lookup::Gone,
            Lookup::Found(_) => Lookup::Found(list(self)?),
        })
    }

    pub(super) fn profile_if_seen(&mut self, viewer: &Viewer, id: Uuid) -> Asked<Option<Profile>> {
        match self.person(viewer, id)?.found() {
            Some(user) => self.profile_of(viewer, &user).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn blocks(&mut self, viewer: UserId, page: &PageRequest) -> Asked<List<Profile>> {
        let viewer = self.viewer(viewer)?;
        let page = Page::of("blocks", page)?;
        page.fill(
            self,
            |ask, (at, id), limit| {
                ask.query(GRAPH, |db| {
                    let sql = "SELECT at, blocked FROM blocks
                               WHERE blocker = ?1 AND edge = 1 AND (at, blocked) < (?2, ?3)
                               ORDER BY at DESC, blocked DESC LIMIT ?4";
                    let mut statement = db.prepare_cached(sql)?;
                    let values = params![viewer.id.as_bytes(), at, id.as_bytes(), limit as i64];
                    statement.query_map(values, Seen::read)?.collect()
                })
            },
            |ask, (_, id)| match ask.user(*id)? {
                Some(user) if user.active => ask.profile_of(&viewer, &user).map(Some),
                Some(_) | None => Ok(None),
            },
        )
    }
}
