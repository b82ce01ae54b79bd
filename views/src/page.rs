//! Lists, cursors and answers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::ViewError;

/// Where a list goes on. Opaque to clients, stable while things are inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

impl Cursor {
    pub const BYTES_MAX: usize = 512;

    /// `kind` names the list it belongs to, so that a cursor of one list is refused by another.
    pub fn pack<T: Serialize>(kind: &str, key: &T) -> Self {
        let json = serde_json::to_vec(&(kind, key)).unwrap_or_default();
        Self(URL_SAFE_NO_PAD.encode(json))
    }

    pub fn unpack<T: DeserializeOwned>(&self, kind: &str) -> Result<T, ViewError> {
        if self.0.len() > Self::BYTES_MAX {
            return Err(ViewError::BadCursor);
        }
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| ViewError::BadCursor)?;
        let (found, key): (String, T) = serde_json::from_slice(&json).map_err(|_| ViewError::BadCursor)?;
        if found == kind { Ok(key) } else { Err(ViewError::BadCursor) }
    }
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// `None`: from the start.
    pub cursor: Option<Cursor>,
    /// 1 to [`PageRequest::LIMIT_MAX`].
    pub limit: usize,
    /// The list holds the log up to here: one that was worked out before that, and is kept, will not do. 0: any will.
    pub after: u64,
}

impl PageRequest {
    pub const LIMIT_MAX: usize = 100;
    pub const LIMIT_DEFAULT: usize = 20;

    pub fn first(limit: usize) -> Self {
        Self { cursor: None, limit, after: 0 }
    }
}

/// A page of a list in descending order of a key that moves, such as the time of the newest message.
///
/// Its cursors hold the newest key of the first page. A pass goes on with the keys as they were then: what has got a newer
/// one since is looked for under the newest one that is not newer than that. So it is on one page of a pass, and what
/// began after it is on none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovingPage {
    kind: &'static str,
    /// Keys that are newer do not count.
    pub as_of: i64,
    /// The page begins behind this key.
    pub behind: (i64, Uuid),
    pub limit: usize,
}

impl MovingPage {
    pub fn of(kind: &'static str, page: &PageRequest) -> Result<Self, ViewError> {
        let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
        let Some(cursor) = &page.cursor else {
            return Ok(Self { kind, as_of: i64::MAX, behind: (i64::MAX, Uuid::max()), limit });
        };
        let (as_of, behind) = cursor
            .unpack::<(i64, i64, Uuid)>(kind)
            .map(|(as_of, at, id)| (as_of, (at, id)))
            // As they were before they held the time of the pass.
            .or_else(|_| cursor.unpack::<(i64, Uuid)>(kind).map(|behind| (i64::MAX, behind)))?;
        Ok(Self { kind, as_of, behind, limit })
    }

    /// How many rows to look up: one more than the page has says that there is a next one.
    pub fn wanted(&self) -> i64 {
        self.limit as i64 + 1
    }

    /// The page, of at most [`Self::wanted`] items with their keys, in order.
    pub fn list<T>(&self, mut found: Vec<((i64, Uuid), T)>) -> List<T> {
        let newest = found.first().map_or(i64::MAX, |((at, _), _)| *at);
        let as_of = if self.as_of == i64::MAX { newest } else { self.as_of };
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let last = found.last().filter(|_| more);
        let next = last.map(|((at, id), _)| Cursor::pack(self.kind, &(as_of, at, id)));
        List { items: found.into_iter().map(|(_, item)| item).collect(), next }
    }
}

/// Part of a list and where it goes on; no cursor: it is at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T> {
    pub items: Vec<T>,
    pub next: Option<Cursor>,
}

/// An answer and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    pub value: T,
    /// The rung of the ladder that answered, such as `sqlite`.
    pub source: &'static str,
    /// The answer holds what was known at this time.
    pub as_of: DateTime<Utc>,
    /// A better source should have answered.
    pub degraded: bool,
}

impl<T> Answer<T> {
    /// The same answer with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: change(self.value), source: self.source, as_of: self.as_of, degraded: self.degraded }
    }
}

/// One thing that was asked for by its id.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup<T> {
    Found(T),
    /// It was there and has been deleted.
    Gone,
    /// It never was, or the viewer may not know of it.
    Unknown,
}

impl<T> Lookup<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Found(value) => Lookup::Found(change(value)),
            Self::Gone => Lookup::Gone,
            Self::Unknown => Lookup::Unknown,
        }
    }

    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Gone | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_only_to_its_list() {
        let cursor = Cursor::pack("timeline", &(5_i64, "x"));
        assert_eq!(cursor.unpack::<(i64, String)>("timeline").unwrap(), (5, "x".to_owned()));
        assert!(matches!(cursor.unpack::<(i64, String)>("comments"), Err(ViewError::BadCursor)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "!", "AAAA", &"A".repeat(600)] {
            let cursor = Cursor(text.to_owned());
            assert!(
                matches!(cursor.unpack::<(i64, String)>("timeline"), Err(ViewError::BadCursor)),
                "{text}"
            );
        }
    }

    #[test]
    fn whatever_a_cursor_holds_it_is_a_page_or_refused() {
        let id = Uuid::from_u128(7);
        let sound = [
            Cursor::pack("posts", &(5_i64, 3_i64, id)),
            Cursor::pack("posts", &(5_i64, id)),
            Cursor::pack("search", &(5_i64, "x", vec![1_u8, 2])),
        ];
        let sound = sound.into_iter().map(|cursor| URL_SAFE_NO_PAD.decode(cursor.0).unwrap()).collect();
        nova_testkit::fuzz::fuzz("cursor", sound, |json| {
            let cursor = Some(Cursor(URL_SAFE_NO_PAD.encode(json)));
            match MovingPage::of("posts", &PageRequest { cursor, limit: 5, after: 0 }) {
                Ok(page) => format!("{} {}", page.as_of.to_string().len(), page.behind.0.signum()),
                Err(error) => error.to_string(),
            }
        });
    }
}
