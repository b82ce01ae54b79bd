//! Likes and comments as edges, and the counters, counted again from them.
//!
//! A counter's version is the server's clock, asked before the count and after the edges were acknowledged. Of two counts of
//! a post at once the one that asked later wins; it looked at the edges later than it asked, and so has seen every edge
//! whose own count asked no later. The clock is asked on its own, because within one statement it may be read after the
//! state of the table was taken.

use std::collections::{BTreeSet, HashMap};

use nova_events::like::Target;
use nova_views::{Change, What};
use uuid::Uuid;

use super::{Latest, by_thing};
use crate::views::clickhouse::error::Failure;
use crate::views::clickhouse::rows::{
    COMMENT, COMMENT_LIKE, CommentKeyRow, EngagementRow, InteractionRow, LIKE,
};
use crate::views::clickhouse::server::{LIST_MAX, Server, list};

/// The rows of a flush.
#[derive(Default)]
struct Edges {
    engagement: Latest<(Uuid, i8, Uuid, Uuid), EngagementRow>,
    interactions: Latest<(Uuid, Uuid, i8, Uuid), InteractionRow>,
}

pub(super) async fn write(server: &Server, generation: u64, changes: &[&Change]) -> Result<usize, Failure> {
    let mut edges = Edges::default();
    changes.iter().for_each(|change| edges.like(change));
    let comments = comments(server, generation, changes).await?;
    comments.iter().for_each(|comment| edges.comment(comment));
    let (engagement, interactions) = (edges.engagement.into_rows(), edges.interactions.into_rows());
    let (edges_table, interactions_table) =
        (format!("engagement_g{generation}"), format!("interactions_g{generation}"));
    futures::try_join!(
        server.insert(&edges_table, &engagement),
        server.insert(&interactions_table, &interactions)
    )?;
    let touched: BTreeSet<Uuid> = engagement.iter().map(|edge| edge.post_id).collect();
    count(server, generation, &touched.into_iter().collect::<Vec<_>>()).await?;
    // The keys last: whatever a key says is in the edges and in the counters.
    server.insert(&format!("comment_keys_g{generation}"), &comments).await?;
    Ok(engagement.len() + interactions.len() + comments.len())
}

impl Edges {
    fn like(&mut self, change: &Change) {
        let What::Like { target, post, author, user, on, at } = &change.what else { return };
        let (user_id, author_id, post_id) = (user.0, author.0, post.0);
        let (at, ver, is_deleted) = (at.timestamp_millis(), change.version, u8::from(!on));
        let (kind, item_id) = match target {
            Target::Post(post) => (LIKE, post.0),
            Target::Comment(comment) => (COMMENT_LIKE, comment.0),
        };
        let row = InteractionRow { user_id, author_id, kind, item_id, at, ver, is_deleted };
        self.interactions.put((user_id, author_id, kind, item_id), ver, row);
        if kind == LIKE {
            let item_id = Uuid::nil();
            let row = EngagementRow { post_id, kind, user_id, item_id, at, ver, is_deleted };
            self.engagement.put((post_id, kind, user_id, item_id), ver, row);
        }
    }

    fn comment(&mut self, comment: &CommentKeyRow) {
        let CommentKeyRow { comment_id: item_id, post_id, author_id: user_id, .. } = *comment;
        let (at, ver, is_deleted) = (comment.created_at, comment.ver, comment.deleted);
        let author_id = comment.post_author;
        let row = InteractionRow { user_id, author_id, kind: COMMENT, item_id, at, ver, is_deleted };
        self.interactions.put((user_id, author_id, COMMENT, item_id), ver, row);
        let row = EngagementRow { post_id, kind: COMMENT, user_id, item_id, at, ver, is_deleted };
        self.engagement.put((post_id, COMMENT, user_id, item_id), ver, row);
    }
}

/// The comments that change, as they are then.
async fn comments(
    server: &Server,
    generation: u64,
    changes: &[&Change],
) -> Result<Vec<CommentKeyRow>, Failure> {
    let comments = by_thing(changes, comment_of);
    let unknown: Vec<Uuid> = comments
        .iter()
        .filter(|(_, changes)| !matches!(changes[0].what, What::Comment { .. }))
        .map(|(comment, _)| *comment)
        .collect();
    let stored: Vec<CommentKeyRow> = server
        .fetch_parts(&unknown, |list| {
            format!(
                "SELECT comment_id, post_id, post_author, author_id, created_at, deleted, ver
                 FROM comment_keys_g{generation} FINAL WHERE comment_id IN ({list})"
            )
        })
        .await?;
    let mut known: HashMap<Uuid, CommentKeyRow> =
        stored.into_iter().map(|row| (row.comment_id, row)).collect();
    let after = comments.into_iter().filter_map(|(comment, changes)| {
        let before = known.remove(&comment);
        let after = changes.into_iter().fold(before.clone(), changed);
        after.filter(|after| before.is_none_or(|before| after.ver > before.ver))
    });
    Ok(after.collect())
}

/// Texts are not held here, so an edit changes nothing.
fn comment_of(what: &What) -> Option<Uuid> {
    match what {
        What::Comment { comment, .. } | What::CommentDeleted { comment, .. } => Some(comment.0),
        _ => None,
    }
}

fn changed(row: Option<CommentKeyRow>, change: &Change) -> Option<CommentKeyRow> {
    let ver = change.version;
    if row.as_ref().is_some_and(|row| row.ver >= ver) {
        return row;
    }
    match &change.what {
        What::Comment { comment, post, post_author, author, created_at, .. } => Some(CommentKeyRow {
            comment_id: comment.0,
            post_id: post.0,
            post_author: post_author.0,
            author_id: author.0,
            created_at: created_at.timestamp_millis(),
            deleted: 0,
            ver,
        }),
        What::CommentDeleted { deleted, .. } => {
            row.map(|row| CommentKeyRow { deleted: u8::from(*deleted), ver, ..row })
        }
        _ => row,
    }
}

async fn count(server: &Server, generation: u64, posts: &[Uuid]) -> Result<(), Failure> {
    if posts.is_empty() {
        return Ok(());
    }
    let ver = server.next_version().await?;
    for part in posts.chunks(LIST_MAX) {
        // Edges that are off are looked at too: a post with none left has counters of zero, not none.
        let sql = format!(
            "INSERT INTO post_counters_g{generation} (post_id, likes, comments, ver)
             SELECT post_id, countIf(kind = 'like' AND NOT off), countIf(kind = 'comment' AND NOT off), {ver}
             FROM (
                SELECT post_id, kind, argMax(is_deleted, ver) AS off
                FROM engagement_g{generation} WHERE post_id IN ({list})
                GROUP BY post_id, kind, user_id, item_id
             ) GROUP BY post_id",
            list = list(part)
        );
        server.execute(&sql).await?;
    }
    Ok(())
}
