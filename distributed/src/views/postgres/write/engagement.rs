//! Likes and comments, and the counts that derive from them.

use std::collections::{BTreeMap, HashMap, HashSet};

use nova_events::like::Target;
use nova_views::{Change, What};
use sqlx::Row as _;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use super::{ROWS_MAX, Tables, by_key, clean, int};

/// How the counts of a target differ after the step: likes and comments.
type Differences = BTreeMap<Uuid, (i64, i64)>;

pub(super) async fn apply(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let mut differences = Differences::new();
    likes(tables, changes, &mut differences).await?;
    comments(tables, changes, &mut differences).await?;
    differences.retain(|_, difference| *difference != (0, 0));
    let sql = "INSERT INTO {s}.counts AS held (target, likes, comments, n)
               SELECT c.target, c.likes, c.comments, 1
               FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS c (target, likes, comments)
               ON CONFLICT (target) DO UPDATE SET likes = held.likes + excluded.likes,
                   comments = held.comments + excluded.comments, n = held.n + 1";
    let differences: Vec<(Uuid, (i64, i64))> = differences.into_iter().collect();
    for some in differences.chunks(ROWS_MAX) {
        let query = tables
            .sql(sql)
            .bind(some.iter().map(|(target, _)| *target).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, (likes, _))| *likes).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, (_, comments))| *comments).collect::<Vec<_>>());
        query.execute(&mut *tables.db).await?;
    }
    Ok(())
}

struct Like {
    author: Uuid,
    at: i64,
    on: bool,
    v: i64,
}

async fn likes(
    tables: &mut Tables<'_>,
    changes: &[&Change],
    differences: &mut Differences,
) -> sqlx::Result<()> {
    // Only how an edge ends up in the step matters: the counts follow from that.
    let mut edges = BTreeMap::<(Uuid, Uuid), Like>::new();
    for change in changes {
        // Comments, and changes of other views, are left out.
        let What::Like { target, author, user, on, at, .. } = &change.what else { continue };
        let target = match target {
            Target::Post(post) => post.0,
            Target::Comment(comment) => comment.0,
        };
        let v = int(change.version);
        let like = Like { author: author.0, at: at.timestamp_millis(), on: *on, v };
        let last = edges.entry((user.0, target)).or_insert_with(|| Like { ..like });
        if last.v < v {
            *last = like;
        }
    }
    let sql = "WITH changed AS (
                   INSERT INTO {s}.likes AS held (user_id, target, author, at, liked, was, v)
                   SELECT l.user_id, l.target, l.author, l.at, l.liked, false, l.v
                   FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::boolean[], $6::bigint[])
                       AS l (user_id, target, author, at, liked, v)
                   ON CONFLICT (user_id, target) DO UPDATE SET author = excluded.author, at = excluded.at,
                       was = held.liked, liked = excluded.liked, v = excluded.v
                   WHERE excluded.v > held.v
                   RETURNING target, liked, was)
               SELECT target, sum(liked::int - was::int) AS likes FROM changed WHERE liked <> was GROUP BY target";
    let edges: Vec<((Uuid, Uuid), Like)> = edges.into_iter().collect();
    for some in edges.chunks(ROWS_MAX) {
        let likes = || some.iter().map(|(_, like)| like);
        let query = tables
            .sql(sql)
            .bind(some.iter().map(|((user, _), _)| *user).collect::<Vec<_>>())
            .bind(some.iter().map(|((_, target), _)| *target).collect::<Vec<_>>())
            .bind(likes().map(|like| like.author).collect::<Vec<_>>())
            .bind(likes().map(|like| like.at).collect::<Vec<_>>())
            .bind(likes().map(|like| like.on).collect::<Vec<_>>())
            .bind(likes().map(|like| like.v).collect::<Vec<_>>());
        for row in query.fetch_all(&mut *tables.db).await? {
            differences.entry(row.try_get(0)?).or_default().0 += row.try_get::<i64, _>(1)?;
        }
    }
    Ok(())
}

#[derive(Debug, Clone)]
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

async fn comments(
    tables: &mut Tables<'_>,
    changes: &[&Change],
    differences: &mut Differences,
) -> sqlx::Result<()> {
    for comments in by_key(changes, |change| comment_of(&change.what)).chunks(ROWS_MAX) {
        let new: Vec<(Uuid, Comment)> =
            comments.iter().filter_map(|(id, changes)| Some((*id, after(None, changes)?))).collect();
        let inserted = insert(tables, &new).await?;
        for (_, comment) in new.iter().filter(|(id, _)| inserted.contains(id)) {
            differences.entry(comment.post).or_default().1 += i64::from(!comment.deleted);
        }
        let rest: Vec<&(Uuid, Vec<&Change>)> =
            comments.iter().filter(|(id, _)| !inserted.contains(id)).collect();
        let held = load(tables, rest.iter().map(|(id, _)| *id).collect()).await?;
        let mut updates = Vec::with_capacity(held.len());
        for (id, changes) in rest {
            let Some(before) = held.get(id) else { continue };
            let Some(comment) = after(Some(before), changes) else { continue };
            if comment.v > before.v {
                let difference = i64::from(!comment.deleted) - i64::from(!before.deleted);
                differences.entry(comment.post).or_default().1 += difference;
                updates.push((*id, comment));
            }
        }
        update(tables, &updates).await?;
    }
    Ok(())
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

fn after(before: Option<&Comment>, changes: &[&Change]) -> Option<Comment> {
    let mut comment = before.cloned();
    for change in changes {
        if comment.as_ref().is_none_or(|comment| int(change.version) > comment.v) {
            comment = changed(comment, change);
        }
    }
    comment
}

fn changed(comment: Option<Comment>, change: &Change) -> Option<Comment> {
    let v = int(change.version);
    if let What::Comment { post, post_author, parent, author, text, created_at, .. } = &change.what {
        return Some(Comment {
            post: post.0,
            post_author: post_author.0,
            parent: parent.map(|id| id.0),
            author: author.0,
            text: text.as_deref().map(|text| clean(text).into_owned()),
            created_at: created_at.timestamp_millis(),
            edited_at: None,
            deleted: false,
            v,
        });
    }
    let mut comment = Comment { v, ..comment? };
    match &change.what {
        What::CommentText { text, edited_at, .. } => {
            comment.text = text.as_deref().map(|text| clean(text).into_owned());
            comment.edited_at = Some(edited_at.timestamp_millis());
        }
        What::CommentDeleted { deleted, .. } => comment.deleted = *deleted,
        // Likes, and changes of other views.
        _ => {}
    }
    Some(comment)
}

/// Returns those that were not there.
async fn insert(tables: &mut Tables<'_>, comments: &[(Uuid, Comment)]) -> sqlx::Result<HashSet<Uuid>> {
    if comments.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = "INSERT INTO {s}.comments
                   (id, text, edited_at, deleted, v, post, post_author, parent, author, created_at)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[], $6::uuid[],
                   $7::uuid[], $8::uuid[], $9::uuid[], $10::bigint[])
               ON CONFLICT (id) DO NOTHING RETURNING id";
    let all = || comments.iter().map(|(_, comment)| comment);
    let query = bound(tables, sql, comments)
        .bind(all().map(|comment| comment.post).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.post_author).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.parent).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.author).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.created_at).collect::<Vec<_>>());
    let rows = query.fetch_all(&mut *tables.db).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn update(tables: &mut Tables<'_>, comments: &[(Uuid, Comment)]) -> sqlx::Result<()> {
    if comments.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE {s}.comments AS held
               SET text = c.text, edited_at = c.edited_at, deleted = c.deleted, v = c.v
               FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[])
                   AS c (id, text, edited_at, deleted, v)
               WHERE held.id = c.id";
    bound(tables, sql, comments).execute(&mut *tables.db).await.map(|_| ())
}

/// What may change of a comment.
fn bound<'a>(
    tables: &Tables<'_>,
    sql: &str,
    comments: &'a [(Uuid, Comment)],
) -> Query<'a, sqlx::Postgres, PgArguments> {
    let all = || comments.iter().map(|(_, comment)| comment);
    tables
        .sql(sql)
        .bind(comments.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.text.as_deref()).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.edited_at).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.deleted).collect::<Vec<_>>())
        .bind(all().map(|comment| comment.v).collect::<Vec<_>>())
}

async fn load(tables: &mut Tables<'_>, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, Comment>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT id, post, post_author, parent, author, text, created_at, edited_at, deleted, v
               FROM {s}.comments WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    let rows = tables.sql(sql).bind(ids).fetch_all(&mut *tables.db).await?;
    rows.iter()
        .map(|row| {
            let comment = Comment {
                post: row.try_get(1)?,
                post_author: row.try_get(2)?,
                parent: row.try_get(3)?,
                author: row.try_get(4)?,
                text: row.try_get(5)?,
                created_at: row.try_get(6)?,
                edited_at: row.try_get(7)?,
                deleted: row.try_get(8)?,
                v: row.try_get(9)?,
            };
            Ok((row.try_get(0)?, comment))
        })
        .collect()
}
