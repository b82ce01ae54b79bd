//! Posts, how many each author has, and the words of their texts.

use std::collections::{BTreeMap, HashMap, HashSet};

use nova_events::post::Visibility;
use nova_views::{Change, What};
use sqlx::Row as _;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use super::{ROWS_MAX, Tables, by_key, clean, differences, int};
use crate::views::postgres::words;

const THERE: i16 = 0;
const DELETED: i16 = 1;
const PURGED: i16 = 2;

#[derive(Debug, Clone)]
struct Row {
    author: Uuid,
    visibility: i16,
    media: Vec<u8>,
    text: Option<String>,
    created_at: i64,
    edited_at: Option<i64>,
    state: i16,
    deleted_at: Option<i64>,
    v: i64,
}

pub(super) async fn apply(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let mut counts = BTreeMap::<Uuid, i64>::new();
    for posts in by_key(changes, |change| post_of(&change.what)).chunks(ROWS_MAX) {
        let new: Vec<(Uuid, Row)> =
            posts.iter().filter_map(|(post, changes)| Some((*post, after(None, changes)?))).collect();
        let inserted = insert(tables, &new).await?;
        for (_, row) in new.iter().filter(|(post, _)| inserted.contains(post)) {
            *counts.entry(row.author).or_default() += i64::from(row.state == THERE);
        }
        let rest: Vec<&(Uuid, Vec<&Change>)> =
            posts.iter().filter(|(post, _)| !inserted.contains(post)).collect();
        let held = load(tables, rest.iter().map(|(post, _)| *post).collect()).await?;
        let mut updates = Vec::with_capacity(held.len());
        for (post, changes) in rest {
            let Some(before) = held.get(post) else { continue };
            let Some(row) = after(Some(before), changes) else { continue };
            if row.v > before.v {
                let difference = i64::from(row.state == THERE) - i64::from(before.state == THERE);
                *counts.entry(row.author).or_default() += difference;
                updates.push((*post, row));
            }
        }
        update(tables, &updates).await?;
    }
    count(tables, counts).await
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

fn after(before: Option<&Row>, changes: &[&Change]) -> Option<Row> {
    let mut row = before.cloned();
    for change in changes {
        if row.as_ref().is_none_or(|row| int(change.version) > row.v) {
            row = changed(row, change);
        }
    }
    row
}

/// What comes of a post before it was published has no place to be kept, and cannot come: one stream has it all, in
/// order.
fn changed(row: Option<Row>, change: &Change) -> Option<Row> {
    let v = int(change.version);
    if let What::Post { author, visibility, media, text, created_at, .. } = &change.what {
        return Some(Row {
            author: author.0,
            visibility: visibility_code(*visibility),
            media: nova_views::media::pack(media),
            text: text.as_deref().map(|text| clean(text).into_owned()),
            created_at: created_at.timestamp_millis(),
            edited_at: None,
            state: THERE,
            deleted_at: None,
            v,
        });
    }
    let mut row = Row { v, ..row? };
    match &change.what {
        What::PostText { text, edited_at, .. } if row.state != PURGED => {
            row.text = text.as_deref().map(|text| clean(text).into_owned());
            row.edited_at = Some(edited_at.timestamp_millis());
        }
        What::PostDeleted { deleted, at, .. } if row.state != PURGED => {
            row.state = if *deleted { DELETED } else { THERE };
            row.deleted_at = deleted.then_some(at.timestamp_millis());
        }
        What::PostPurged { .. } => {
            row.state = PURGED;
            row.text = None;
            row.media = Vec::new();
        }
        // What is said of a purged one, and changes of other views.
        _ => {}
    }
    Some(row)
}

fn visibility_code(visibility: Visibility) -> i16 {
    match visibility {
        Visibility::Public => 0,
        Visibility::Followers => 1,
        Visibility::Private => 2,
    }
}

/// Returns those that were not there.
async fn insert(tables: &mut Tables<'_>, posts: &[(Uuid, Row)]) -> sqlx::Result<HashSet<Uuid>> {
    if posts.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = "INSERT INTO {s}.posts
                   (id, author, visibility, media, text, created_at, edited_at, state, deleted_at, v, tsv)
               SELECT id, author, visibility, media, text, created_at, edited_at, state, deleted_at, v,
                   tsv::tsvector
               FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bytea[], $5::text[], $6::bigint[],
                       $7::bigint[], $8::smallint[], $9::bigint[], $10::bigint[], $11::text[])
                   AS p (id, author, visibility, media, text, created_at, edited_at, state, deleted_at, v, tsv)
               ON CONFLICT (id) DO NOTHING RETURNING id";
    let rows = bound(tables, sql, posts).fetch_all(&mut *tables.db).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn update(tables: &mut Tables<'_>, posts: &[(Uuid, Row)]) -> sqlx::Result<()> {
    if posts.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE {s}.posts AS held SET author = p.author, visibility = p.visibility, media = p.media,
                   text = p.text, created_at = p.created_at, edited_at = p.edited_at, state = p.state,
                   deleted_at = p.deleted_at, v = p.v, tsv = p.tsv::tsvector
               FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bytea[], $5::text[], $6::bigint[],
                       $7::bigint[], $8::smallint[], $9::bigint[], $10::bigint[], $11::text[])
                   AS p (id, author, visibility, media, text, created_at, edited_at, state, deleted_at, v, tsv)
               WHERE held.id = p.id";
    bound(tables, sql, posts).execute(&mut *tables.db).await.map(|_| ())
}

fn bound<'a>(
    tables: &Tables<'_>,
    sql: &str,
    posts: &'a [(Uuid, Row)],
) -> Query<'a, sqlx::Postgres, PgArguments> {
    let rows = || posts.iter().map(|(_, row)| row);
    tables
        .sql(sql)
        .bind(posts.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(rows().map(|row| row.author).collect::<Vec<_>>())
        .bind(rows().map(|row| row.visibility).collect::<Vec<_>>())
        .bind(rows().map(|row| row.media.as_slice()).collect::<Vec<_>>())
        .bind(rows().map(|row| row.text.as_deref()).collect::<Vec<_>>())
        .bind(rows().map(|row| row.created_at).collect::<Vec<_>>())
        .bind(rows().map(|row| row.edited_at).collect::<Vec<_>>())
        .bind(rows().map(|row| row.state).collect::<Vec<_>>())
        .bind(rows().map(|row| row.deleted_at).collect::<Vec<_>>())
        .bind(rows().map(|row| row.v).collect::<Vec<_>>())
        .bind(rows().map(Row::vector).collect::<Vec<_>>())
}

impl Row {
    /// The words of what can be found.
    fn vector(&self) -> Option<String> {
        let text = self.text.as_deref().filter(|_| self.state == THERE)?;
        Some(words::vector(text, None))
    }
}

async fn load(tables: &mut Tables<'_>, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, Row>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT id, author, visibility, media, text, created_at, edited_at, state, deleted_at, v FROM {s}.posts
               WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    let rows = tables.sql(sql).bind(ids).fetch_all(&mut *tables.db).await?;
    rows.iter()
        .map(|row| {
            let post = Row {
                author: row.try_get(1)?,
                visibility: row.try_get(2)?,
                media: row.try_get(3)?,
                text: row.try_get(4)?,
                created_at: row.try_get(5)?,
                edited_at: row.try_get(6)?,
                state: row.try_get(7)?,
                deleted_at: row.try_get(8)?,
                v: row.try_get(9)?,
            };
            Ok((row.try_get(0)?, post))
        })
        .collect()
}

async fn count(tables: &mut Tables<'_>, counts: BTreeMap<Uuid, i64>) -> sqlx::Result<()> {
    let (authors, posts) = differences(counts);
    if authors.is_empty() {
        return Ok(());
    }
    let sql =
        "INSERT INTO {s}.author_counts AS held (author, posts) SELECT * FROM unnest($1::uuid[], $2::bigint[])
               ON CONFLICT (author) DO UPDATE SET posts = held.posts + excluded.posts";
    tables.sql(sql).bind(authors).bind(posts).execute(&mut *tables.db).await.map(|_| ())
}
