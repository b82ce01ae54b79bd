//! The audit of deletions.

use std::collections::BTreeMap;

use nova_views::{Change, Entity, What};
use uuid::Uuid;

use super::{ROWS_MAX, Tables, clean, int};

struct Deletion<'a> {
    entity: i16,
    id: Uuid,
    owner: Uuid,
    deleted_at: i64,
    deleted_by: Option<Uuid>,
    reason: Option<std::borrow::Cow<'a, str>>,
    correlation: Uuid,
    causation: Option<Uuid>,
}

struct Restoration {
    v: i64,
    entity: i16,
    id: Uuid,
    restored_at: i64,
    still_deleted_by: Option<Uuid>,
}

pub(super) async fn apply(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let (mut deletions, mut restorations) = (BTreeMap::new(), Vec::new());
    for change in changes {
        let v = int(change.version);
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
                deletions.entry(v).or_insert_with(|| Deletion {
                    entity: entity_code(*entity),
                    id: *id,
                    owner: owner.0,
                    deleted_at: deleted_at.timestamp_millis(),
                    deleted_by: deleted_by.map(|by| by.0),
                    reason: reason.as_deref().map(clean),
                    correlation: *correlation_id,
                    causation: *causation_id,
                });
            }
            What::Restoration { entity, id, restored_at, still_deleted_by } => {
                let (entity, restored_at) = (entity_code(*entity), restored_at.timestamp_millis());
                let still_deleted_by = still_deleted_by.map(|by| by.0);
                restorations.push(Restoration { v, entity, id: *id, restored_at, still_deleted_by });
            }
            // Changes of other views.
            _ => {}
        }
    }
    let deletions: Vec<(i64, Deletion<'_>)> = deletions.into_iter().collect();
    for some in deletions.chunks(ROWS_MAX) {
        insert(tables, some).await?;
    }
    restorations.sort_unstable_by_key(|restoration| restoration.v);
    for some in restorations.chunks(ROWS_MAX) {
        restore(tables, some).await?;
    }
    Ok(())
}

async fn insert(tables: &mut Tables<'_>, some: &[(i64, Deletion<'_>)]) -> sqlx::Result<()> {
    let sql = "INSERT INTO {s}.deletions
                   (v, entity, id, owner, deleted_at, deleted_by, reason, correlation, causation)
               SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::uuid[],
                   $7::text[], $8::uuid[], $9::uuid[])
               ON CONFLICT (v) DO NOTHING";
    let all = || some.iter().map(|(_, deletion)| deletion);
    let query = tables
        .sql(sql)
        .bind(some.iter().map(|(v, _)| *v).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.entity).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.id).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.owner).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.deleted_at).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.deleted_by).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.reason.as_deref()).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.correlation).collect::<Vec<_>>())
        .bind(all().map(|deletion| deletion.causation).collect::<Vec<_>>());
    query.execute(&mut *tables.db).await.map(|_| ())
}

/// The first that undoes a deletion is kept.
async fn restore(tables: &mut Tables<'_>, some: &[Restoration]) -> sqlx::Result<()> {
    let sql = "UPDATE {s}.deletions AS held SET restored_at = undone.restored_at
               FROM (SELECT DISTINCT ON (d.v) d.v, r.restored_at
                     FROM unnest($1::bigint[], $2::smallint[], $3::uuid[], $4::bigint[], $5::uuid[])
                         AS r (v, entity, id, restored_at, still_deleted_by)
                     JOIN {s}.deletions d ON d.entity = r.entity AND d.id = r.id AND d.v < r.v
                         AND d.restored_at IS NULL AND d.v > coalesce(
                             (SELECT max(u.v) FROM {s}.deletions u WHERE u.entity = r.entity AND u.id = r.id
                                AND u.v < r.v AND u.deleted_by = r.still_deleted_by), 0)
                     ORDER BY d.v, r.v) AS undone
               WHERE held.v = undone.v";
    let query = tables
        .sql(sql)
        .bind(some.iter().map(|restoration| restoration.v).collect::<Vec<_>>())
        .bind(some.iter().map(|restoration| restoration.entity).collect::<Vec<_>>())
        .bind(some.iter().map(|restoration| restoration.id).collect::<Vec<_>>())
        .bind(some.iter().map(|restoration| restoration.restored_at).collect::<Vec<_>>())
        .bind(some.iter().map(|restoration| restoration.still_deleted_by).collect::<Vec<_>>());
    query.execute(&mut *tables.db).await.map(|_| ())
}

fn entity_code(entity: Entity) -> i16 {
    match entity {
        Entity::User => 0,
        Entity::Post => 1,
        Entity::Comment => 2,
        Entity::Message => 3,
    }
}
