//! Posts as cards.

use std::collections::HashMap;
use std::sync::Arc;

use nova_events::envelope::time_of_ms;
use nova_events::post::Visibility;
use nova_events::{MediaId, PostId, UserId};
use nova_views::{Author, List, Lookup, MediaRef, PageRequest, PostCard, ViewError};
use sqlx::postgres::PgRow;
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::lists::Page;
use super::people::{apart, follows};

/// The columns that [`Cards::card`] reads, for the viewer `$1`. An author whose registration has not come yet (or is
/// parked) has no name.
macro_rules! card {
    () => {
        "p.id, p.author, coalesce(u.handle, ''), coalesce(u.display_name, ''), coalesce(p.text, ''), p.media,
         p.visibility, p.created_at, p.edited_at, coalesce(c.likes, 0), coalesce(c.comments, 0),
         (SELECT l.liked FROM v_engagement.likes l WHERE l.user_id = $1 AND l.target = p.id) IS TRUE"
    };
}

/// What the columns of a card come from, besides `p`.
macro_rules! of_card {
    () => {
        "LEFT JOIN v_profiles.users u ON u.id = p.author LEFT JOIN v_engagement.counts c ON c.target = p.id"
    };
}

/// Whether the viewer `$1` may know of the post `p`. What is not a known visibility is seen by nobody but the author.
macro_rules! may_see {
    () => {
        concat!(
            "((p.author = $1 OR p.visibility = 0 OR (p.visibility = 1 AND ",
            follows!("$1", "p.author"),
            ")) AND NOT ",
            apart!("$1", "p.author"),
            ")"
        )
    };
}

pub(super) use may_see;

const POST: &str = concat!(
    "SELECT p.state = 0 AND u.active IS NOT FALSE, ",
    card!(),
    " FROM v_posts.posts p ",
    of_card!(),
    " WHERE p.id = $2 AND ",
    may_see!()
);

const CARDS: &str = concat!(
    "SELECT ",
    card!(),
    " FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (id, place)
     JOIN v_posts.posts p ON p.id = wanted.id ",
    of_card!(),
    " WHERE p.state = 0 AND u.active IS NOT FALSE AND ",
    may_see!(),
    " ORDER BY wanted.place"
);

const POSTS_OF: &str = concat!(
    "SELECT ",
    card!(),
    " FROM v_posts.posts p ",
    of_card!(),
    " WHERE p.author = $2 AND p.state = 0 AND (p.created_at, p.id) < ($3, $4) AND u.active IS NOT FALSE AND ",
    may_see!(),
    " ORDER BY p.created_at DESC, p.id DESC LIMIT $5"
);

impl Reads {
    pub(super) async fn post(&self, viewer: UserId, post: PostId) -> Result<Lookup<PostCard>, ViewError> {
        let found = rows(&self.pool, || query(POST).bind(viewer.0).bind(post.0)).await?;
        let Some(row) = found.first() else { return Ok(Lookup::Unknown) };
        let mut columns = Columns::of(row);
        if !columns.take::<bool>()? {
            return Ok(Lookup::Gone);
        }
        Cards::default().card(&mut columns).map(Lookup::Found)
    }

    /// What the viewer may see of these now, in the order asked.
    pub(super) async fn cards(&self, viewer: UserId, posts: &[Uuid]) -> Result<Vec<PostCard>, ViewError> {
        if posts.is_empty() {
            return Ok(Vec::new());
        }
        cards_of(&rows(&self.pool, || query(CARDS).bind(viewer.0).bind(posts)).await?)
    }

    pub(super) async fn posts_of(
        &self,
        viewer: UserId,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Lookup<List<PostCard>>, ViewError> {
        match self.person(viewer, user).await? {
            Lookup::Unknown => return Ok(Lookup::Unknown),
            Lookup::Gone => return Ok(Lookup::Gone),
            Lookup::Found(()) => {}
        }
        let page = Page::of("posts", page)?;
        let (at, id) = page.behind();
        let question = || query(POSTS_OF).bind(viewer.0).bind(user.0).bind(at).bind(id).bind(page.wanted());
        let cards = cards_of(&rows(&self.pool, question).await?)?;
        Ok(Lookup::Found(page.list(cards.into_iter().map(keyed).collect())))
    }
}

/// A card with its key in a list by time.
fn keyed(card: PostCard) -> ((i64, Uuid), PostCard) {
    ((card.created_at.timestamp_millis(), card.id.0), card)
}

fn cards_of(rows: &[PgRow]) -> Result<Vec<PostCard>, ViewError> {
    let mut cards = Cards::default();
    rows.iter().map(|row| cards.card(&mut Columns::of(row))).collect()
}

/// The authors of an answer, each held once.
#[derive(Default)]
pub(super) struct Authors(HashMap<Uuid, Arc<Author>>);

impl Authors {
    /// Reads an id, a handle and a name.
    pub(super) fn take(&mut self, columns: &mut Columns<'_>) -> Result<Arc<Author>, ViewError> {
        let id: Uuid = columns.take()?;
        let (handle, display_name): (&str, &str) = (columns.take()?, columns.take()?);
        let author = self.0.entry(id).or_insert_with(|| {
            let (handle, display_name) = (handle.to_owned(), display_name.to_owned());
            Arc::new(Author { id: UserId(id), handle, display_name })
        });
        Ok(Arc::clone(author))
    }
}

#[derive(Default)]
struct Cards {
    authors: Authors,
}

impl Cards {
    fn card(&mut self, columns: &mut Columns<'_>) -> Result<PostCard, ViewError> {
        Ok(PostCard {
            id: PostId(columns.take()?),
            author: self.authors.take(columns)?,
            text: columns.take::<&str>()?.into(),
            media: nova_views::media::unpack(columns.take::<&[u8]>()?).collect(),
            visibility: visibility(columns.take()?),
            created_at: time_of_ms(columns.take()?),
            edited_at: columns.take::<Option<i64>>()?.map(time_of_ms),
            like_count: columns.count()?,
            comment_count: columns.count()?,
            share_count: 0,
            liked_by_viewer: columns.take()?,
        })
    }
}

fn visibility(code: i16) -> Visibility {
    match code {
        0 => Visibility::Public,
        1 => Visibility::Followers,
        _ => Visibility::Private,
    }
}

pub(super) fn media(id: Uuid, kind: &str) -> MediaRef {
    MediaRef { id: MediaId(id), kind: kind.to_owned(), url: format!("/api/v1/media/{id}") }
}
