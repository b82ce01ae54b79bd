//! From changes to rows, one module for each view. The rules are those of the embedded profile; how they are kept
//! differs, because here many write at once:
//!
//! * A thing with a life of its own (a post, a comment, a person) is worked out in the program: it is inserted if it is
//!   not there, otherwise read and locked, changed and updated. All that is said of it comes from one stream in order,
//!   so whoever is to change it has made it before, or has seen that it was made.
//! * An edge is one statement that leaves the newer version in place and says how the row changed; what derives from it
//!   changes by that.
//! * Rows come in the order of their keys, a bounded number of them in a statement.

mod conversations;
mod deletions;
mod engagement;
mod graph;
mod posts;
mod profiles;

use std::borrow::Cow;
use std::collections::BTreeMap;

use nova_views::{Change, projection};
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::schema::VIEWS;

/// Rows of one statement: what it takes in memory, here and there, is bounded by it.
const ROWS_MAX: usize = 10_000;

pub(super) async fn apply(
    db: &mut PgConnection,
    index: usize,
    schema: &str,
    changes: &[&Change],
) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut tables = Tables { db, schema };
    match VIEWS[index].name {
        projection::PROFILES => profiles::apply(&mut tables, changes).await,
        projection::POSTS => posts::apply(&mut tables, changes).await,
        projection::ENGAGEMENT => engagement::apply(&mut tables, changes).await,
        projection::GRAPH => graph::apply(&mut tables, changes).await,
        projection::CONVERSATIONS => conversations::apply(&mut tables, changes).await,
        projection::DELETIONS => deletions::apply(&mut tables, changes).await,
        _ => Ok(()),
    }
}

/// The tables of a view, within a transaction.
struct Tables<'a> {
    db: &'a mut PgConnection,
    schema: &'a str,
}

impl Tables<'_> {
    /// `{s}` stands for the schema.
    fn sql(&self, template: &str) -> Query<'static, Postgres, PgArguments> {
        sqlx::query(AssertSqlSafe(template.replace("{s}", self.schema)))
    }
}

/// Changes by the key of the thing they are about; those of each in the order of their versions.
fn by_key<'a, K: Ord>(
    changes: &[&'a Change],
    key: impl Fn(&Change) -> Option<K>,
) -> Vec<(K, Vec<&'a Change>)> {
    let mut groups = BTreeMap::<K, Vec<&'a Change>>::new();
    for change in changes {
        if let Some(key) = key(change) {
            groups.entry(key).or_default().push(change);
        }
    }
    for group in groups.values_mut() {
        group.sort_by_key(|change| change.version);
    }
    groups.into_iter().collect()
}

/// Sums that rows are changed by, in the order of their keys; those that cancel out left out.
fn differences(sums: BTreeMap<Uuid, i64>) -> (Vec<Uuid>, Vec<i64>) {
    sums.into_iter().filter(|(_, difference)| *difference != 0).unzip()
}

/// A version, position or seq as it is stored. PostgreSQL's integers are signed; no log comes near 2^63 events.
fn int(value: u64) -> i64 {
    value as i64
}

/// PostgreSQL's texts cannot hold a NUL.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
