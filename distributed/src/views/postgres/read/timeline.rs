//! The home timeline: what the viewer and their followees posted, newest first.
//!
//! It is found in one of two ways. Whoever follows many finds a page among the newest posts of everybody, which are
//! looked through from the newest on. Whoever follows few, or whose followees have not posted much lately, finds it
//! among the newest posts of each followee.

use nova_events::UserId;
use nova_views::{Cursor, List, PageRequest, PostCard, ViewError};
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::lists::{Key, limit_of};
use super::people::{apart, follows};

/// From so many followees on the first way is tried; it looks at so many posts.
const FOLLOWEES_MANY: i64 = 32;
const LOOKED_AT_MAX: i64 = 1_500;

/// Whether an author's posts are to be shown to the viewer `$1` at all.
macro_rules! shown {
    () => {
        concat!(
            "((SELECT u.active FROM v_profiles.users u WHERE u.id = p.author) IS NOT FALSE AND NOT ",
            apart!("$1", "p.author"),
            ")"
        )
    };
}

const AMONG_THE_NEWEST: &str = concat!(
    "SELECT p.created_at, p.id
     FROM (SELECT created_at, id, author, visibility FROM v_posts.posts
           WHERE state = 0 AND (created_at, id) < ($2, $3)
             AND (SELECT following >= $5 FROM v_graph.counts WHERE user_id = $1)
           ORDER BY created_at DESC, id DESC LIMIT $6) p
     WHERE CASE WHEN p.author = $1 OR (p.visibility <= 1 AND ",
    follows!("$1", "p.author"),
    ") THEN ",
    shown!(),
    " END ORDER BY p.created_at DESC, p.id DESC LIMIT $4"
);

const OF_EACH_AUTHOR: &str = concat!(
    "SELECT p.created_at, p.id
     FROM (SELECT newest.created_at, newest.id, newest.author
           FROM (SELECT followee AS author FROM v_graph.follows WHERE follower = $1 AND edge
                 UNION SELECT $1) authors
           CROSS JOIN LATERAL (SELECT created_at, id, author FROM v_posts.posts
                 WHERE author = authors.author AND state = 0 AND (created_at, id) < ($2, $3)
                   AND (visibility <= 1 OR author = $1)
                 ORDER BY created_at DESC, id DESC LIMIT $4) newest
           ORDER BY newest.created_at DESC, newest.id DESC OFFSET 0) p
     WHERE ",
    shown!(),
    " ORDER BY p.created_at DESC, p.id DESC LIMIT $4"
);

impl Reads {
    pub(super) async fn timeline(
        &self,
        viewer: UserId,
        page: &PageRequest,
    ) -> Result<List<PostCard>, ViewError> {
        let mut behind: Option<Key> =
            page.cursor.as_ref().map(|cursor| cursor.unpack("timeline")).transpose()?;
        let limit = limit_of(page);
        let mut items: Vec<PostCard> = Vec::with_capacity(limit);
        loop {
            // One more than is wanted tells whether there is a next page.
            let wanted = limit + 1 - items.len();
            let places = self.timeline_places(viewer, behind, wanted).await?;
            let ids: Vec<Uuid> = places.iter().map(|(_, id)| *id).collect();
            items.extend(self.cards(viewer, &ids).await?);
            if items.len() > limit {
                items.truncate(limit);
                let next = items
                    .last()
                    .map(|card| Cursor::pack("timeline", &(card.created_at.timestamp_millis(), card.id.0)));
                return Ok(List { items, next });
            }
            if places.len() < wanted {
                return Ok(List { items, next: None });
            }
            // Some were hidden since their places were found.
            behind = places.last().copied();
        }
    }

    /// Places in the timeline behind one, at most `limit`.
    pub(super) async fn timeline_places(
        &self,
        viewer: UserId,
        before: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Key>, ViewError> {
        let (at, id) = before.unwrap_or((i64::MAX, Uuid::max()));
        let found = rows(&self.pool, || {
            let key = query(AMONG_THE_NEWEST).bind(viewer.0).bind(at).bind(id);
            key.bind(limit as i64).bind(FOLLOWEES_MANY).bind(LOOKED_AT_MAX)
        })
        .await?;
        let found = if found.len() < limit {
            let question = || query(OF_EACH_AUTHOR).bind(viewer.0).bind(at).bind(id).bind(limit as i64);
            rows(&self.pool, question).await?
        } else {
            found
        };
        found
            .iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                Ok((columns.take()?, columns.take()?))
            })
            .collect()
    }
}
