//! Posts as cards.

use std::sync::Arc;

use nova_events::envelope::time_of_ms;
use nova_events::post::Visibility;
use nova_events::{MediaId, PostId, UserId};
use nova_views::{List, Lookup, MediaRef, PageRequest, PostCard, ranking};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::lists::{Page, Seen};
use super::people::{Viewer, count};
use super::{Ask, Asked};
use crate::caches::{Counts, Likes};
use crate::epochs::id_set;
use crate::window::PostState;
use crate::write::{ENGAGEMENT, POSTS, visibility};

/// Of someone who likes more than this, only the likes of the newest things are held; others are looked up.
const LIKES_HELD_MAX: usize = 20_000;

/// A post, as the posts view has it.
#[derive(Debug)]
pub(crate) struct PostRow {
    pub(crate) author: Uuid,
    pub(crate) visibility: Visibility,
    pub(crate) media: Arc<[MediaRef]>,
    pub(crate) text: Arc<str>,
    pub(crate) created_at_ms: i64,
    pub(crate) edited_at_ms: Option<i64>,
    pub(crate) state: PostState,
}

impl PostRow {
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + 64 + self.text.len() + self.media.len() * 160
    }
}

/// How a viewer stands to a post.
enum Sight {
    Shown(PostCard),
    /// They might have seen it, but it is not there any more.
    Gone,
    /// It is not for them to know of.
    Hidden,
}

impl Ask<'_> {
    pub(super) fn post(&mut self, viewer: UserId, post: PostId) -> Asked<Lookup<PostCard>> {
        let viewer = self.viewer(viewer)?;
        let likes = self.likes_of(viewer.id)?;
        Ok(match self.sight(&viewer, &likes, post.0)? {
            Sight::Shown(card) => Lookup::Found(card),
            Sight::Gone => Lookup::Gone,
            Sight::Hidden => Lookup::Unknown,
        })
    }

    /// The post as a card, `None` when it is not for the viewer to see.
    pub(super) fn card(&mut self, viewer: &Viewer, likes: &Likes, post: Uuid) -> Asked<Option<PostCard>> {
        Ok(match self.sight(viewer, likes, post)? {
            Sight::Shown(card) => Some(card),
            Sight::Gone | Sight::Hidden => None,
        })
    }

    fn sight(&mut self, viewer: &Viewer, likes: &Likes, post: Uuid) -> Asked<Sight> {
        let Some(row) = self.post_row(post)? else { return Ok(Sight::Hidden) };
        if viewer.blocks.contains(&row.author) || !self.may_see(viewer, row.author, row.visibility)? {
            return Ok(Sight::Hidden);
        }
        if row.state != PostState::There {
            return Ok(Sight::Gone);
        }
        let Some(author) = self.author(viewer, row.author)? else { return Ok(Sight::Gone) };
        let counts = self.counts_of(post)?;
        Ok(Sight::Shown(PostCard {
            id: PostId(post),
            author,
            text: Arc::clone(&row.text),
            media: Arc::clone(&row.media),
            visibility: row.visibility,
            created_at: time_of_ms(row.created_at_ms),
            edited_at: row.edited_at_ms.map(time_of_ms),
            like_count: counts.likes,
            comment_count: counts.comments,
            share_count: 0,
            liked_by_viewer: self.likes(viewer, likes, post)?,
        }))
    }

    pub(super) fn may_see(&mut self, viewer: &Viewer, author: Uuid, visibility: Visibility) -> Asked<bool> {
        Ok(viewer.id == author
            || match visibility {
                Visibility::Public => true,
                Visibility::Followers => self.follows(viewer, author)?,
                Visibility::Private => false,
            })
    }

    pub(super) fn post_row(&mut self, post: Uuid) -> Asked<Option<Arc<PostRow>>> {
        let (cache, epochs) = (&self.shared.caches.posts, &self.shared.stores[POSTS].epochs);
        if let Some(row) = cache.get(post, epochs) {
            return Ok(row);
        }
        let epoch = epochs.of(post);
        let row = self.query(POSTS, |db| {
            let sql = "SELECT author, visibility, media, text, created_at, edited_at, state
                       FROM posts WHERE id = ?1";
            let row = db.prepare_cached(sql)?.query_row([post.as_bytes()], |row| {
                let media: Vec<u8> = row.get(2)?;
                let text: Option<String> = row.get(3)?;
                Ok(PostRow {
                    author: Uuid::from_bytes(row.get(0)?),
                    visibility: visibility(row.get(1)?),
                    media: nova_views::media::unpack(&media).collect(),
                    text: text.unwrap_or_default().into(),
                    created_at_ms: row.get(4)?,
                    edited_at_ms: row.get(5)?,
                    state: PostState::from_code(row.get(6)?),
                })
            });
            Ok(row.optional()?.map(Arc::new))
        })?;
        cache.put(post, epoch, row.clone());
        Ok(row)
    }

    pub(super) fn counts_of(&mut self, target: Uuid) -> Asked<Counts> {
        let (cache, epochs) = (&self.shared.caches.counts, &self.shared.stores[ENGAGEMENT].epochs);
        if let Some(counts) = cache.get(target, epochs) {
            return Ok(counts);
        }
        let epoch = epochs.of(target);
        let counts = self.query(ENGAGEMENT, |db| {
            let sql = "SELECT likes, comments FROM counts WHERE target = ?1";
            let counts = db.prepare_cached(sql)?.query_row([target.as_bytes()], |row| {
                Ok(Counts { likes: count(row.get(0)?), comments: count(row.get(1)?) })
            });
            Ok(counts.optional()?.unwrap_or_default())
        })?;
        cache.put(target, epoch, counts);
        Ok(counts)
    }

    /// What someone likes, and what they did with whose posts in the time that counts towards affinity.
    pub(super) fn likes_of(&mut self, user: Uuid) -> Asked<Arc<Likes>> {
        let (cache, epochs) = (&self.shared.caches.likes, &self.shared.stores[ENGAGEMENT].epochs);
        if let Some(likes) = cache.get(user, epochs) {
            return Ok(likes);
        }
        let epoch = epochs.of(user);
        let likes = self.query(ENGAGEMENT, |db| {
            let mut likes = Likes { targets: id_set(0), complete: true, interactions: Vec::new() };
            let sql = "SELECT target, author, at FROM likes WHERE user = ?1 AND liked = 1
                       ORDER BY target DESC LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(params![user.as_bytes(), LIKES_HELD_MAX as i64])?;
            while let Some(row) = rows.next()? {
                likes.targets.insert(Uuid::from_bytes(row.get(0)?));
                likes.interactions.push((row.get(2)?, Uuid::from_bytes(row.get(1)?)));
            }
            likes.complete = likes.targets.len() < LIKES_HELD_MAX;
            let sql = "SELECT created_at, post_author FROM comments WHERE author = ?1 AND deleted = 0
                       ORDER BY created_at DESC LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(params![user.as_bytes(), LIKES_HELD_MAX as i64])?;
            while let Some(row) = rows.next()? {
                likes.interactions.push((row.get(0)?, Uuid::from_bytes(row.get(1)?)));
            }
            // What is older than this by the time of the newest one will not count at any later time either.
            let newest = likes.interactions.iter().map(|(at, _)| *at).max().unwrap_or(0);
            likes.interactions.retain(|(at, author)| *at >= newest - ranking::AFFINITY_MS && *author != user);
            likes.interactions.shrink_to_fit();
            Ok(Arc::new(likes))
        })?;
        cache.put(user, epoch, Arc::clone(&likes));
        Ok(likes)
    }

    pub(super) fn likes(&mut self, viewer: &Viewer, likes: &Likes, target: Uuid) -> Asked<bool> {
        if likes.complete || likes.targets.contains(&target) {
            return Ok(likes.targets.contains(&target));
        }
        self.query(ENGAGEMENT, |db| {
            let sql = "SELECT 1 FROM likes WHERE user = ?1 AND target = ?2 AND liked = 1";
            db.prepare_cached(sql)?.exists([viewer.id.as_bytes(), target.as_bytes()])
        })
    }

    pub(super) fn posts_of(
        &mut self,
        viewer: UserId,
        user: UserId,
        page: &PageRequest,
    ) -> Asked<Lookup<List<PostCard>>> {
        let viewer = self.viewer(viewer)?;
        match self.person(&viewer, user.0)? {
            Lookup::Unknown => return Ok(Lookup::Unknown),
            Lookup::Gone => return Ok(Lookup::Gone),
            Lookup::Found(_) => {}
        }
        let likes = self.likes_of(viewer.id)?;
        let page = Page::of("posts", page)?;
        let list = page.fill(
            self,
            |ask, (at, id), limit| {
                ask.query(POSTS, |db| {
                    let sql = "SELECT created_at, id FROM posts
                               WHERE author = ?1 AND state = 0 AND (created_at, id) < (?2, ?3)
                               ORDER BY created_at DESC, id DESC LIMIT ?4";
                    let mut statement = db.prepare_cached(sql)?;
                    let key = params![user.0.as_bytes(), at, id.as_bytes(), limit as i64];
                    statement.query_map(key, Seen::read)?.collect()
                })
            },
            |ask, (_, id)| ask.card(&viewer, &likes, *id),
        )?;
        Ok(Lookup::Found(list))
    }
}

pub(super) fn media(id: Uuid, kind: &str) -> MediaRef {
    MediaRef { id: MediaId(id), kind: kind.to_owned(), url: format!("/api/v1/media/{id}") }
}
