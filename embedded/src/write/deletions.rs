//! The audit of deletions.

use nova_views::{Change, Entity, What};
use rusqlite::{Connection, params};

use super::{Touched, blob, int};

pub(super) fn apply(db: &Connection, changes: &[Change], _touched: &mut Touched) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT OR IGNORE INTO deletions
            (v, entity, id, owner, deleted_at, deleted_by, reason, correlation, causation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let mut restore = db.prepare_cached(
        "UPDATE deletions SET restored_at = ?4
         WHERE entity = ?1 AND id = ?2 AND v < ?3 AND restored_at IS NULL AND v > coalesce(
            (SELECT max(v) FROM deletions WHERE entity = ?1 AND id = ?2 AND v < ?3 AND deleted_by = ?5), 0)",
    )?;
    for change in changes {
        match &change.what {
            What::Deletion {
                entity,
                id,
                owner,
                deleted_at,
                deleted_by,
                reason,
                correlation_id,
                causation_id,
            } => {
                insert.execute(params![
                    int(change.version),
                    entity_code(*entity),
                    blob(id),
                    blob(&owner.0),
                    deleted_at.timestamp_millis(),
                    deleted_by.map(|by| *by.0.as_bytes()),
                    reason,
                    blob(correlation_id),
                    causation_id.map(|id| *id.as_bytes()),
                ])?;
            }
            What::Restoration { entity, id, restored_at, still_deleted_by } => {
                restore.execute(params![
                    entity_code(*entity),
                    blob(id),
                    int(change.version),
                    restored_at.timestamp_millis(),
                    still_deleted_by.map(|by| *by.0.as_bytes())
                ])?;
            }
            // Changes of other views.
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn entity_code(entity: Entity) -> i64 {
    match entity {
        Entity::User => 0,
        Entity::Post => 1,
        Entity::Comment => 2,
        Entity::Message => 3,
    }
}

pub(crate) fn entity(code: i64) -> Option<Entity> {
    [Entity::User, Entity::Post, Entity::Comment, Entity::Message]
        .into_iter()
        .find(|entity| entity_code(*entity) == code)
}
