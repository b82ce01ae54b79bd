//! People, and what stands between two of them.

use std::cell::OnceCell;
use std::sync::Arc;

use nova_events::UserId;
use nova_events::envelope::time_of_ms;
use nova_views::{Author, Lookup, Profile, ProfileKey};
use rusqlite::OptionalExtension;
use uuid::Uuid;

use super::{Ask, Asked};
use crate::caches::UserRow;
use crate::epochs::{IdSet, id_set};
use crate::write::{GRAPH, POSTS, PROFILES};

/// Someone who looks: whom they may not see, and whom they follow.
pub(crate) struct Viewer {
    pub(crate) id: Uuid,
    /// Both ways.
    pub(crate) blocks: Arc<IdSet<Uuid>>,
    /// Loaded when it is first needed: most of what people see they may see without following anyone.
    followees: OnceCell<Arc<[Uuid]>>,
}

impl Ask<'_> {
    pub(super) fn viewer(&mut self, id: UserId) -> Asked<Viewer> {
        let id = id.0;
        Ok(Viewer { id, blocks: self.blocks_of(id)?, followees: OnceCell::new() })
    }

    pub(super) fn followees<'v>(&mut self, viewer: &'v Viewer) -> Asked<&'v [Uuid]> {
        if let Some(followees) = viewer.followees.get() {
            return Ok(followees);
        }
        let followees = self.followees_of(viewer.id)?;
        Ok(viewer.followees.get_or_init(|| followees))
    }

    pub(super) fn follows(&mut self, viewer: &Viewer, user: Uuid) -> Asked<bool> {
        Ok(contains(self.followees(viewer)?, user))
    }

    fn blocks_of(&mut self, user: Uuid) -> Asked<Arc<IdSet<Uuid>>> {
        let (cache, epochs) = (&self.shared.caches.blocks, &self.shared.stores[GRAPH].epochs);
        if let Some(blocks) = cache.get(user, epochs) {
            return Ok(blocks);
        }
        let epoch = epochs.of(user);
        let blocks = self.query(GRAPH, |db| {
            let sql = "SELECT blocked FROM blocks WHERE blocker = ?1 AND edge = 1
                       UNION ALL SELECT blocker FROM blocks WHERE blocked = ?1 AND edge = 1";
            let mut blocks = id_set(0);
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([user.as_bytes()])?;
            while let Some(row) = rows.next()? {
                blocks.insert(Uuid::from_bytes(row.get(0)?));
            }
            Ok(Arc::new(blocks))
        })?;
        cache.put(user, epoch, Arc::clone(&blocks));
        Ok(blocks)
    }

    pub(super) fn followees_of(&mut self, user: Uuid) -> Asked<Arc<[Uuid]>> {
        let (cache, epochs) = (&self.shared.caches.followees, &self.shared.stores[GRAPH].epochs);
        if let Some(followees) = cache.get(user, epochs) {
            return Ok(followees);
        }
        let epoch = epochs.of(user);
        let followees = self.query(GRAPH, |db| {
            let sql = "SELECT followee FROM follows WHERE follower = ?1 AND edge = 1 ORDER BY followee";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([user.as_bytes()], |row| row.get(0).map(Uuid::from_bytes))?;
            rows.collect()
        })?;
        cache.put(user, epoch, Arc::clone(&followees));
        Ok(followees)
    }

    pub(super) fn user(&mut self, id: Uuid) -> Asked<Option<Arc<UserRow>>> {
        let (cache, epochs) = (&self.shared.caches.users, &self.shared.stores[PROFILES].epochs);
        if let Some(user) = cache.get(id, epochs) {
            return Ok(user);
        }
        let epoch = epochs.of(id);
        let user = self.query(PROFILES, |db| {
            let sql = "SELECT handle, display_name, bio, created_at, active FROM users WHERE id = ?1";
            let row = db.prepare_cached(sql)?.query_row([id.as_bytes()], |row| {
                Ok(UserRow {
                    author: Arc::new(Author {
                        id: UserId(id),
                        handle: row.get(0)?,
                        display_name: row.get(1)?,
                    }),
                    bio: row.get(2)?,
                    created_at_ms: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
                    active: row.get(4)?,
                })
            });
            Ok(row.optional()?.map(Arc::new))
        })?;
        cache.put(id, epoch, user.clone());
        Ok(user)
    }

    /// Who wrote something, `None` when the viewer may not see them or their account is closed. Someone whose
    /// registration has not come yet (or is parked) has no name.
    pub(super) fn author(&mut self, viewer: &Viewer, id: Uuid) -> Asked<Option<Arc<Author>>> {
        if viewer.blocks.contains(&id) {
            return Ok(None);
        }
        Ok(match self.user(id)? {
            Some(user) => user.active.then(|| Arc::clone(&user.author)),
            None => {
                Some(Arc::new(Author { id: UserId(id), handle: String::new(), display_name: String::new() }))
            }
        })
    }

    pub(super) fn profile(&mut self, viewer: UserId, key: &ProfileKey) -> Asked<Lookup<Profile>> {
        let id = match key {
            ProfileKey::Id(id) => Some(id.0),
            ProfileKey::Handle(handle) => self.user_by_handle(handle)?,
        };
        let Some(id) = id else { return Ok(Lookup::Unknown) };
        let viewer = self.viewer(viewer)?;
        match self.person(&viewer, id)? {
            Lookup::Found(user) => self.profile_of(&viewer, &user).map(Lookup::Found),
            Lookup::Gone => Ok(Lookup::Gone),
            Lookup::Unknown => Ok(Lookup::Unknown),
        }
    }

    /// Someone with an account, if the viewer may see them.
    pub(super) fn person(&mut self, viewer: &Viewer, id: Uuid) -> Asked<Lookup<Arc<UserRow>>> {
        if viewer.blocks.contains(&id) {
            return Ok(Lookup::Unknown);
        }
        Ok(match self.user(id)? {
            None => Lookup::Unknown,
            Some(user) if !user.active => Lookup::Gone,
            Some(user) => Lookup::Found(user),
        })
    }

    fn user_by_handle(&mut self, handle: &str) -> Asked<Option<Uuid>> {
        if handle.is_empty() {
            return Ok(None);
        }
        self.query(PROFILES, |db| {
            let sql = "SELECT id FROM users WHERE handle = ?1 AND handle <> '' ORDER BY v DESC LIMIT 1";
            let id = db.prepare_cached(sql)?.query_row([handle], |row| row.get(0)).optional()?;
            Ok(id.map(Uuid::from_bytes))
        })
    }

    pub(super) fn profile_of(&mut self, viewer: &Viewer, user: &UserRow) -> Asked<Profile> {
        let id = user.author.id.0;
        let post_count = self.query(POSTS, |db| {
            let sql = "SELECT posts FROM author_counts WHERE author = ?1";
            let count = db.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
            Ok(count.unwrap_or(0))
        })?;
        let (followers, following, follows_viewer) = self.query(GRAPH, |db| {
            let sql = "SELECT followers, following FROM counts WHERE user = ?1";
            let counts = db
                .prepare_cached(sql)?
                .query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (followers, following): (i64, i64) = counts.unwrap_or((0, 0));
            let sql = "SELECT 1 FROM follows WHERE follower = ?1 AND followee = ?2 AND edge = 1";
            let follows = db.prepare_cached(sql)?.exists([id.as_bytes(), viewer.id.as_bytes()])?;
            Ok((followers, following, follows))
        })?;
        Ok(Profile {
            id: UserId(id),
            handle: user.author.handle.clone(),
            display_name: user.author.display_name.clone(),
            bio: user.bio.clone(),
            created_at: time_of_ms(user.created_at_ms),
            post_count: count(post_count),
            follower_count: count(followers),
            following_count: count(following),
            followed_by_viewer: self.follows(viewer, id)?,
            follows_viewer,
        })
    }
}

/// Whether ids that are in order have one among them.
pub(super) fn contains(ids: &[Uuid], id: Uuid) -> bool {
    ids.binary_search(&id).is_ok()
}

/// Counts are sums of edges and never negative; a negative one would be shown as none.
pub(super) fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
