//! Follows, blocks and dismissals, and the counts that derive from follows.

use std::collections::BTreeMap;

use nova_views::{Change, What};
use rusqlite::{CachedStatement, Connection, params};
use uuid::Uuid;

use super::{Touched, blob, by_key, int};

#[derive(Clone, Copy)]
struct Edge {
    from: Uuid,
    to: Uuid,
    at: i64,
    on: bool,
    v: i64,
}

/// An edge as it was before the step, if it was on, and as it is now.
struct Turned {
    was_on_since: Option<i64>,
    is: Edge,
}

pub(super) fn apply(db: &Connection, changes: &[Change], touched: &mut Touched) -> rusqlite::Result<()> {
    let (mut follows, mut blocks, mut dismissals) = (Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        let v = int(change.version);
        match &change.what {
            What::Follow { follower, followee, on, at } => {
                follows.push(Edge { from: follower.0, to: followee.0, at: at.timestamp_millis(), on: *on, v })
            }
            What::Block { blocker, blocked, on, at } => {
                blocks.push(Edge { from: blocker.0, to: blocked.0, at: at.timestamp_millis(), on: *on, v })
            }
            What::Dismissal { dismisser, dismissed, on, at } => dismissals.push(Edge {
                from: dismisser.0,
                to: dismissed.0,
                at: at.timestamp_millis(),
                on: *on,
                v,
            }),
            // Changes of other views.
            _ => {}
        }
    }
    if !follows.is_empty() {
        let mut edges = EdgeStatements {
            insert: db.prepare_cached(
                "INSERT OR IGNORE INTO follows (follower, followee, at, edge, v) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            load: db
                .prepare_cached("SELECT at, edge, v FROM follows WHERE follower = ?1 AND followee = ?2")?,
            update: db.prepare_cached(
                "UPDATE follows SET at = ?3, edge = ?4, v = ?5 WHERE follower = ?1 AND followee = ?2",
            )?,
        };
        let turned = edges.turn(follows, touched)?;
        other_end(db, turned, touched)?;
    }
    if !blocks.is_empty() {
        let mut edges = EdgeStatements {
            insert: db.prepare_cached(
                "INSERT OR IGNORE INTO blocks (blocker, blocked, at, edge, v) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            load: db.prepare_cached("SELECT at, edge, v FROM blocks WHERE blocker = ?1 AND blocked = ?2")?,
            update: db.prepare_cached(
                "UPDATE blocks SET at = ?3, edge = ?4, v = ?5 WHERE blocker = ?1 AND blocked = ?2",
            )?,
        };
        let turned = edges.turn(blocks, touched)?;
        touched.keys.extend(turned.iter().map(|turned| turned.is.to));
    }
    if !dismissals.is_empty() {
        let mut edges = EdgeStatements {
            insert: db.prepare_cached(
                "INSERT OR IGNORE INTO dismissals (dismisser, dismissed, at, edge, v) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            load: db
                .prepare_cached("SELECT at, edge, v FROM dismissals WHERE dismisser = ?1 AND dismissed = ?2")?,
            update: db.prepare_cached(
                "UPDATE dismissals SET at = ?3, edge = ?4, v = ?5 WHERE dismisser = ?1 AND dismissed = ?2",
            )?,
        };
        edges.turn(dismissals, touched)?;
    }
    Ok(())
}

struct EdgeStatements<'a> {
    insert: CachedStatement<'a>,
    load: CachedStatement<'a>,
    update: CachedStatement<'a>,
}

impl EdgeStatements<'_> {
    /// Stores the edges. Only how each ends up in the step matters.
    fn turn(&mut self, edges: Vec<Edge>, touched: &mut Touched) -> rusqlite::Result<Vec<Turned>> {
        let mut all = Vec::with_capacity(edges.len());
        by_key(
            edges,
            |edge| ((edge.from, edge.to), edge.v as u64),
            |edge| {
                let Some(edge) = edge.last() else { return Ok(()) };
                let values = params![blob(&edge.from), blob(&edge.to), edge.at, edge.on, edge.v];
                let was_on_since = if self.insert.execute(values)? == 1 {
                    None
                } else {
                    let key = [blob(&edge.from), blob(&edge.to)];
                    let (at, on, v): (i64, bool, i64) =
                        self.load.query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                    if v >= edge.v {
                        return Ok(());
                    }
                    self.update.execute(values)?;
                    on.then_some(at)
                };
                if touched.keys.last() != Some(&edge.from) {
                    touched.keys.push(edge.from);
                }
                all.push(Turned { was_on_since, is: *edge });
                Ok(())
            },
        )?;
        Ok(all)
    }
}

/// The followers of each, and the counts.
fn other_end(db: &Connection, mut turned: Vec<Turned>, touched: &mut Touched) -> rusqlite::Result<()> {
    let mut counts = BTreeMap::<Uuid, (i64, i64)>::new();
    let mut remove =
        db.prepare_cached("DELETE FROM followers WHERE followee = ?1 AND at = ?2 AND follower = ?3")?;
    let mut insert =
        db.prepare_cached("INSERT OR IGNORE INTO followers (followee, at, follower) VALUES (?1, ?2, ?3)")?;
    turned.sort_unstable_by_key(|turned| (turned.is.to, turned.is.at, turned.is.from));
    for Turned { was_on_since, is } in turned {
        if let Some(since) = was_on_since {
            remove.execute(params![blob(&is.to), since, blob(&is.from)])?;
        }
        if is.on {
            insert.execute(params![blob(&is.to), is.at, blob(&is.from)])?;
        }
        let difference = i64::from(is.on) - i64::from(was_on_since.is_some());
        if difference != 0 {
            counts.entry(is.to).or_default().0 += difference;
            counts.entry(is.from).or_default().1 += difference;
        }
    }
    let mut count = db.prepare_cached(
        "INSERT INTO counts (user, followers, following) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET followers = followers + excluded.followers,
            following = following + excluded.following",
    )?;
    for (user, (followers, following)) in counts {
        count.execute(params![blob(&user), followers, following])?;
        touched.keys.push(user);
    }
    Ok(())
}
