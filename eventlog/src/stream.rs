//! Stream names: `category-id`.

use std::fmt;
use std::sync::Arc;

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
        if id.is_empty() || !id.iter().all(u8::is_ascii_graphic) {
            return Some("has an id that is not of printable ASCII without spaces");
        }
        None
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
