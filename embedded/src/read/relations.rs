//! Lists of people.

use nova_events::UserId;
use nova_views::{List, Lookup, PageRequest, Profile};
use rusqlite::params;
use uuid::Uuid;

use super::frozen::Place;
use super::lists::{Key, Page, Seen};
use super::people::{Viewer, contains};
use super::{Ask, Asked};
use crate::epochs::IdMap;
use crate::write::GRAPH;

/// Of the viewer's followees the newest so many are asked whom they follow, and each for so many; and so many people
/// are suggested for each of the two reasons.
const FOLLOWEES_ASKED_MAX: i64 = 200;
const FOLLOWEES_EACH_MAX: i64 = 500;
const SUGGESTED_MAX: usize = 500;

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

    fn profile_if_seen(&mut self, viewer: &Viewer, id: Uuid) -> Asked<Option<Profile>> {
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

    pub(super) fn discover(&mut self, viewer: UserId, page: &PageRequest) -> Asked<List<Profile>> {
        let mut question = self.question("discover", viewer.0);
        question.epoch = self.shared.stores[GRAPH].epochs.of(viewer.0);
        question.ttl_ms = self.shared.options.trending_ttl_ms;
        let viewer = self.viewer(viewer)?;
        self.frozen_page(
            &question,
            page,
            |ask, _| ask.suggested(&viewer),
            |ask, place| {
                if viewer.id == place.id || ask.follows(&viewer, place.id)? {
                    return Ok(None);
                }
                ask.profile_if_seen(&viewer, place.id)
            },
        )
    }

    /// Those whom most of the viewer's followees follow, then those whom most people follow; ties by id.
    fn suggested(&mut self, viewer: &Viewer) -> Asked<Vec<Place>> {
        let followees = self.followees(viewer)?;
        self.query(GRAPH, |db| {
            let sql = "SELECT followee FROM follows WHERE follower = ?1 AND edge = 1
                       ORDER BY at DESC, followee DESC LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let newest = statement
                .query_map(params![viewer.id.as_bytes(), FOLLOWEES_ASKED_MAX], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<[u8; 16]>>>()?;
            let mut mutual = IdMap::<Uuid, u32>::default();
            let sql = "SELECT followee FROM follows WHERE follower = ?1 AND edge = 1 LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            for followee in newest {
                let mut rows = statement.query(params![followee, FOLLOWEES_EACH_MAX])?;
                while let Some(row) = rows.next()? {
                    let id = Uuid::from_bytes(row.get(0)?);
                    if id != viewer.id && !contains(followees, id) {
                        *mutual.entry(id).or_default() += 1;
                    }
                }
            }
            let mut known: Vec<(u32, Uuid)> = mutual.iter().map(|(id, count)| (*count, *id)).collect();
            known.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            known.truncate(SUGGESTED_MAX);
            let mut places: Vec<Place> = known.iter().map(|(_, id)| Place::of(*id)).collect();
            let most = SUGGESTED_MAX + followees.len().min(SUGGESTED_MAX) + places.len() + 1;
            let sql = "SELECT user FROM counts WHERE followers > 0 ORDER BY followers DESC, user LIMIT ?1";
            let mut statement = db.prepare_cached(sql)?;
            for id in statement.query_map([most as i64], |row| row.get(0).map(Uuid::from_bytes))? {
                let id = id?;
                if !mutual.contains_key(&id) {
                    places.push(Place::of(id));
                }
            }
            Ok(places)
        })
    }
}
