//! Comments of a post.

use nova_events::envelope::time_of_ms;
use nova_events::{CommentId, PostId, UserId};
use nova_views::{Comment, List, Lookup, PageRequest, ViewError};
use sqlx::query;

use super::Reads;
use super::ask::{Columns, rows};
use super::lists::Page;
use super::people::{apart, follows};
use super::posts::{Authors, may_see};

/// Whether the post is there, if the viewer may know of it.
const SIGHT: &str = concat!(
    "SELECT p.state = 0 AND u.active IS NOT FALSE
     FROM v_posts.posts p LEFT JOIN v_profiles.users u ON u.id = p.author WHERE p.id = $2 AND ",
    may_see!()
);

const COMMENTS: &str = concat!(
    "SELECT c.created_at, c.id, c.parent, c.author, coalesce(u.handle, ''), coalesce(u.display_name, ''),
        coalesce(c.text, ''), c.edited_at, coalesce(n.likes, 0),
        (SELECT l.liked FROM v_engagement.likes l WHERE l.user_id = $1 AND l.target = c.id) IS TRUE
     FROM v_engagement.comments c
     LEFT JOIN v_profiles.users u ON u.id = c.author LEFT JOIN v_engagement.counts n ON n.target = c.id
     WHERE c.post = $2 AND NOT c.deleted AND (c.created_at, c.id) > ($3, $4) AND u.active IS NOT FALSE AND NOT ",
    apart!("$1", "c.author"),
    " ORDER BY c.created_at, c.id LIMIT $5"
);

impl Reads {
    pub(super) async fn comments(
        &self,
        viewer: UserId,
        post: PostId,
        page: &PageRequest,
    ) -> Result<Lookup<List<Comment>>, ViewError> {
        let sight = rows(&self.pool, || query(SIGHT).bind(viewer.0).bind(post.0)).await?;
        let Some(sight) = sight.first() else { return Ok(Lookup::Unknown) };
        if !Columns::of(sight).take::<bool>()? {
            return Ok(Lookup::Gone);
        }
        let page = Page::of("comments", page)?;
        let (at, id) = page.behind_ascending();
        let found = rows(&self.pool, || {
            query(COMMENTS).bind(viewer.0).bind(post.0).bind(at).bind(id).bind(page.wanted())
        })
        .await?;
        let mut authors = Authors::default();
        let comments = found.iter().map(|row| {
            let mut columns = Columns::of(row);
            let key = (columns.take()?, columns.take()?);
            let comment = Comment {
                id: CommentId(key.1),
                post_id: post,
                parent_comment_id: columns.take::<Option<_>>()?.map(CommentId),
                author: authors.take(&mut columns)?,
                text: columns.take::<&str>()?.into(),
                created_at: time_of_ms(key.0),
                edited_at: columns.take::<Option<i64>>()?.map(time_of_ms),
                like_count: columns.count()?,
                liked_by_viewer: columns.take()?,
            };
            Ok((key, comment))
        });
        Ok(Lookup::Found(page.list(comments.collect::<Result<_, ViewError>>()?)))
    }
}
