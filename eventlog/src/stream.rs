//! Stream names: `category-id`.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The name of a stream: a category of `a-z`, `0-9` and `_`, a hyphen, and an id of printable ASCII without spaces.
/// At most [`StreamId::BYTES_MAX`] bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream name {name:?} {problem}")]
pub struct StreamIdError {
    pub name: String,
    pub problem: &'static str,
}

impl StreamId {
    pub const BYTES_MAX: usize = 255;

    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, StreamIdError> {
        let name = name.into();
        match Self::problem(name.as_bytes()) {
            None => Ok(Self(name)),
            Some(problem) => Err(StreamIdError { name: name.chars().take(80).collect(), problem }),
        }
    }

    fn problem(name: &[u8]) -> Option<&'static str> {
        if name.len() > Self::BYTES_MAX {
            return Some("is longer than 255 bytes");
        }
        let Some(hyphen) = name.iter().position(|&b| b == b'-') else {
            return Some("has no category: expected category-id");
        };
        let (category, id) = (&name[..hyphen], &name[hyphen + 1..]);
        if category.is_empty() || !category.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
            return Some("has a category that is not of a-z, 0-9 and _");
        }
        // No early way out: so the compiler looks at many bytes at once. Every event that is read comes through here.
        if id.is_empty() || !id.iter().fold(true, |good, b| good & b.is_ascii_graphic()) {
            return Some("has an id that is not of printable ASCII without spaces");
        }
        None
    }

    /// The stream of a category (of `a-z`, `0-9` and `_`, at most 100 bytes) whose id is made of one or two UUIDs in
    /// hexadecimal, joined by a dot. The usual way to name streams, and many times faster than checking free text.
    pub fn of_uuids(category: &'static str, first: Uuid, second: Option<Uuid>) -> Self {
        debug_assert!(Self::problem(format!("{category}-0").as_bytes()).is_none() && category.len() <= 100);
        let mut name = [0; Self::BYTES_MAX];
        let mut end = category.len().min(100);
        name[..end].copy_from_slice(&category.as_bytes()[..end]);
        for (separator, id) in [(b'-', Some(first)), (b'.', second)] {
            if let Some(id) = id {
                name[end] = separator;
                id.simple().encode_lower(&mut name[end + 1..]);
                end += 33;
            }
        }
        // ASCII all of it; the standard library checks that many bytes at a time.
        Self(std::str::from_utf8(&name[..end]).unwrap_or_default().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(category, _)| category)
    }

    /// What follows the first hyphen.
    pub fn id(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, id)| id)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_category_and_an_id() {
        let stream = StreamId::new("like-6b1f.77aa-1").unwrap();
        assert_eq!((stream.category(), stream.id()), ("like", "6b1f.77aa-1"));
    }

    #[test]
    fn a_name_of_uuids_is_like_any_other() {
        let (a, b) = (Uuid::from_u128(0xab), Uuid::from_u128(1 << 127));
        for (made, second) in
            [(StreamId::of_uuids("post", a, None), None), (StreamId::of_uuids("like", a, Some(b)), Some(b))]
        {
            let tail = second.map(|id| format!(".{}", id.simple())).unwrap_or_default();
            let text = format!("{}-{}{tail}", made.category(), a.simple());
            assert_eq!(made, StreamId::new(text).unwrap());
        }
    }

    #[test]
    fn bad_names_say_what_is_wrong() {
        for (name, problem) in [
            ("", "no category"),
            ("post", "no category"),
            ("-1", "category that is not"),
            ("Post-1", "category that is not"),
            ("post-", "an id that is not"),
            ("post-a b", "an id that is not"),
            ("post-ä", "an id that is not"),
            (&format!("post-{}", "x".repeat(300)), "longer than 255"),
        ] {
            let error = StreamId::new(name).unwrap_err();
            assert!(error.to_string().contains(problem), "{name}: {error}");
        }
    }
}
