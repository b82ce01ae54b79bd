//! Lists that go on behind the last key that was given out. So they are stable while things are inserted. What the
//! viewer may not see is left out by the statement itself: one that gives one row more than the page has says that
//! there is a next page.

use nova_views::{Cursor, List, PageRequest, ViewError};
use uuid::Uuid;

/// A key of a list: a time, or what else it is ordered by, then an id.
pub(super) type Key = (i64, Uuid);

/// Behind this key comes everything of a list in descending order.
const TOP: Key = (i64::MAX, Uuid::max());
/// The same in ascending order.
const BOTTOM: Key = (i64::MIN, Uuid::nil());

pub(super) struct Page {
    kind: &'static str,
    after: Option<Key>,
    limit: usize,
}

impl Page {
    pub(super) fn of(kind: &'static str, page: &PageRequest) -> Result<Self, ViewError> {
        let after = page.cursor.as_ref().map(|cursor| cursor.unpack(kind)).transpose()?;
        Ok(Self { kind, after, limit: limit_of(page) })
    }

    pub(super) fn behind(&self) -> Key {
        self.after.unwrap_or(TOP)
    }

    pub(super) fn behind_ascending(&self) -> Key {
        self.after.unwrap_or(BOTTOM)
    }

    /// How many rows to ask for.
    pub(super) fn wanted(&self) -> i64 {
        self.limit as i64 + 1
    }

    /// The page, of at most [`Self::wanted`] items with their keys.
    pub(super) fn list<T>(&self, mut found: Vec<(Key, T)>) -> List<T> {
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().filter(|_| more).map(|(key, _)| Cursor::pack(self.kind, key));
        List { items: found.into_iter().map(|(_, item)| item).collect(), next }
    }
}

/// A limit within what a page may have.
pub(super) fn limit_of(page: &PageRequest) -> usize {
    page.limit.clamp(1, PageRequest::LIMIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_the_page_has_says_that_there_is_a_next_one() {
        let page = Page::of("timeline", &PageRequest::first(2)).unwrap();
        let found = |count: i64| (0..count).map(|n| ((n, Uuid::nil()), n)).collect::<Vec<_>>();
        assert_eq!(page.list(found(2)), List { items: vec![0, 1], next: None });
        let list = page.list(found(page.wanted()));
        assert_eq!(list.items, [0, 1]);
        let next = PageRequest { cursor: list.next, limit: 2, after: 0 };
        assert_eq!(Page::of("timeline", &next).unwrap().behind(), (1, Uuid::nil()));
        assert!(matches!(Page::of("posts", &next), Err(ViewError::BadCursor)));
    }
}
