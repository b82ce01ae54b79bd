//! Comments of a post.

use std::sync::Arc;

use nova_events::envelope::time_of_ms;
use nova_events::{CommentId, PostId, UserId};
use nova_views::{Comment, List, Lookup, PageRequest};
use rusqlite::params;
use uuid::Uuid;

use super::lists::Page;
use super::{Ask, Asked};
use crate::write::ENGAGEMENT;

struct Row {
    key: (i64, Uuid),
    parent: Option<Uuid>,
    author: Uuid,
    text: Arc<str>,
    edited_at_ms: Option<i64>,
}

impl Ask<'_> {
    pub(super) fn comments(
        &mut self,
        viewer: UserId,
        post: PostId,
        page: &PageRequest,
    ) -> Asked<Lookup<List<Comment>>> {
        match self.post(viewer, post)? {
            Lookup::Unknown => return Ok(Lookup::Unknown),
            Lookup::Gone => return Ok(Lookup::Gone),
            Lookup::Found(_) => {}
        }
        let viewer = self.viewer(viewer)?;
        let likes = self.likes_of(viewer.id)?;
        let page = Page::of("comments", page)?;
        let rows = std::cell::RefCell::new(std::collections::HashMap::new());
        let list = page.fill_ascending(
            self,
            |ask, (at, id), limit| {
                let found = ask.query(ENGAGEMENT, |db| {
                    let sql = "SELECT created_at, id, parent, author, text, edited_at FROM comments
                               WHERE post = ?1 AND deleted = 0 AND (created_at, id) > (?2, ?3)
                               ORDER BY created_at, id LIMIT ?4";
                    let mut statement = db.prepare_cached(sql)?;
                    let key = params![post.0.as_bytes(), at, id.as_bytes(), limit as i64];
                    statement.query_map(key, read)?.collect::<rusqlite::Result<Vec<Row>>>()
                })?;
                let keys = found.iter().map(|row| row.key).collect();
                rows.borrow_mut().extend(found.into_iter().map(|row| (row.key, row)));
                Ok(keys)
            },
            |ask, key| {
                let Some(row) = rows.borrow_mut().remove(key) else { return Ok(None) };
                let Some(author) = ask.author(&viewer, row.author)? else { return Ok(None) };
                let (created_at_ms, id) = *key;
                Ok(Some(Comment {
                    id: CommentId(id),
                    post_id: post,
                    parent_comment_id: row.parent.map(CommentId),
                    author,
                    text: row.text,
                    created_at: time_of_ms(created_at_ms),
                    edited_at: row.edited_at_ms.map(time_of_ms),
                    like_count: ask.counts_of(id)?.likes,
                    liked_by_viewer: ask.likes(&viewer, &likes, id)?,
                }))
            },
        )?;
        Ok(Lookup::Found(list))
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let text: Option<String> = row.get(4)?;
    Ok(Row {
        key: (row.get(0)?, Uuid::from_bytes(row.get(1)?)),
        parent: row.get::<_, Option<[u8; 16]>>(2)?.map(Uuid::from_bytes),
        author: Uuid::from_bytes(row.get(3)?),
        text: text.unwrap_or_default().into(),
        edited_at_ms: row.get(5)?,
    })
}
