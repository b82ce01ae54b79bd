//! Deletions, for auditors and for the purge.

use chrono::{DateTime, Utc};
use nova_events::envelope::time_of_ms;
use nova_events::{PostId, UserId};
use nova_views::{Cursor, Deletion, DeletionQuery, List, PageRequest};
use rusqlite::params;
use uuid::Uuid;

use super::{Ask, Asked, limit_of};
use crate::write::{DELETIONS, POSTS, entity, entity_code};

impl Ask<'_> {
    pub(super) fn deletions(&mut self, query: &DeletionQuery, page: &PageRequest) -> Asked<List<Deletion>> {
        let after: Option<(i64, i64)> =
            page.cursor.as_ref().map(|cursor| cursor.unpack("deletions")).transpose()?;
        let (at, v) = after.unwrap_or((i64::MAX, i64::MAX));
        let limit = limit_of(page);
        let mut items = self.query(DELETIONS, |db| {
            let mut sql =
                "SELECT v, entity, id, owner, deleted_at, deleted_by, reason, correlation, causation,
                                  restored_at
                           FROM deletions WHERE (deleted_at, v) < (?1, ?2)"
                    .to_owned();
            if query.entity.is_some() {
                sql.push_str(" AND entity = ?4");
            }
            if query.deleted_by.is_some() {
                sql.push_str(" AND deleted_by = ?5");
            }
            if query.as_of.is_some() {
                sql.push_str(" AND deleted_at <= ?6 AND (restored_at IS NULL OR restored_at > ?6)");
            }
            sql.push_str(" AND ?4 IS ?4 AND ?5 IS ?5 AND ?6 IS ?6");
            sql.push_str(" ORDER BY deleted_at DESC, v DESC LIMIT ?3");
            let mut statement = db.prepare_cached(&sql)?;
            let values = params![
                at,
                v,
                limit as i64 + 1,
                query.entity.map(entity_code),
                query.deleted_by.map(|by| *by.0.as_bytes()),
                query.as_of.map(|at| at.timestamp_millis()),
            ];
            statement.query_map(values, read)?.collect::<rusqlite::Result<Vec<Deletion>>>()
        })?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next = last.map(|last| {
            Cursor::pack("deletions", &(last.deleted_at.timestamp_millis(), last.position as i64))
        });
        Ok(List { items, next })
    }

    pub(super) fn purgeable_posts(
        &mut self,
        deleted_before: DateTime<Utc>,
        limit: usize,
    ) -> Asked<Vec<PostId>> {
        self.query(POSTS, |db| {
            let sql = "SELECT id FROM posts WHERE state = 1 AND deleted_at < ?1
                       ORDER BY deleted_at, id LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let values = params![deleted_before.timestamp_millis(), limit as i64];
            statement.query_map(values, |row| Ok(PostId(Uuid::from_bytes(row.get(0)?))))?.collect()
        })
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Deletion> {
    let code: i64 = row.get(1)?;
    let id = |column: usize| row.get(column).map(Uuid::from_bytes);
    let optional_id =
        |column: usize| row.get::<_, Option<[u8; 16]>>(column).map(|id| id.map(Uuid::from_bytes));
    Ok(Deletion {
        entity: entity(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, code))?,
        id: id(2)?,
        owner_id: UserId(id(3)?),
        deleted_at: time_of_ms(row.get(4)?),
        deleted_by: optional_id(5)?.map(UserId),
        reason: row.get(6)?,
        correlation_id: id(7)?,
        causation_id: optional_id(8)?,
        restored_at: row.get::<_, Option<i64>>(9)?.map(time_of_ms),
        position: row.get::<_, i64>(0)? as u64,
    })
}
