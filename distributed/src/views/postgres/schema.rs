//! The tables of a view, in whichever schema they are made.

use nova_views::{ViewError, projection};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

/// The version of `migrations/postgres/views/`. Tables of an older one are dropped and filled again.
pub(super) const SCHEMA_VERSION: i32 = 4;

/// One view, and how its tables are made.
#[derive(Debug)]
pub(super) struct View {
    pub(super) name: &'static str,
    /// What `tables` makes, so that what is missing is noticed.
    pub(super) relations: &'static [&'static str],
    tables: &'static str,
}

const COMMON: &str = include_str!("../../../../migrations/postgres/views/common.sql");

pub(super) const VIEWS: [View; 6] = [
    View {
        name: projection::PROFILES,
        relations: &["marker", "users"],
        tables: include_str!("../../../../migrations/postgres/views/profiles.sql"),
    },
    View {
        name: projection::POSTS,
        relations: &["marker", "posts", "author_counts"],
        tables: include_str!("../../../../migrations/postgres/views/posts.sql"),
    },
    View {
        name: projection::ENGAGEMENT,
        relations: &["marker", "likes", "comments", "counts"],
        tables: include_str!("../../../../migrations/postgres/views/engagement.sql"),
    },
    View {
        name: projection::GRAPH,
        relations: &["marker", "follows", "followers", "blocks", "dismissals", "counts"],
        tables: include_str!("../../../../migrations/postgres/views/graph.sql"),
    },
    View {
        name: projection::CONVERSATIONS,
        relations: &["marker", "conversations", "members", "activity", "messages", "reads", "delivered"],
        tables: include_str!("../../../../migrations/postgres/views/conversations.sql"),
    },
    View {
        name: projection::DELETIONS,
        relations: &["marker", "deletions"],
        tables: include_str!("../../../../migrations/postgres/views/deletions.sql"),
    },
];

/// The place of a projection in [`VIEWS`].
pub(super) fn index_of(projection: &str) -> Result<usize, ViewError> {
    VIEWS
        .iter()
        .position(|view| view.name == projection)
        .ok_or_else(|| ViewError::UnknownProjection(projection.to_owned()))
}

impl View {
    pub(super) fn live_schema(&self) -> String {
        format!("v_{}", self.name)
    }

    pub(super) fn next_schema(&self) -> String {
        format!("v_{}_next", self.name)
    }

    /// Where a replaced one is until it is dropped.
    pub(super) fn old_schema(&self, number: i64) -> String {
        format!("{}{number}", self.old_prefix())
    }

    pub(super) fn old_prefix(&self) -> String {
        format!("v_{}_old_", self.name)
    }

    /// Makes the tables, empty, in place of whatever has this name. Within a transaction.
    pub(super) async fn create(&self, db: &mut PgConnection, schema: &str, number: i64) -> sqlx::Result<()> {
        let tables = self.tables;
        let sql = format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE;
             CREATE SCHEMA {schema};
             SET LOCAL search_path TO {schema}, pg_catalog;
             {COMMON} {tables}
             INSERT INTO marker (one, generation_number, schema_version) VALUES (true, {number}, {SCHEMA_VERSION});
             SET LOCAL search_path TO DEFAULT;"
        );
        db.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(|_| ())
    }
}
