//! The personal part of an event: present, absent, or gone because its key was destroyed.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// The personal part of an event.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Personal<T> {
    /// There was none when the event was written.
    #[default]
    Absent,
    Clear(T),
    /// There was one, and its key has been destroyed.
    Redacted,
}

impl<T> Personal<T> {
    pub fn clear(&self) -> Option<&T> {
        match self {
            Self::Clear(value) => Some(value),
            Self::Absent | Self::Redacted => None,
        }
    }
}

impl<T> From<Option<T>> for Personal<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Clear)
    }
}

impl<T: DeserializeOwned> Personal<T> {
    pub(crate) fn from_json(json: Option<&[u8]>) -> serde_json::Result<Self> {
        match json {
            Some(json) => serde_json::from_slice(json).map(Self::Clear),
            None => Ok(Self::Redacted),
        }
    }
}

/// Never shows what it holds, so that no log line can.
impl<T> std::fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "<absent>",
            Self::Clear(_) => "<personal>",
            Self::Redacted => "<redacted>",
        })
    }
}

pub(crate) fn schema_of<E, T: JsonSchema + Serialize>(
    _field: impl Fn(&E) -> &Personal<T>,
) -> schemars::Schema {
    schemars::schema_for!(T)
}

/// The kinds of personal data that have keys of their own, so that they can be kept or destroyed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Name, handle, bio.
    Identity,
    /// Posts and comments.
    Content,
    /// Messages.
    Messages,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Identity, Self::Content, Self::Messages];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Identity => 1,
            Self::Content => 2,
            Self::Messages => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Content => "content",
            Self::Messages => "messages",
        }
    }
}
