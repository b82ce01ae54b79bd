//! The tables: those that there is one of, made by the numbered migrations, and those that each generation of a projection
//! has, made from its template.
//!
//! * Migrations are applied in order, each is recorded, and each may be applied again.
//! * A change of a generation's tables comes with a migration that deletes the projection's row of `generations`: its next
//!   start makes a generation of the new shape and fills it from the log.

use std::collections::BTreeSet;

use clickhouse::Row;
use nova_views::projection;
use serde::Deserialize;

use super::error::{ClickHouseError, Failure};
use super::server::Server;

struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 3] = [
    Migration {
        version: 1,
        name: "base",
        sql: include_str!("../../../../migrations/clickhouse/0001_base.sql"),
    },
    Migration {
        version: 2,
        name: "analytics",
        sql: include_str!("../../../../migrations/clickhouse/0002_analytics.sql"),
    },
    Migration {
        version: 3,
        name: "histories",
        sql: include_str!("../../../../migrations/clickhouse/0003_histories.sql"),
    },
];

/// The version whose tables the generations of the others stand on.
const BASE: u32 = 1;

pub(super) const BASE_TABLES: [&str; 4] = ["schema_migrations", "generations", "cursors", "dead_letters"];

const NEWEST: u32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// A projection's tables.
pub(super) struct Template {
    pub(super) projection: &'static str,
    sql: &'static str,
}

pub(super) const TEMPLATES: [Template; 4] = [
    Template {
        projection: projection::PROFILES,
        sql: include_str!("../../../../migrations/clickhouse/generation/profiles.sql"),
    },
    Template {
        projection: projection::POSTS,
        sql: include_str!("../../../../migrations/clickhouse/generation/posts.sql"),
    },
    Template {
        projection: projection::ENGAGEMENT,
        sql: include_str!("../../../../migrations/clickhouse/generation/engagement.sql"),
    },
    Template {
        projection: projection::GRAPH,
        sql: include_str!("../../../../migrations/clickhouse/generation/graph.sql"),
    },
];

pub(super) fn template(projection: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.projection == projection)
}

/// Something that is there.
#[derive(Debug, Clone, Row, Deserialize)]
pub(super) struct Relation {
    pub(super) name: String,
    /// Of a view.
    pub(super) as_select: String,
}

impl Template {
    fn statements(&self, generation: u64) -> Vec<String> {
        statements(&self.sql.replace("{g}", &generation.to_string()))
    }

    /// The names of a generation's tables.
    pub(super) fn tables(&self, generation: u64) -> Vec<String> {
        let statements = self.statements(generation);
        statements.iter().filter_map(|sql| named(sql, "CREATE TABLE IF NOT EXISTS ")).collect()
    }

    /// The names that stay the same from one generation to the next.
    fn views(&self) -> Vec<String> {
        self.statements(0).iter().filter_map(|sql| named(sql, "CREATE OR REPLACE VIEW ")).collect()
    }

    /// Whether all its stable names lead to this generation.
    pub(super) fn is_shown(&self, generation: u64, relations: &[Relation]) -> bool {
        let tables = self.tables(generation);
        let shows = |relation: &Relation| {
            let mut words = relation.as_select.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.any(|word| tables.iter().any(|table| table == word))
        };
        let mut views = self.views().into_iter();
        views.all(|view| relations.iter().any(|relation| relation.name == view && shows(relation)))
    }

    /// The generations of which there is any table.
    pub(super) fn generations(&self, relations: &[Relation]) -> BTreeSet<u64> {
        let stems: Vec<String> =
            self.tables(0).iter().filter_map(|table| table.strip_suffix('0').map(str::to_owned)).collect();
        let number =
            |name: &str| stems.iter().find_map(|stem| name.strip_prefix(stem.as_str())?.parse().ok());
        relations.iter().filter_map(|relation| number(&relation.name)).collect()
    }

    pub(super) async fn create(&self, server: &Server, generation: u64) -> Result<(), Failure> {
        for sql in self.statements(generation).iter().filter(|sql| sql.starts_with("CREATE TABLE")) {
            server.execute(sql).await?;
        }
        Ok(())
    }

    /// Leads the stable names to this generation. Readers of Nova do not go by them; analysts do.
    pub(super) async fn show(&self, server: &Server, generation: u64) -> Result<(), Failure> {
        for sql in self.statements(generation).iter().filter(|sql| sql.starts_with("CREATE OR REPLACE VIEW"))
        {
            server.execute(sql).await?;
        }
        Ok(())
    }

    pub(super) async fn drop(&self, server: &Server, generation: u64) -> Result<(), Failure> {
        for table in self.tables(generation) {
            server.execute(&format!("DROP TABLE IF EXISTS {table}")).await?;
        }
        Ok(())
    }
}

/// Everything in the database.
pub(super) async fn relations(server: &Server) -> Result<Vec<Relation>, Failure> {
    let sql = "SELECT name, as_select FROM system.tables WHERE database = currentDatabase()";
    server.fetch(sql).await
}

/// Makes the database, if it is not there, and the tables that there is one of.
pub(super) async fn migrate_base(server: &Server) -> Result<(), Failure> {
    server.execute_outside(&format!("CREATE DATABASE IF NOT EXISTS {}", server.options.database)).await?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version <= BASE) {
        migration.apply(server).await?;
    }
    Ok(())
}

/// The rest, which stands on the generations of the projections.
pub(super) async fn migrate_rest(server: &Server) -> Result<(), Failure> {
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > BASE) {
        migration.apply(server).await?;
    }
    Ok(())
}

impl Migration {
    async fn apply(&self, server: &Server) -> Result<(), Failure> {
        for sql in statements(self.sql) {
            server.execute(&sql).await?;
        }
        let Self { version, name, .. } = self;
        let known = format!("SELECT version FROM schema_migrations WHERE version = {version} LIMIT 1");
        if server.fetch::<u32>(&known).await?.is_empty() {
            let sql = format!("INSERT INTO schema_migrations (version, name) VALUES ({version}, '{name}')");
            server.execute(&sql).await?;
        }
        Ok(())
    }
}

/// Whether the schema is the one that this program knows.
pub(super) async fn check(server: &Server) -> Result<(), ClickHouseError> {
    let sql = "SELECT DISTINCT version FROM schema_migrations ORDER BY version";
    let applied: Vec<u32> = server.fetch(sql).await.map_err(|failure| server.opening_error(failure))?;
    let found = applied.last().copied().unwrap_or(0);
    if found > NEWEST {
        return Err(ClickHouseError::Newer { found, known: NEWEST });
    }
    let first_missing = MIGRATIONS.iter().find(|migration| !applied.contains(&migration.version));
    match first_missing {
        Some(missing) => Err(ClickHouseError::Older { found: missing.version - 1, known: NEWEST }),
        None => Ok(()),
    }
}

/// Statements end with a semicolon at the end of a line; lines of comment are left out.
fn statements(sql: &str) -> Vec<String> {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let all = lines.join("\n");
    all.split(";\n")
        .map(|one| one.trim().trim_end_matches(';').to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

/// What a statement makes, when it begins like this.
fn named(sql: &str, beginning: &str) -> Option<String> {
    sql.strip_prefix(beginning)?.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_name_their_tables_by_generation() {
        let posts = template(projection::POSTS).unwrap();
        assert_eq!(posts.tables(7), ["posts_g7", "posts_by_time_g7", "post_keys_g7"]);
        assert_eq!(posts.views(), ["posts"]);
        let relation =
            |name: &str, select: &str| Relation { name: name.to_owned(), as_select: select.to_owned() };
        let relations =
            [relation("posts", "SELECT post_id FROM db.posts_g12 FINAL"), relation("post_keys_g3", "")];
        assert!(posts.is_shown(12, &relations));
        assert!(!posts.is_shown(1, &relations));
        assert_eq!(posts.generations(&relations), [3].into());
    }

    #[test]
    fn migrations_are_numbered_one_by_one_and_make_the_base() {
        let versions: Vec<u32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=NEWEST).collect::<Vec<_>>());
        let made = statements(MIGRATIONS[0].sql);
        let made: Vec<_> = made.iter().filter_map(|sql| named(sql, "CREATE TABLE IF NOT EXISTS ")).collect();
        assert_eq!(made, BASE_TABLES);
    }
}
