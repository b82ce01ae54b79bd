//! How far each view is in each shard, as this process knows it, and what it has yet to save.
//!
//! * A shard belongs to the filling that its cursor was served under. When another filling is live, or the saved cursor
//!   is behind what was told to be saved (the server has crashed and lost it), whoever writes to the shard is told
//!   [`ViewError::Switched`] until it asks for the cursor again.
//! * Steps save their cursors themselves. Cursors that moved past events with nothing to change are saved from time to
//!   time, all at once; readers of this process see them at once.

use std::collections::HashMap;
use std::time::Duration;

use nova_views::{Generation, ViewError};
use parking_lot::Mutex;
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::error::view_error;
use super::schema::{VIEWS, index_of};
use crate::shard::{Shard, ShardCursor};

const AFTER_AN_ERROR: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Cursors {
    views: Mutex<Vec<Known>>,
    moved: watch::Sender<()>,
    unsaved: Notify,
}

/// What is known of one view.
#[derive(Debug, Default)]
struct Known {
    live_number: i64,
    shards: HashMap<Box<str>, Place>,
    /// The filling that a rebuild of this process writes to, and what was told to be saved of it.
    next: Option<(i64, HashMap<Box<str>, u64>)>,
}

#[derive(Debug, Default)]
struct Place {
    served: Served,
    cursor: ShardCursor,
    /// The position that the server has told to have saved.
    saved: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Served {
    /// Nobody of this process has written to it.
    #[default]
    Nobody,
    Under(i64),
    /// Less is saved than was told.
    Lost,
}

#[derive(Debug)]
pub(super) struct Unsaved {
    index: usize,
    number: i64,
    shard: Box<str>,
    cursor: ShardCursor,
    saved: u64,
}

impl Default for Cursors {
    fn default() -> Self {
        Self {
            views: Mutex::new(VIEWS.iter().map(|_| Known::default()).collect()),
            moved: watch::Sender::new(()),
            unsaved: Notify::new(),
        }
    }
}

/// The later of two. Of two at one position the first one that has an offset.
pub(super) fn later(held: ShardCursor, other: ShardCursor) -> ShardCursor {
    match held.position.cmp(&other.position) {
        std::cmp::Ordering::Less => other,
        std::cmp::Ordering::Equal => ShardCursor { offset: held.offset.or(other.offset), ..held },
        std::cmp::Ordering::Greater => held,
    }
}

impl Known {
    /// Numbers grow: an answer that was long under way does not take the number back.
    fn live_is(&mut self, number: i64) {
        if number > self.live_number {
            self.live_number = number;
            self.shards.retain(|_, place| place.served != Served::Nobody);
            for place in self.shards.values_mut() {
                (place.cursor, place.saved) = (ShardCursor::default(), 0);
            }
        }
    }

    fn place(&mut self, shard: &str) -> &mut Place {
        self.shards.entry(shard.into()).or_default()
    }
}

impl Cursors {
    /// Told of every move, of whichever cursor.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    pub(super) fn lowest_of(&self, of: &[(&'static str, Shard)]) -> u64 {
        let views = self.views.lock();
        let position = |(projection, shard): &(&'static str, Shard)| {
            let known = index_of(projection).ok().and_then(|index| views[index].shards.get(shard.as_str()));
            known.map_or(0, |place| place.cursor.position)
        };
        of.iter().map(position).min().unwrap_or(0)
    }

    pub(super) fn live_is(&self, index: usize, number: i64) {
        let mut views = self.views.lock();
        views[index].live_is(number);
        self.moved.send_replace(());
    }

    /// A rebuild has begun.
    pub(super) fn begun(&self, index: usize, number: i64) {
        self.views.lock()[index].next = Some((number, HashMap::new()));
    }

    /// What is saved is given to whoever asks, or what has moved on since. From now on the shard belongs to this filling.
    pub(super) fn serve(&self, index: usize, number: i64, shard: &Shard, saved: ShardCursor) -> ShardCursor {
        let mut views = self.views.lock();
        views[index].live_is(number);
        let place = views[index].place(shard.as_str());
        let is_whole = place.served == Served::Under(number) && saved.position >= place.saved;
        let cursor = if is_whole { later(place.cursor, saved) } else { saved };
        *place = Place { served: Served::Under(number), cursor, saved: saved.position };
        self.moved.send_replace(());
        cursor
    }

    pub(super) fn advance(&self, index: usize, shard: &Shard, cursor: ShardCursor) -> Result<(), ViewError> {
        let mut views = self.views.lock();
        let live_number = views[index].live_number;
        let place = views[index].place(shard.as_str());
        match place.served {
            Served::Nobody => place.served = Served::Under(live_number),
            Served::Under(number) if number == live_number => {}
            Served::Under(_) | Served::Lost => return Err(ViewError::Switched),
        }
        place.cursor = later(place.cursor, cursor);
        self.moved.send_replace(());
        self.unsaved.notify_one();
        Ok(())
    }

    /// Whether a step may go into this filling, of which so much is saved in the shard.
    pub(super) fn admits(
        &self,
        index: usize,
        generation: Generation,
        number: i64,
        shard: &Shard,
        saved: u64,
    ) -> bool {
        let mut views = self.views.lock();
        let known = &mut views[index];
        match generation {
            Generation::Live => {
                known.live_is(number);
                let place = known.place(shard.as_str());
                match place.served {
                    Served::Nobody => place.served = Served::Under(number),
                    Served::Under(other) if other != number => return false,
                    Served::Under(_) if saved < place.saved => place.served = Served::Lost,
                    Served::Under(_) | Served::Lost => {}
                }
                place.served == Served::Under(number)
            }
            Generation::Next => match &known.next {
                Some((begun, told)) => {
                    *begun == number && saved >= told.get(shard.as_str()).copied().unwrap_or(0)
                }
                None => {
                    known.next = Some((number, HashMap::new()));
                    true
                }
            },
        }
    }

    /// The server has told that this is saved.
    pub(super) fn saved(
        &self,
        index: usize,
        generation: Generation,
        number: i64,
        shard: &str,
        cursor: ShardCursor,
    ) {
        let mut views = self.views.lock();
        let known = &mut views[index];
        match generation {
            Generation::Live if known.live_number == number => {
                let place = known.place(shard);
                place.cursor = later(place.cursor, cursor);
                place.saved = place.saved.max(cursor.position);
                self.moved.send_replace(());
            }
            Generation::Next => {
                if let Some((begun, told)) = &mut known.next
                    && *begun == number
                {
                    let told = told.entry(shard.into()).or_default();
                    *told = (*told).max(cursor.position);
                }
            }
            Generation::Live => {}
        }
    }

    fn lost(&self, unsaved: &Unsaved) {
        let mut views = self.views.lock();
        if let Some(place) = views[unsaved.index].shards.get_mut(&unsaved.shard)
            && place.served == Served::Under(unsaved.number)
        {
            place.served = Served::Lost;
        }
    }

    /// In the order in which steps touch them too.
    fn unsaved(&self) -> Vec<Unsaved> {
        let views = self.views.lock();
        let mut all = Vec::new();
        for (index, known) in views.iter().enumerate() {
            for (shard, place) in &known.shards {
                if place.served == Served::Under(known.live_number) && place.cursor.position > place.saved {
                    all.push(Unsaved {
                        index,
                        number: known.live_number,
                        shard: shard.clone(),
                        cursor: place.cursor,
                        saved: place.saved,
                    });
                }
            }
        }
        all.sort_unstable_by(|a, b| (VIEWS[a.index].name, &a.shard).cmp(&(VIEWS[b.index].name, &b.shard)));
        all
    }
}

/// The positions that are saved of these shards; none for those of which nothing is.
pub(super) async fn positions(
    db: &mut PgConnection,
    index: usize,
    number: i64,
    shards: &[&str],
) -> sqlx::Result<HashMap<String, u64>> {
    let sql = "SELECT shard, position FROM nova.view_cursors
               WHERE projection = $1 AND generation_number = $2 AND shard = ANY($3)";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(sql).bind(VIEWS[index].name).bind(number).bind(shards).fetch_all(db).await?;
    Ok(rows.into_iter().map(|(shard, position)| (shard, position as u64)).collect())
}

/// Saves cursors, in this order. They do not go back, and one at 0 is not kept.
pub(super) async fn put(
    db: &mut PgConnection,
    cursors: impl Iterator<Item = (usize, i64, &str, ShardCursor)>,
) -> sqlx::Result<()> {
    let (mut projections, mut numbers, mut shards) = (Vec::new(), Vec::new(), Vec::new());
    let (mut positions, mut offsets) = (Vec::new(), Vec::new());
    for (index, number, shard, cursor) in cursors.filter(|(.., cursor)| cursor.position > 0) {
        projections.push(VIEWS[index].name);
        numbers.push(number);
        shards.push(shard);
        positions.push(cursor.position as i64);
        offsets.push(cursor.offset);
    }
    if shards.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO nova.view_cursors AS held
                   (projection, generation_number, shard, position, kafka_offset)
               SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[])
               ON CONFLICT (projection, generation_number, shard) DO UPDATE SET
                   position = excluded.position,
                   kafka_offset = CASE WHEN excluded.position > held.position THEN excluded.kafka_offset
                                       ELSE coalesce(held.kafka_offset, excluded.kafka_offset) END
               WHERE excluded.position > held.position
                   OR (excluded.position = held.position AND held.kafka_offset IS NULL
                       AND excluded.kafka_offset IS NOT NULL)";
    sqlx::query(sql)
        .bind(projections)
        .bind(numbers)
        .bind(shards)
        .bind(positions)
        .bind(offsets)
        .execute(db)
        .await
        .map(|_| ())
}

/// Saves whatever has moved since it was last saved.
pub(super) async fn save(pool: &PgPool, cursors: &Cursors) -> Result<(), ViewError> {
    let unsaved = cursors.unsaved();
    if unsaved.is_empty() {
        return Ok(());
    }
    save_these(pool, cursors, unsaved).await.map_err(|error| view_error(&error))
}

async fn save_these(pool: &PgPool, cursors: &Cursors, unsaved: Vec<Unsaved>) -> sqlx::Result<()> {
    // What is read and what is written are of one life of the server: a connection does not outlive it.
    let mut transaction = pool.begin_with("BEGIN; SET LOCAL synchronous_commit = off").await?;
    let live: Vec<(String, i64)> =
        sqlx::query_as("SELECT projection, live_number FROM nova.view_generations")
            .fetch_all(&mut *transaction)
            .await?;
    let mut there = Vec::with_capacity(unsaved.len());
    for of_view in unsaved.chunk_by(|a, b| a.index == b.index) {
        let Unsaved { index, number, .. } = of_view[0];
        let now = live.iter().find(|(projection, _)| projection == VIEWS[index].name).map(|(_, now)| *now);
        if now != Some(number) {
            if let Some(now) = now {
                cursors.live_is(index, now);
            }
            continue;
        }
        let shards: Vec<&str> = of_view.iter().map(|unsaved| &*unsaved.shard).collect();
        let saved = positions(&mut transaction, index, number, &shards).await?;
        for unsaved in of_view {
            if saved.get(&*unsaved.shard).copied().unwrap_or(0) < unsaved.saved {
                cursors.lost(unsaved);
            } else {
                there.push(unsaved);
            }
        }
    }
    let rows = there.iter().map(|u| (u.index, u.number, &*u.shard, u.cursor));
    put(&mut transaction, rows).await?;
    transaction.commit().await?;
    for Unsaved { index, number, shard, cursor, .. } in there {
        cursors.saved(*index, Generation::Live, *number, shard, *cursor);
    }
    Ok(())
}

/// Saves whenever something has moved, but not more often than that; and once more at the end.
pub(super) async fn keep_saving(
    pool: PgPool,
    cursors: std::sync::Arc<Cursors>,
    interval: Duration,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = cursors.unsaved.notified() => {}
            () = stop.cancelled() => {}
        }
        let mut pause = interval;
        if let Err(error) = save(&pool, &cursors).await {
            tracing::warn!(%error, "cannot save how far the views are, trying again");
            pause = AFTER_AN_ERROR;
            cursors.unsaved.notify_one();
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Reads how far all live views are.
pub(super) async fn refresh(pool: &PgPool, cursors: &Cursors) -> Result<(), ViewError> {
    let sql = "SELECT g.projection, g.live_number, c.shard, c.position, c.kafka_offset
               FROM nova.view_generations g
               LEFT JOIN nova.view_cursors c
                   ON c.projection = g.projection AND c.generation_number = g.live_number";
    let rows: Vec<(String, i64, Option<String>, Option<i64>, Option<i64>)> =
        sqlx::query_as(sql).fetch_all(pool).await.map_err(|error| view_error(&error))?;
    let mut views = cursors.views.lock();
    for (projection, number, shard, position, offset) in rows {
        let Ok(index) = index_of(&projection) else { continue };
        let known = &mut views[index];
        known.live_is(number);
        if known.live_number != number {
            continue;
        }
        if let (Some(shard), Some(position)) = (shard, position) {
            let read = ShardCursor { position: position as u64, offset };
            let place = known.place(&shard);
            // What another process has saved since this one had the shard counts too.
            place.cursor = later(place.cursor, read);
        }
    }
    cursors.moved.send_replace(());
    Ok(())
}
