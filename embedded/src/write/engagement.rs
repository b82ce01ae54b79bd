//! Likes and comments, and the counts that derive from them.

use std::collections::BTreeMap;

use nova_events::like::Target;
use nova_views::{Change, What};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{Touched, blob, by_key, int};
use crate::window::PostCounts;

/// How the counts of a target differ after the step: likes and comments.
type Differences = BTreeMap<Uuid, (i64, i64)>;

pub(super) fn apply(db: &Connection, changes: &[Change], touched: &mut Touched) -> rusqlite::Result<()> {
    let mut differences = Differences::new();
    likes(db, changes, &mut differences, touched)?;
    comments(db, changes, &mut differences, touched)?;
    let mut count = db.prepare_cached(
        "INSERT INTO counts (target, likes, comments, n) VALUES (?1, ?2, ?3, 1)
         ON CONFLICT DO UPDATE SET likes = likes + excluded.likes, comments = comments + excluded.comments,
            n = n + 1
         RETURNING likes, comments, n",
    )?;
    for (target, (likes, comments)) in differences {
        if (likes, comments) == (0, 0) {
            continue;
        }
        let counts = count.query_row(params![blob(&target), likes, comments], |row| {
            Ok(PostCounts {
                post: target,
                likes: row.get::<_, i64>(0)?.max(0) as u64,
                comments: row.get::<_, i64>(1)?.max(0) as u64,
                n: row.get::<_, i64>(2)? as u64,
            })
        })?;
        touched.keys.push(target);
        touched.counts.push(counts);
    }
    Ok(())
}

struct Like {
    user: Uuid,
    target: Uuid,
    author: Uuid,
    at: i64,
    on: bool,
    v: i64,
}

fn likes(
    db: &Connection,
    changes: &[Change],
    differences: &mut Differences,
    touched: &mut Touched,
) -> rusqlite::Result<()> {
    let likes: Vec<Like> = changes
        .iter()
        .filter_map(|change| match &change.what {
            What::Like { target, author, user, on, at, .. } => Some(Like {
                user: user.0,
                target: match target {
                    Target::Post(post) => post.0,
                    Target::Comment(comment) => comment.0,
                },
                author: author.0,
                at: at.timestamp_millis(),
                on: *on,
                v: int(change.version),
            }),
            // Comments, and changes of other views.
            _ => None,
        })
        .collect();
    if likes.is_empty() {
        return Ok(());
    }
    let mut insert = db.prepare_cached(
        "INSERT OR IGNORE INTO likes (user, target, author, at, liked, v) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut load = db.prepare_cached("SELECT liked, v FROM likes WHERE user = ?1 AND target = ?2")?;
    let mut update = db.prepare_cached(
        "UPDATE likes SET author = ?3, at = ?4, liked = ?5, v = ?6 WHERE user = ?1 AND target = ?2",
    )?;
    by_key(
        likes,
        |like| ((like.user, like.target), like.v as u64),
        |edge| {
            // Only how an edge ends up in the step matters: the counts follow from that.
            let Some(like) = edge.last() else { return Ok(()) };
            let values =
                params![blob(&like.user), blob(&like.target), blob(&like.author), like.at, like.on, like.v];
            let was_on = if insert.execute(values)? == 1 {
                false
            } else {
                let key = [blob(&like.user), blob(&like.target)];
                let (on, v): (bool, i64) = load.query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))?;
                if v >= like.v {
                    return Ok(());
                }
                update.execute(values)?;
                on
            };
            if was_on != like.on {
                differences.entry(like.target).or_default().0 += i64::from(like.on) - i64::from(was_on);
            }
            if touched.keys.last() != Some(&like.user) {
                touched.keys.push(like.user);
            }
            Ok(())
        },
    )
}

#[derive(Clone)]
struct Comment {
    post: Uuid,
    post_author: Uuid,
    parent: Option<Uuid>,
    author: Uuid,
    text: Option<String>,
    created_at: i64,
    edited_at: Option<i64>,
    deleted: bool,
    v: i64,
}

struct CommentStatements<'a> {
    load: CachedStatement<'a>,
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
}

fn comments(
    db: &Connection,
    changes: &[Change],
    differences: &mut Differences,
    touched: &mut Touched,
) -> rusqlite::Result<()> {
    let of_comments: Vec<(Uuid, &Change)> =
        changes.iter().filter_map(|change| Some((comment_of(&change.what)?, change))).collect();
    if of_comments.is_empty() {
        return Ok(());
    }
    let mut statements = CommentStatements {
        load: db.prepare_cached(
            "SELECT post, post_author, parent, author, text, created_at, edited_at, deleted, v
             FROM comments WHERE id = ?1",
        )?,
        insert: db.prepare_cached(
            "INSERT INTO comments
                (id, post, post_author, parent, author, text, created_at, edited_at, deleted, v)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?,
        update: db.prepare_cached(
            "UPDATE comments SET text = ?2, edited_at = ?3, deleted = ?4, v = ?5 WHERE id = ?1",
        )?,
    };
    by_key(
        of_comments,
        |(comment, change)| (*comment, change.version),
        |changes| statements.comment(changes[0].0, changes, differences, touched),
    )
}

impl CommentStatements<'_> {
    fn comment(
        &mut self,
        id: Uuid,
        changes: &[(Uuid, &Change)],
        differences: &mut Differences,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let before = self.load.query_row([blob(&id)], read).optional()?;
        let mut comment = before.clone();
        for (_, change) in changes {
            if comment.as_ref().is_none_or(|comment| int(change.version) > comment.v) {
                comment = changed(comment, change);
            }
        }
        let Some(comment) = comment else { return Ok(()) };
        match &before {
            Some(before) if before.v == comment.v => return Ok(()),
            Some(_) => {
                self.update.execute(params![
                    blob(&id),
                    comment.text,
                    comment.edited_at,
                    comment.deleted,
                    comment.v
                ])?;
            }
            None => {
                self.insert.execute(params![
                    blob(&id),
                    blob(&comment.post),
                    blob(&comment.post_author),
                    comment.parent.as_ref().map(|id| *id.as_bytes()),
                    blob(&comment.author),
                    comment.text,
                    comment.created_at,
                    comment.edited_at,
                    comment.deleted,
                    comment.v
                ])?;
            }
        }
        let was_there = before.is_some_and(|before| !before.deleted);
        let difference = i64::from(!comment.deleted) - i64::from(was_there);
        differences.entry(comment.post).or_default().1 += difference;
        touched.keys.extend([comment.post, comment.author]);
        Ok(())
    }
}

fn comment_of(what: &What) -> Option<Uuid> {
    match what {
        What::Comment { comment, .. }
        | What::CommentText { comment, .. }
        | What::CommentDeleted { comment, .. } => Some(comment.0),
        // Likes, and changes of other views.
        _ => None,
    }
}

fn changed(comment: Option<Comment>, change: &Change) -> Option<Comment> {
    let v = int(change.version);
    if let What::Comment { post, post_author, parent, author, text, created_at, .. } = &change.what {
        return Some(Comment {
            post: post.0,
            post_author: post_author.0,
            parent: parent.map(|id| id.0),
            author: author.0,
            text: text.clone(),
            created_at: created_at.timestamp_millis(),
            edited_at: None,
            deleted: false,
            v,
        });
    }
    let mut comment = Comment { v, ..comment? };
    match &change.what {
        What::CommentText { text, edited_at, .. } => {
            comment.text.clone_from(text);
            comment.edited_at = Some(edited_at.timestamp_millis());
        }
        What::CommentDeleted { deleted, .. } => comment.deleted = *deleted,
        _ => {}
    }
    Some(comment)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment {
        post: Uuid::from_bytes(row.get(0)?),
        post_author: Uuid::from_bytes(row.get(1)?),
        parent: row.get::<_, Option<[u8; 16]>>(2)?.map(Uuid::from_bytes),
        author: Uuid::from_bytes(row.get(3)?),
        text: row.get(4)?,
        created_at: row.get(5)?,
        edited_at: row.get(6)?,
        deleted: row.get(7)?,
        v: row.get(8)?,
    })
}
