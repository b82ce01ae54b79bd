//! Lists that go on behind the last key that was looked at. So they are stable while things are inserted, and what the
//! viewer may not see is passed over without leaving a hole in a page.

use nova_views::{Cursor, List, PageRequest, ViewError};
use uuid::Uuid;

use super::{Ask, Asked, limit_of};

/// Rows that are looked at for one page. A page ends early when so many were to be left out.
const LOOKED_AT_MAX: usize = 5_000;

/// A key of a list: a time, or what else it is ordered by, then an id.
pub(super) type Key = (i64, Uuid);

pub(super) struct Seen;

impl Seen {
    /// The first two columns.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Key> {
        Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?)))
    }
}

pub(super) struct Page {
    kind: &'static str,
    /// Nothing before the first page: `None`.
    pub(super) after: Option<Key>,
    pub(super) limit: usize,
}

impl Page {
    pub(super) fn of(kind: &'static str, page: &PageRequest) -> Result<Self, ViewError> {
        let after = page.cursor.as_ref().map(|cursor| cursor.unpack(kind)).transpose()?;
        Ok(Self { kind, after, limit: limit_of(page) })
    }

    /// `more` gives the keys behind one, in order, at most so many; `show` what the viewer sees of one. For lists in
    /// descending order.
    pub(super) fn fill<T>(
        &self,
        ask: &mut Ask<'_>,
        more: impl FnMut(&mut Ask<'_>, Key, usize) -> Asked<Vec<Key>>,
        show: impl FnMut(&mut Ask<'_>, &Key) -> Asked<Option<T>>,
    ) -> Asked<List<T>> {
        self.fill_from((i64::MAX, Uuid::max()), ask, more, show)
    }

    pub(super) fn fill_ascending<T>(
        &self,
        ask: &mut Ask<'_>,
        more: impl FnMut(&mut Ask<'_>, Key, usize) -> Asked<Vec<Key>>,
        show: impl FnMut(&mut Ask<'_>, &Key) -> Asked<Option<T>>,
    ) -> Asked<List<T>> {
        self.fill_from((i64::MIN, Uuid::nil()), ask, more, show)
    }

    fn fill_from<T>(
        &self,
        start: Key,
        ask: &mut Ask<'_>,
        mut more: impl FnMut(&mut Ask<'_>, Key, usize) -> Asked<Vec<Key>>,
        mut show: impl FnMut(&mut Ask<'_>, &Key) -> Asked<Option<T>>,
    ) -> Asked<List<T>> {
        let mut items = Vec::with_capacity(self.limit);
        let mut last = self.after.unwrap_or(start);
        let mut looked_at = last;
        let mut count = 0;
        loop {
            // One more than is wanted tells whether there is a next page.
            let wanted = (self.limit + 1 - items.len()).max(8);
            let keys = more(ask, looked_at, wanted)?;
            let at_end = keys.len() < wanted;
            for key in &keys {
                if let Some(item) = show(ask, key)? {
                    if items.len() == self.limit {
                        return Ok(List { items, next: Some(Cursor::pack(self.kind, &last)) });
                    }
                    items.push(item);
                    last = *key;
                }
                looked_at = *key;
            }
            count += keys.len();
            if at_end {
                return Ok(List { items, next: None });
            }
            if count >= LOOKED_AT_MAX {
                return Ok(List { items, next: Some(Cursor::pack(self.kind, &looked_at)) });
            }
        }
    }
}
