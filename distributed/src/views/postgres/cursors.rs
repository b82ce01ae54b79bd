//! How far each view is in each shard, as this process knows it, and what it has yet to save.
//!
//! * A shard belongs to the filling that its cursor was served under. When another filling is live, or the saved cursor
//!   is behind what was told to be saved (the server has crashed and lost it), whoever writes to the shard is told
//!   [`ViewError::Switched`] until it asks for the cursor again.
//! * Steps save their cursors themselves. Cursors that moved past events with nothing to change are saved from time to
//!   time, all at once; readers of this process see them at once.

mod saved;

use std::collections::HashMap;

use nova_views::{Generation, ViewError};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::schema::{VIEWS, index_of};
use crate::shard::{Shard, ShardCursor};

pub(super) use saved::{keep_saving, positions, put, refresh, save};

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

    /// The position that the server has told to have saved by now. Asked for *before* what is saved is read: what was
    /// told by then must be there.
    pub(super) fn told(&self, index: usize, generation: Generation, shard: &Shard) -> u64 {
        let views = self.views.lock();
        let told = match generation {
            Generation::Live => views[index].shards.get(shard.as_str()).map(|place| place.saved),
            Generation::Next => {
                views[index].next.as_ref().and_then(|(_, told)| told.get(shard.as_str()).copied())
            }
        };
        told.unwrap_or(0)
    }

    /// What is saved is given to whoever asks, or what has moved on since. From now on the shard belongs to this filling.
    pub(super) fn serve(
        &self,
        index: usize,
        number: i64,
        shard: &Shard,
        told: u64,
        saved: ShardCursor,
    ) -> ShardCursor {
        let mut views = self.views.lock();
        views[index].live_is(number);
        let place = views[index].place(shard.as_str());
        let is_whole = place.served == Served::Under(number) && saved.position >= told;
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

    /// Whether a step may go into this filling, of which so much is saved in the shard, and so much was told.
    pub(super) fn admits(
        &self,
        index: usize,
        generation: Generation,
        number: i64,
        shard: &Shard,
        (told, saved): (u64, u64),
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
                    Served::Under(_) if saved < told => place.served = Served::Lost,
                    Served::Under(_) | Served::Lost => {}
                }
                place.served == Served::Under(number)
            }
            Generation::Next => match &known.next {
                Some((begun, _)) => *begun == number && saved >= told,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> ShardCursor {
        ShardCursor::at(position)
    }

    const LIVE: Generation = Generation::Live;

    #[test]
    fn what_was_read_before_it_was_saved_is_not_lost() {
        let (cursors, shard) = (Cursors::default(), Shard::whole());
        assert_eq!(cursors.serve(0, 5, &shard, 0, at(7)), at(7));
        let told = cursors.told(0, LIVE, &shard);
        cursors.advance(0, &shard, at(9)).unwrap();
        cursors.saved(0, LIVE, 5, shard.as_str(), at(9));
        assert!(cursors.admits(0, LIVE, 5, &shard, (told, 7)), "read before 9 was saved");
        assert_eq!(cursors.serve(0, 5, &shard, told, at(7)), at(9));
    }

    #[test]
    fn what_was_told_to_be_saved_and_is_not_is_lost_until_the_cursor_is_asked_for() {
        let (cursors, shard) = (Cursors::default(), Shard::whole());
        cursors.serve(0, 5, &shard, 0, at(7));
        cursors.saved(0, LIVE, 5, shard.as_str(), at(9));
        let told = cursors.told(0, LIVE, &shard);
        assert!(!cursors.admits(0, LIVE, 5, &shard, (told, 7)));
        assert!(matches!(cursors.advance(0, &shard, at(10)), Err(ViewError::Switched)));
        assert!(!cursors.admits(0, LIVE, 5, &shard, (told, 9)), "whatever is there later");
        assert_eq!(cursors.serve(0, 5, &shard, told, at(7)), at(7));
        assert!(cursors.admits(0, LIVE, 5, &shard, (7, 7)));
    }

    #[test]
    fn another_filling_is_not_the_one_that_was_served() {
        let (cursors, shard) = (Cursors::default(), Shard::whole());
        cursors.serve(0, 5, &shard, 0, at(7));
        cursors.advance(0, &shard, at(8)).unwrap();
        cursors.live_is(0, 6);
        assert_eq!(cursors.lowest_of(&[(VIEWS[0].name, shard.clone())]), 0);
        assert!(matches!(cursors.advance(0, &shard, at(9)), Err(ViewError::Switched)));
        cursors.live_is(0, 5);
        assert!(!cursors.admits(0, LIVE, 6, &shard, (0, 0)), "an old answer does not bring the old one back");
        assert_eq!(cursors.serve(0, 6, &shard, 0, at(3)), at(3));
        assert!(cursors.unsaved().is_empty());
    }
}
