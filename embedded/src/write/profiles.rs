//! People. All changes of one come from one stream, in order.

use nova_views::{Change, What};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{Touched, blob, by_key, int};

struct Row {
    handle: String,
    display_name: String,
    bio: Option<String>,
    created_at: Option<i64>,
    active: bool,
    v: i64,
}

pub(super) fn apply(db: &Connection, changes: &[Change], touched: &mut Touched) -> rusqlite::Result<()> {
    let mut load = db
        .prepare_cached("SELECT handle, display_name, bio, created_at, active, v FROM users WHERE id = ?1")?;
    let mut store = db.prepare_cached(
        "INSERT OR REPLACE INTO users (id, handle, display_name, bio, created_at, active, v)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let of_users: Vec<(Uuid, &Change)> =
        changes.iter().filter_map(|change| Some((user_of(&change.what)?, change))).collect();
    by_key(
        of_users,
        |(user, change)| (*user, change.version),
        |changes| {
            let user = changes[0].0;
            let found = load
                .query_row([blob(&user)], |row| {
                    Ok(Row {
                        handle: row.get(0)?,
                        display_name: row.get(1)?,
                        bio: row.get(2)?,
                        created_at: row.get(3)?,
                        active: row.get(4)?,
                        v: row.get(5)?,
                    })
                })
                .optional()?;
            let mut row = found.unwrap_or(Row {
                handle: String::new(),
                display_name: String::new(),
                bio: None,
                created_at: None,
                active: true,
                v: 0,
            });
            let before = row.v;
            for (_, change) in changes {
                if int(change.version) > row.v {
                    row.v = int(change.version);
                    row.change(&change.what);
                }
            }
            if row.v > before {
                store.execute(params![
                    blob(&user),
                    row.handle,
                    row.display_name,
                    row.bio,
                    row.created_at,
                    row.active,
                    row.v
                ])?;
                touched.keys.push(user);
            }
            Ok(())
        },
    )
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

impl Row {
    fn change(&mut self, what: &What) {
        match what {
            What::Registered { created_at, profile, .. } => {
                self.created_at = Some(created_at.timestamp_millis());
                self.show(profile.as_ref());
            }
            What::ProfileIs { profile, .. } => self.show(profile.as_ref()),
            What::UserActive { active, .. } => self.active = *active,
            _ => {}
        }
    }

    fn show(&mut self, profile: Option<&nova_events::user::Profile>) {
        self.handle = profile.map(|p| p.handle.clone()).unwrap_or_default();
        self.display_name = profile.map(|p| p.display_name.clone()).unwrap_or_default();
        self.bio = profile.and_then(|p| p.bio.clone());
    }
}
