//! Posts, how many each author has, and the search index over their text.

use std::collections::BTreeMap;

use nova_events::post::Visibility;
use nova_views::words::indexed;
use nova_views::{Change, What};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{Touched, blob, by_key, int};
use crate::window::{PostState, RecentPost};

#[derive(Clone)]
struct Row {
    author: Uuid,
    visibility: Visibility,
    media: Vec<u8>,
    text: Option<String>,
    created_at: i64,
    edited_at: Option<i64>,
    state: PostState,
    deleted_at: Option<i64>,
    v: i64,
}

struct Statements<'a> {
    load: CachedStatement<'a>,
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
    index: CachedStatement<'a>,
    unindex: CachedStatement<'a>,
    count: CachedStatement<'a>,
}

pub(super) fn apply(db: &Connection, changes: &[Change], touched: &mut Touched) -> rusqlite::Result<()> {
    let mut statements = Statements {
        load: db.prepare_cached(
            "SELECT n, author, visibility, media, text, created_at, edited_at, state, deleted_at, v
             FROM posts WHERE id = ?1",
        )?,
        insert: db.prepare_cached(
            "INSERT INTO posts
                (id, author, visibility, media, text, created_at, edited_at, state, deleted_at, v)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?,
        update: db.prepare_cached(
            "UPDATE posts SET author = ?2, visibility = ?3, media = ?4, text = ?5, created_at = ?6,
                edited_at = ?7, state = ?8, deleted_at = ?9, v = ?10 WHERE id = ?1",
        )?,
        index: db.prepare_cached("INSERT INTO posts_fts (rowid, text) VALUES (?1, ?2)")?,
        unindex: db
            .prepare_cached("INSERT INTO posts_fts (posts_fts, rowid, text) VALUES ('delete', ?1, ?2)")?,
        count: db.prepare_cached(
            "INSERT INTO author_counts (author, posts) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET posts = posts + excluded.posts",
        )?,
    };
    let of_posts: Vec<(Uuid, &Change)> =
        changes.iter().filter_map(|change| Some((post_of(&change.what)?, change))).collect();
    let mut counts = BTreeMap::<Uuid, i64>::new();
    by_key(
        of_posts,
        |(post, change)| (*post, change.version),
        |changes| statements.post(changes[0].0, changes, &mut counts, touched),
    )?;
    for (author, difference) in counts {
        if difference != 0 {
            statements.count.execute(params![blob(&author), difference])?;
            touched.keys.push(author);
        }
    }
    Ok(())
}

impl Statements<'_> {
    fn post(
        &mut self,
        post: Uuid,
        changes: &[(Uuid, &Change)],
        counts: &mut BTreeMap<Uuid, i64>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let found: Option<(i64, Row)> = self.load.query_row([blob(&post)], read).optional()?;
        let before = found.as_ref().map(|(_, row)| row.clone());
        let mut row = found.as_ref().map(|(_, row)| row.clone());
        for (_, change) in changes {
            if row.as_ref().is_none_or(|row| int(change.version) > row.v) {
                row = changed(row, change);
            }
        }
        let Some(row) = row else { return Ok(()) };
        if before.as_ref().is_some_and(|before| before.v == row.v) {
            return Ok(());
        }
        let statement = if before.is_some() { &mut self.update } else { &mut self.insert };
        let values = params![
            blob(&post),
            blob(&row.author),
            visibility_code(row.visibility),
            row.media,
            row.text,
            row.created_at,
            row.edited_at,
            row.state.code(),
            row.deleted_at,
            row.v
        ];
        let n = match (&found, statement) {
            (Some((n, _)), update) => {
                update.execute(values)?;
                *n
            }
            (None, insert) => insert.insert(values)?,
        };
        let (old, new) = (before.as_ref().and_then(Row::searchable), row.searchable());
        if old != new {
            if let Some(old) = old {
                self.unindex.execute(params![n, indexed(old)])?;
            }
            if let Some(new) = new {
                self.index.execute(params![n, indexed(new)])?;
            }
        }
        let was_there = before.as_ref().is_some_and(|before| before.state == PostState::There);
        let is_there = row.state == PostState::There;
        *counts.entry(row.author).or_default() += i64::from(is_there) - i64::from(was_there);
        touched.keys.push(post);
        touched.posts.push(RecentPost {
            post,
            author: row.author,
            created_at_ms: row.created_at,
            visibility: row.visibility,
            there: is_there,
            appeared: is_there && !was_there,
        });
        Ok(())
    }
}

fn post_of(what: &What) -> Option<Uuid> {
    match what {
        What::Post { post, .. }
        | What::PostText { post, .. }
        | What::PostDeleted { post, .. }
        | What::PostPurged { post } => Some(post.0),
        // Changes of other views.
        _ => None,
    }
}

/// What comes of a post before it was published has no place to be kept, and cannot come: one stream has it all, in
/// order.
fn changed(row: Option<Row>, change: &Change) -> Option<Row> {
    let v = int(change.version);
    if let What::Post { author, visibility, media, text, created_at, .. } = &change.what {
        return Some(Row {
            author: author.0,
            visibility: *visibility,
            media: nova_views::media::pack(media),
            text: text.clone(),
            created_at: created_at.timestamp_millis(),
            edited_at: None,
            state: PostState::There,
            deleted_at: None,
            v,
        });
    }
    let mut row = Row { v, ..row? };
    match &change.what {
        What::PostText { text, edited_at, .. } if row.state != PostState::Purged => {
            row.text.clone_from(text);
            row.edited_at = Some(edited_at.timestamp_millis());
        }
        What::PostDeleted { deleted, at, .. } if row.state != PostState::Purged => {
            row.state = if *deleted { PostState::Deleted } else { PostState::There };
            row.deleted_at = deleted.then_some(at.timestamp_millis());
        }
        What::PostPurged { .. } => {
            row.state = PostState::Purged;
            row.text = None;
            row.media = Vec::new();
        }
        _ => {}
    }
    Some(row)
}

impl Row {
    fn searchable(&self) -> Option<&str> {
        if self.state == PostState::There { self.text.as_deref() } else { None }
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, Row)> {
    let post = Row {
        author: Uuid::from_bytes(row.get(1)?),
        visibility: visibility(row.get(2)?),
        media: row.get(3)?,
        text: row.get(4)?,
        created_at: row.get(5)?,
        edited_at: row.get(6)?,
        state: PostState::from_code(row.get(7)?),
        deleted_at: row.get(8)?,
        v: row.get(9)?,
    };
    Ok((row.get(0)?, post))
}

fn visibility_code(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Public => 0,
        Visibility::Followers => 1,
        Visibility::Private => 2,
    }
}

/// What is not known is seen by nobody but its author.
pub(crate) fn visibility(code: i64) -> Visibility {
    match code {
        0 => Visibility::Public,
        1 => Visibility::Followers,
        _ => Visibility::Private,
    }
}
