//! From changes to rows, one module for each view.
//!
//! * A step is put in order of its keys first, so that the inserts of a large one go through each table from one end to
//!   the other.
//! * What depends on other rows (counts, the search index) changes in the same transaction, by how the rows it depends
//!   on changed.

mod conversations;
mod deletions;
mod engagement;
mod graph;
mod posts;
mod profiles;

pub(crate) use conversations::{kind, message_type, role, word_of};
pub(crate) use deletions::{entity, entity_code};
pub(crate) use posts::visibility;

use nova_views::{Change, ViewError, projection};
use rusqlite::{Connection, ToSql};
use uuid::Uuid;

use crate::window::{PostCounts, RecentPost};

/// What a step touched, for the caches and for what is held in memory.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) keys: Vec<Uuid>,
    /// Posts as they are now.
    pub(crate) posts: Vec<RecentPost>,
    /// Counts as they are now.
    pub(crate) counts: Vec<PostCounts>,
}

/// One view: its tables, and how changes fill them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) name: &'static str,
    pub(crate) schema: &'static str,
    pub(crate) apply: fn(&Connection, &[Change], &mut Touched) -> rusqlite::Result<()>,
}

pub(crate) const PROFILES: usize = 0;
pub(crate) const POSTS: usize = 1;
pub(crate) const ENGAGEMENT: usize = 2;
pub(crate) const GRAPH: usize = 3;
pub(crate) const CONVERSATIONS: usize = 4;
pub(crate) const DELETIONS: usize = 5;

pub(crate) const VIEWS: [View; 6] = [
    View {
        name: projection::PROFILES,
        schema: include_str!("../../migrations/sqlite/profiles.sql"),
        apply: profiles::apply,
    },
    View {
        name: projection::POSTS,
        schema: include_str!("../../migrations/sqlite/posts.sql"),
        apply: posts::apply,
    },
    View {
        name: projection::ENGAGEMENT,
        schema: include_str!("../../migrations/sqlite/engagement.sql"),
        apply: engagement::apply,
    },
    View {
        name: projection::GRAPH,
        schema: include_str!("../../migrations/sqlite/graph.sql"),
        apply: graph::apply,
    },
    View {
        name: projection::CONVERSATIONS,
        schema: include_str!("../../migrations/sqlite/conversations.sql"),
        apply: conversations::apply,
    },
    View {
        name: projection::DELETIONS,
        schema: include_str!("../../migrations/sqlite/deletions.sql"),
        apply: deletions::apply,
    },
];

/// The place of a projection in [`VIEWS`].
pub(crate) fn index_of(projection: &str) -> Result<usize, ViewError> {
    VIEWS
        .iter()
        .position(|view| view.name == projection)
        .ok_or_else(|| ViewError::UnknownProjection(projection.to_owned()))
}

/// Sorts by key, then by version, and calls `each` with the items of one key at a time.
fn by_key<T, K: Ord>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> (K, u64),
    mut each: impl FnMut(&[T]) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    items.sort_unstable_by_key(&key);
    items.chunk_by(|a, b| key(a).0 == key(b).0).try_for_each(&mut each)
}

/// An id as it is stored.
fn blob(id: &Uuid) -> &dyn ToSql {
    id.as_bytes()
}

/// A version, position or seq as it is stored. SQLite's integers are signed; no log comes near 2^63 events.
fn int(value: u64) -> i64 {
    value as i64
}
