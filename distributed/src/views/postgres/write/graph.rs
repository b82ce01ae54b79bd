//! Follows, blocks and dismissals, and the counts that derive from follows.

use std::collections::BTreeMap;

use nova_views::{Change, What};
use sqlx::Row as _;
use uuid::Uuid;

use super::{ROWS_MAX, Tables, int};

#[derive(Debug, Clone, Copy)]
struct Edge {
    at: i64,
    on: bool,
    v: i64,
}

/// How each edge ends up in the step: nothing else of it matters.
type Edges = BTreeMap<(Uuid, Uuid), Edge>;

pub(super) async fn apply(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let (mut follows, mut blocks, mut dismissals) = (Edges::new(), Edges::new(), Edges::new());
    for change in changes {
        let v = int(change.version);
        let (edges, from, to, on, at) = match &change.what {
            What::Follow { follower, followee, on, at } => (&mut follows, follower.0, followee.0, *on, at),
            What::Block { blocker, blocked, on, at } => (&mut blocks, blocker.0, blocked.0, *on, at),
            What::Dismissal { dismisser, dismissed, on, at } => {
                (&mut dismissals, dismisser.0, dismissed.0, *on, at)
            }
            // Changes of other views.
            _ => continue,
        };
        let edge = Edge { at: at.timestamp_millis(), on, v };
        let last = edges.entry((from, to)).or_insert(edge);
        if last.v < v {
            *last = edge;
        }
    }
    let follows = turn(tables, ["follows", "follower", "followee"], follows).await?;
    turn(tables, ["blocks", "blocker", "blocked"], blocks).await?;
    turn(tables, ["dismissals", "dismisser", "dismissed"], dismissals).await?;
    count(tables, follows).await
}

/// Stores edges. Returns those that went on (1) or off (-1).
async fn turn(
    tables: &mut Tables<'_>,
    [table, from, to]: [&str; 3],
    edges: Edges,
) -> sqlx::Result<Vec<(Uuid, Uuid, i64)>> {
    let sql = format!(
        "WITH changed AS (
             INSERT INTO {{s}}.{table} AS held ({from}, {to}, at, edge, was, v)
             SELECT e.one, e.other, e.at, e.edge, false, e.v
             FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::bigint[])
                 AS e (one, other, at, edge, v)
             ON CONFLICT ({from}, {to}) DO UPDATE SET at = excluded.at, was = held.edge, edge = excluded.edge,
                 v = excluded.v
             WHERE excluded.v > held.v
             RETURNING {from}, {to}, edge, was)
         SELECT {from}, {to}, (edge::int - was::int)::bigint FROM changed WHERE edge <> was"
    );
    let edges: Vec<((Uuid, Uuid), Edge)> = edges.into_iter().collect();
    let mut turned = Vec::new();
    for some in edges.chunks(ROWS_MAX) {
        let query = tables
            .sql(&sql)
            .bind(some.iter().map(|((from, _), _)| *from).collect::<Vec<_>>())
            .bind(some.iter().map(|((_, to), _)| *to).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, edge)| edge.at).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, edge)| edge.on).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, edge)| edge.v).collect::<Vec<_>>());
        for row in query.fetch_all(&mut *tables.db).await? {
            turned.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
        }
    }
    Ok(turned)
}

async fn count(tables: &mut Tables<'_>, turned: Vec<(Uuid, Uuid, i64)>) -> sqlx::Result<()> {
    let mut counts = BTreeMap::<Uuid, (i64, i64)>::new();
    for (follower, followee, difference) in turned {
        counts.entry(followee).or_default().0 += difference;
        counts.entry(follower).or_default().1 += difference;
    }
    counts.retain(|_, differences| *differences != (0, 0));
    let sql = "INSERT INTO {s}.counts AS held (user_id, followers, following)
               SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])
               ON CONFLICT (user_id) DO UPDATE SET followers = held.followers + excluded.followers,
                   following = held.following + excluded.following";
    let counts: Vec<(Uuid, (i64, i64))> = counts.into_iter().collect();
    for some in counts.chunks(ROWS_MAX) {
        let query = tables
            .sql(sql)
            .bind(some.iter().map(|(user, _)| *user).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, (followers, _))| *followers).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, (_, following))| *following).collect::<Vec<_>>());
        query.execute(&mut *tables.db).await?;
    }
    Ok(())
}
