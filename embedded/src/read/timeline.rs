//! The home timeline: what the viewer and their followees posted, newest first, put together when it is read.
//!
//! The newest ids are held for each viewer, and brought up to date with what appeared since; what is older is read from
//! the files, author by author.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use nova_events::UserId;
use nova_views::{List, PageRequest, PostCard};
use parking_lot::Mutex;
use rusqlite::params;
use uuid::Uuid;

use super::lists::{Key, Page, Seen};
use super::people::{Viewer, contains};
use super::{Ask, Asked};
use crate::recent::Recent;
use crate::write::{GRAPH, POSTS};

/// The newest posts of someone's followees and of their own.
#[derive(Debug)]
pub(crate) struct Home {
    author: Uuid,
    followees: Arc<[Uuid]>,
    newest: Mutex<Newest>,
}

#[derive(Debug)]
struct Newest {
    /// The number of the next post in [`crate::recent`] to look at.
    next: u64,
    /// Newest first.
    ids: Vec<Key>,
    /// `ids` has everything newer than this; `None`: everything there is.
    floor: Option<Key>,
}

impl Home {
    /// At most: it grows while it is held.
    pub(crate) fn bytes_held(&self) -> usize {
        size_of::<Self>() + Newest::IDS_MAX * size_of::<Key>() + size_of_val::<[Uuid]>(&self.followees)
    }

    /// Takes what appeared since the last time. `false`: too much did, it is to be built anew.
    fn catch_up(&self, recent: &Recent) -> bool {
        let mut newest = self.newest.lock();
        let next = recent.since(newest.next, |post| {
            if post.author == self.author || contains(&self.followees, post.author) {
                newest.insert((post.created_at_ms, post.post));
            }
        });
        let Some(next) = next else { return false };
        newest.next = next;
        true
    }
}

impl Newest {
    const IDS_MAX: usize = 400;

    fn insert(&mut self, key: Key) {
        if self.floor.is_some_and(|floor| key <= floor) {
            return;
        }
        let at = self.ids.partition_point(|held| *held > key);
        if self.ids.get(at) != Some(&key) {
            self.ids.insert(at, key);
        }
        self.cut();
    }

    fn cut(&mut self) {
        if self.ids.len() > Self::IDS_MAX {
            self.ids.truncate(Self::IDS_MAX);
            self.floor = self.ids.last().copied();
        }
    }

    /// Those behind `key`, at most `limit`; and whether they are all that can be said from here.
    fn behind(&self, key: Key, limit: usize) -> (Vec<Key>, bool) {
        let from = self.ids.partition_point(|held| *held >= key);
        let found: Vec<Key> = self.ids[from..].iter().take(limit).copied().collect();
        let enough = found.len() == limit || self.floor.is_none();
        (found, enough)
    }
}

impl Ask<'_> {
    pub(super) fn timeline(&mut self, viewer: UserId, page: &PageRequest) -> Asked<List<PostCard>> {
        let page = Page::of("timeline", page)?;
        let viewer = self.viewer(viewer)?;
        let likes = self.likes_of(viewer.id)?;
        page.fill(
            self,
            |ask, key, limit| ask.home_behind(&viewer, key, limit),
            |ask, (_, id)| ask.card(&viewer, &likes, *id),
        )
    }

    fn home_behind(&mut self, viewer: &Viewer, key: Key, limit: usize) -> Asked<Vec<Key>> {
        let home = self.home(viewer)?;
        let (mut found, enough) = home.newest.lock().behind(key, limit);
        if !enough {
            let from = found.last().copied().unwrap_or(key);
            let older = self.authors_behind(viewer, from, limit - found.len())?;
            found.extend(older);
        }
        Ok(found)
    }

    fn home(&mut self, viewer: &Viewer) -> Asked<Arc<Home>> {
        let (cache, epochs) = (&self.shared.caches.homes, &self.shared.stores[GRAPH].epochs);
        if let Some(home) = cache.get(viewer.id, epochs)
            && home.catch_up(&self.shared.recent)
        {
            return Ok(home);
        }
        // In this order: who is followed or appears after this is noticed by the epoch, or by the number.
        let epoch = epochs.of(viewer.id);
        let followees = self.followees_of(viewer.id)?;
        let next = self.shared.recent.next();
        let home = Arc::new(self.built_home(viewer.id, followees, next));
        self.shared.caches.homes.put(viewer.id, epoch, Arc::clone(&home));
        Ok(home)
    }

    /// From the window of recent posts.
    fn built_home(&self, author: Uuid, followees: Arc<[Uuid]>, next: u64) -> Home {
        self.shared.window.read(|window| {
            let mut newest = BinaryHeap::with_capacity(Newest::IDS_MAX + 2);
            for author in followees.iter().chain([&author]) {
                for key in window.of_author(*author).iter().rev() {
                    if newest.len() > Newest::IDS_MAX {
                        if newest.peek().is_some_and(|Reverse(oldest)| key < oldest) {
                            break;
                        }
                        newest.pop();
                    }
                    newest.push(Reverse(*key));
                }
            }
            let ids = newest.into_sorted_vec().into_iter().map(|Reverse(key)| key).collect();
            let from = window.complete_from();
            let floor = (from > i64::MIN).then_some((from, Uuid::nil()));
            let mut newest = Newest { next, ids, floor };
            newest.cut();
            Home { author, followees: Arc::clone(&followees), newest: Mutex::new(newest) }
        })
    }

    /// The posts behind `key` of the viewer and their followees, from the files.
    fn authors_behind(&mut self, viewer: &Viewer, key: Key, limit: usize) -> Asked<Vec<Key>> {
        let followees = self.followees(viewer)?;
        self.query(POSTS, |db| {
            let sql = "SELECT created_at, id FROM posts
                       WHERE author = ?1 AND state = 0 AND (created_at, id) < (?2, ?3) AND created_at >= ?4
                       ORDER BY created_at DESC, id DESC LIMIT ?5";
            let mut statement = db.prepare_cached(sql)?;
            let mut newest = BinaryHeap::with_capacity(limit + 1);
            for author in followees.iter().chain([&viewer.id]) {
                // Nothing older than the oldest of enough can be among them.
                let at_least = match newest.peek() {
                    Some(Reverse((at, _))) if newest.len() == limit => *at,
                    _ => i64::MIN,
                };
                let values = params![author.as_bytes(), key.0, key.1.as_bytes(), at_least, limit as i64];
                for row in statement.query_map(values, Seen::read)? {
                    newest.push(Reverse(row?));
                    if newest.len() > limit {
                        newest.pop();
                    }
                }
            }
            Ok(newest.into_sorted_vec().into_iter().map(|Reverse(key)| key).collect())
        })
    }
}
