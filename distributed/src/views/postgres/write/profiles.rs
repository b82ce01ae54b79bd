//! People. All changes of one come from one stream, in order.

use nova_views::{Change, What};
use sqlx::Row as _;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

use super::{ROWS_MAX, Tables, by_key, clean, int};

#[derive(Debug, Clone)]
struct Row {
    handle: String,
    display_name: String,
    bio: Option<String>,
    created_at: Option<i64>,
    active: bool,
    v: i64,
}

pub(super) async fn apply(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    for users in by_key(changes, |change| user_of(&change.what)).chunks(ROWS_MAX) {
        let new: Vec<(Uuid, Row)> = users
            .iter()
            .filter_map(|(user, changes)| Some((*user, changed(Row::unknown(), changes)?)))
            .collect();
        let inserted = insert(tables, &new).await?;
        let rest: Vec<&(Uuid, Vec<&Change>)> =
            users.iter().filter(|(user, _)| !inserted.contains(user)).collect();
        let ids: Vec<Uuid> = rest.iter().map(|(user, _)| *user).collect();
        let mut held = load(tables, ids).await?;
        let updates: Vec<(Uuid, Row)> = rest
            .into_iter()
            .filter_map(|(user, changes)| Some((*user, changed(held.remove(user)?, changes)?)))
            .collect();
        update(tables, &updates).await?;
    }
    Ok(())
}

fn user_of(what: &What) -> Option<Uuid> {
    match what {
        What::Registered { user, .. } | What::ProfileIs { user, .. } | What::UserActive { user, .. } => {
            Some(user.0)
        }
        // Changes of other views.
        _ => None,
    }
}

/// `None`: nothing of it is newer.
fn changed(mut row: Row, changes: &[&Change]) -> Option<Row> {
    let before = row.v;
    for change in changes {
        if int(change.version) > row.v {
            row.v = int(change.version);
            row.change(&change.what);
        }
    }
    (row.v > before).then_some(row)
}

impl Row {
    fn unknown() -> Self {
        let (handle, display_name) = Default::default();
        Self { handle, display_name, bio: None, created_at: None, active: true, v: 0 }
    }

    fn change(&mut self, what: &What) {
        match what {
            What::Registered { created_at, profile, .. } => {
                self.created_at = Some(created_at.timestamp_millis());
                self.show(profile.as_ref());
            }
            What::ProfileIs { profile, .. } => self.show(profile.as_ref()),
            What::UserActive { active, .. } => self.active = *active,
            // Changes of other views.
            _ => {}
        }
    }

    fn show(&mut self, profile: Option<&nova_events::user::Profile>) {
        self.handle = profile.map(|p| clean(&p.handle).into_owned()).unwrap_or_default();
        self.display_name = profile.map(|p| clean(&p.display_name).into_owned()).unwrap_or_default();
        self.bio = profile.and_then(|p| p.bio.as_deref()).map(|bio| clean(bio).into_owned());
    }
}

/// Returns those that were not there.
async fn insert(tables: &mut Tables<'_>, users: &[(Uuid, Row)]) -> sqlx::Result<HashSet<Uuid>> {
    let sql = "INSERT INTO {s}.users (id, handle, display_name, bio, created_at, active, v)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[],
                   $7::bigint[])
               ON CONFLICT (id) DO NOTHING RETURNING id";
    let rows = bound(tables, sql, users).fetch_all(&mut *tables.db).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn update(tables: &mut Tables<'_>, users: &[(Uuid, Row)]) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE {s}.users AS held SET handle = u.handle, display_name = u.display_name, bio = u.bio,
                   created_at = u.created_at, active = u.active, v = u.v
               FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::bigint[])
                   AS u (id, handle, display_name, bio, created_at, active, v)
               WHERE held.id = u.id";
    bound(tables, sql, users).execute(&mut *tables.db).await.map(|_| ())
}

fn bound<'a>(
    tables: &Tables<'_>,
    sql: &str,
    users: &'a [(Uuid, Row)],
) -> sqlx::query::Query<'a, sqlx::Postgres, sqlx::postgres::PgArguments> {
    tables
        .sql(sql)
        .bind(users.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(users.iter().map(|(_, user)| &*user.handle).collect::<Vec<_>>())
        .bind(users.iter().map(|(_, user)| &*user.display_name).collect::<Vec<_>>())
        .bind(users.iter().map(|(_, user)| user.bio.as_deref()).collect::<Vec<_>>())
        .bind(users.iter().map(|(_, user)| user.created_at).collect::<Vec<_>>())
        .bind(users.iter().map(|(_, user)| user.active).collect::<Vec<_>>())
        .bind(users.iter().map(|(_, user)| user.v).collect::<Vec<_>>())
}

async fn load(tables: &mut Tables<'_>, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, Row>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT id, handle, display_name, bio, created_at, active, v FROM {s}.users
               WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    let rows = tables.sql(sql).bind(ids).fetch_all(&mut *tables.db).await?;
    rows.iter()
        .map(|row| {
            let user = Row {
                handle: row.try_get(1)?,
                display_name: row.try_get(2)?,
                bio: row.try_get(3)?,
                created_at: row.try_get(4)?,
                active: row.try_get(5)?,
                v: row.try_get(6)?,
            };
            Ok((row.try_get(0)?, user))
        })
        .collect()
}
