//! From changes to rows. Rows are whole (never increments), carry the position of their event as version, and the highest
//! version of a key counts; so what comes twice or late changes nothing.
//!
//! Of a key only the last row of a flush is written. Changes that do not say where they belong (a deletion names only the
//! post) are completed from what is stored; the change that made the thing is in the same flush or has been acknowledged.

mod engagement;
mod posts;

use std::collections::HashMap;
use std::hash::Hash;

use nova_views::{Change, What, projection};
use uuid::Uuid;

use super::error::Failure;
use super::rows::{BLOCKED_BY, BLOCKS, BlockRow, FollowRow, UserRow};
use super::server::Server;

/// Writes the changes of one projection into one generation; acknowledged. Returns how many rows those were.
pub(super) async fn write(
    server: &Server,
    projection: &str,
    generation: u64,
    changes: &[&Change],
) -> Result<usize, Failure> {
    match projection {
        projection::PROFILES => users(server, generation, changes).await,
        projection::POSTS => posts::write(server, generation, changes).await,
        projection::ENGAGEMENT => engagement::write(server, generation, changes).await,
        projection::GRAPH => graph(server, generation, changes).await,
        // Other projections are refused before they come here.
        _ => Ok(0),
    }
}

async fn users(server: &Server, generation: u64, changes: &[&Change]) -> Result<usize, Failure> {
    let mut rows = Latest::default();
    for change in changes {
        let (user, active) = match &change.what {
            What::Registered { user, .. } => (user.0, 1),
            What::UserActive { user, active } => (user.0, u8::from(*active)),
            // Names are not held here; and changes of other views.
            _ => continue,
        };
        rows.put(user, change.version, UserRow { user_id: user, active, ver: change.version });
    }
    let rows = rows.into_rows();
    server.insert(&format!("users_g{generation}"), &rows).await?;
    Ok(rows.len())
}

async fn graph(server: &Server, generation: u64, changes: &[&Change]) -> Result<usize, Failure> {
    let (mut follows, mut blocks) = (Latest::default(), Latest::default());
    for change in changes {
        let ver = change.version;
        match &change.what {
            What::Follow { follower, followee, on, at } => {
                let (follower, followee, at) = (follower.0, followee.0, at.timestamp_millis());
                let row = FollowRow { follower, followee, at, ver, is_deleted: u8::from(!on) };
                follows.put((follower, followee), ver, row);
            }
            What::Block { blocker, blocked, on, at } => {
                let (at, is_deleted) = (at.timestamp_millis(), u8::from(!on));
                for (user_id, other_id, side) in
                    [(blocker.0, blocked.0, BLOCKS), (blocked.0, blocker.0, BLOCKED_BY)]
                {
                    let row = BlockRow { user_id, other_id, side, at, ver, is_deleted };
                    blocks.put((user_id, other_id, side), ver, row);
                }
            }
            // No ranking depends on it.
            What::Dismissal { .. } => {}
            // Changes of other views.
            _ => {}
        }
    }
    let (follows, blocks) = (follows.into_rows(), blocks.into_rows());
    let (follows_table, blocks_table) = (format!("follows_g{generation}"), format!("blocks_g{generation}"));
    futures::try_join!(server.insert(&follows_table, &follows), server.insert(&blocks_table, &blocks))?;
    Ok(follows.len() + blocks.len())
}

/// The row of the highest version for each key.
struct Latest<K, R>(HashMap<K, (u64, R)>);

impl<K, R> Default for Latest<K, R> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq, R> Latest<K, R> {
    fn put(&mut self, key: K, version: u64, row: R) {
        let held = self.0.get(&key).map(|(held, _)| *held);
        if held.is_none_or(|held| held <= version) {
            self.0.insert(key, (version, row));
        }
    }

    fn into_rows(self) -> Vec<R> {
        self.0.into_values().map(|(_, row)| row).collect()
    }
}

/// Changes by the thing they are about, each thing's in the order of their versions.
fn by_thing<'a>(
    changes: &[&'a Change],
    thing: impl Fn(&What) -> Option<Uuid>,
) -> HashMap<Uuid, Vec<&'a Change>> {
    let mut things: HashMap<Uuid, Vec<&Change>> = HashMap::new();
    for change in changes {
        if let Some(id) = thing(&change.what) {
            things.entry(id).or_default().push(change);
        }
    }
    things.values_mut().for_each(|changes| changes.sort_by_key(|change| change.version));
    things
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_row_of_a_key_is_kept_in_whatever_order_they_come() {
        let mut rows = Latest::default();
        for version in [3, 9, 5] {
            rows.put("key", version, version);
        }
        assert_eq!(rows.into_rows(), [9]);
    }
}
