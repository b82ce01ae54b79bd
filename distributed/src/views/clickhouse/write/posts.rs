//! Posts: three tables that differ in what they are found by.

use std::collections::HashMap;

use nova_events::post::Visibility;
use nova_views::{Change, What};
use uuid::Uuid;

use super::by_thing;
use crate::views::clickhouse::error::Failure;
use crate::views::clickhouse::rows::{
    DELETED, FOLLOWERS, PRIVATE, PUBLIC, PURGED, PostKeyRow, PostRow, THERE,
};
use crate::views::clickhouse::server::Server;

pub(super) async fn write(server: &Server, generation: u64, changes: &[&Change]) -> Result<usize, Failure> {
    let posts = by_thing(changes, post_of);
    let unknown: Vec<Uuid> = posts
        .iter()
        .filter(|(_, changes)| !matches!(changes[0].what, What::Post { .. }))
        .map(|(post, _)| *post)
        .collect();
    let mut known = stored(server, generation, &unknown).await?;
    let keys: Vec<PostKeyRow> = posts
        .into_iter()
        .filter_map(|(post, changes)| {
            let before = known.remove(&post);
            let after = changes.into_iter().fold(before.clone(), changed);
            after.filter(|after| before.is_none_or(|before| after.ver > before.ver))
        })
        .collect();
    let rows: Vec<PostRow> = keys.iter().map(PostRow::of).collect();
    // The keys last: a deletion is completed from them, and finds the post in the other tables too.
    let (posts, by_time) = (format!("posts_g{generation}"), format!("posts_by_time_g{generation}"));
    futures::try_join!(server.insert(&posts, &rows), server.insert(&by_time, &rows))?;
    server.insert(&format!("post_keys_g{generation}"), &keys).await?;
    Ok(rows.len() * 2 + keys.len())
}

/// Texts are not held here, so an edit changes nothing.
fn post_of(what: &What) -> Option<Uuid> {
    match what {
        What::Post { post, .. } | What::PostDeleted { post, .. } | What::PostPurged { post } => Some(post.0),
        _ => None,
    }
}

async fn stored(
    server: &Server,
    generation: u64,
    posts: &[Uuid],
) -> Result<HashMap<Uuid, PostKeyRow>, Failure> {
    let rows: Vec<PostKeyRow> = server
        .fetch_parts(posts, |list| {
            format!(
                "SELECT post_id, author_id, created_at, visibility, state, ver
                 FROM post_keys_g{generation} FINAL WHERE post_id IN ({list})"
            )
        })
        .await?;
    Ok(rows.into_iter().map(|row| (row.post_id, row)).collect())
}

/// What comes of a post before it was published has no place to be kept, and cannot come: one stream has it all, in order.
fn changed(row: Option<PostKeyRow>, change: &Change) -> Option<PostKeyRow> {
    let ver = change.version;
    if row.as_ref().is_some_and(|row| row.ver >= ver) {
        return row;
    }
    if let What::Post { post, author, visibility, created_at, .. } = &change.what {
        return Some(PostKeyRow {
            post_id: post.0,
            author_id: author.0,
            created_at: created_at.timestamp_millis(),
            visibility: code(*visibility),
            state: THERE,
            ver,
        });
    }
    let row = row?;
    let state = match &change.what {
        // A purged post does not come back.
        _ if row.state == PURGED => PURGED,
        What::PostDeleted { deleted, .. } => {
            if *deleted {
                DELETED
            } else {
                THERE
            }
        }
        What::PostPurged { .. } => PURGED,
        _ => row.state,
    };
    Some(PostKeyRow { state, ver, ..row })
}

fn code(visibility: Visibility) -> i8 {
    match visibility {
        Visibility::Public => PUBLIC,
        Visibility::Followers => FOLLOWERS,
        Visibility::Private => PRIVATE,
    }
}

impl PostRow {
    fn of(key: &PostKeyRow) -> Self {
        Self {
            author_id: key.author_id,
            created_at: key.created_at,
            post_id: key.post_id,
            visibility: key.visibility,
            ver: key.ver,
            is_deleted: u8::from(key.state != THERE),
        }
    }
}
