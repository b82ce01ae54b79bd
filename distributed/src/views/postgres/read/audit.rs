//! Deletions, for auditors and for the purge.

use chrono::{DateTime, Utc};
use nova_events::envelope::time_of_ms;
use nova_events::{PostId, UserId};
use nova_views::{Cursor, Deletion, DeletionQuery, Entity, List, PageRequest, ViewError};
use sqlx::postgres::PgRow;
use sqlx::query;
use uuid::Uuid;

use super::Reads;
use super::ask::{Columns, rows};
use super::lists::limit_of;

/// `$4`, `$5`: an entity and a time that they were in force at, or null. `$6`: who deleted.
macro_rules! deletions {
    ($of:literal) => {
        concat!(
            "SELECT entity, id, owner, deleted_at, deleted_by, reason, correlation, causation, restored_at, v
             FROM v_deletions.deletions
             WHERE (deleted_at, v) < ($1, $2)
               AND ($4::smallint IS NULL OR entity = $4)
               AND ($5::bigint IS NULL
                    OR (deleted_at <= $5 AND (restored_at IS NULL OR restored_at > $5)))",
            $of,
            " ORDER BY deleted_at DESC, v DESC LIMIT $3"
        )
    };
}

const DELETIONS: &str = deletions!("");
const DELETIONS_BY: &str = deletions!(" AND deleted_by = $6");

const TO_PURGE: &str =
    "SELECT id FROM v_posts.posts WHERE state = 1 AND deleted_at < $1 ORDER BY deleted_at, id LIMIT $2";

impl Reads {
    pub(super) async fn deletions(
        &self,
        asked: &DeletionQuery,
        page: &PageRequest,
    ) -> Result<List<Deletion>, ViewError> {
        let after: Option<(i64, i64)> =
            page.cursor.as_ref().map(|cursor| cursor.unpack("deletions")).transpose()?;
        let (at, v) = after.unwrap_or((i64::MAX, i64::MAX));
        let limit = limit_of(page);
        let found = rows(&self.pool, || {
            let sql = if asked.deleted_by.is_some() { DELETIONS_BY } else { DELETIONS };
            let question = query(sql)
                .bind(at)
                .bind(v)
                .bind(limit as i64 + 1)
                .bind(asked.entity.map(entity_code))
                .bind(asked.as_of.map(|at| at.timestamp_millis()));
            match asked.deleted_by {
                Some(by) => question.bind(by.0),
                None => question,
            }
        })
        .await?;
        let mut items = found.iter().map(deletion).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next = last.map(|last| {
            Cursor::pack("deletions", &(last.deleted_at.timestamp_millis(), last.position as i64))
        });
        Ok(List { items, next })
    }

    pub(super) async fn purgeable_posts(
        &self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<PostId>, ViewError> {
        let (before_ms, limit) =
            (deleted_before.timestamp_millis(), i64::try_from(limit).unwrap_or(i64::MAX));
        let found = rows(&self.pool, || query(TO_PURGE).bind(before_ms).bind(limit)).await?;
        found.iter().map(|row| Columns::of(row).take().map(PostId)).collect()
    }
}

fn deletion(row: &PgRow) -> Result<Deletion, ViewError> {
    let mut columns = Columns::of(row);
    let code: i16 = columns.take()?;
    let entity = [Entity::User, Entity::Post, Entity::Comment, Entity::Message]
        .into_iter()
        .find(|entity| entity_code(*entity) == code)
        .ok_or_else(|| ViewError::Corrupt("PostgreSQL: a deletion of an unknown kind of thing".to_owned()))?;
    Ok(Deletion {
        entity,
        id: columns.take()?,
        owner_id: UserId(columns.take()?),
        deleted_at: time_of_ms(columns.take()?),
        deleted_by: columns.take::<Option<Uuid>>()?.map(UserId),
        reason: columns.take()?,
        correlation_id: columns.take()?,
        causation_id: columns.take()?,
        restored_at: columns.take::<Option<i64>>()?.map(time_of_ms),
        position: columns.count()?,
    })
}

fn entity_code(entity: Entity) -> i16 {
    match entity {
        Entity::User => 0,
        Entity::Post => 1,
        Entity::Comment => 2,
        Entity::Message => 3,
    }
}
