//! What is written to the log and what is read back.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::stream::StreamId;

/// What the writer knows of a stream. Checked in the append, atomically with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// The stream has no events.
    NoStream,
    /// The stream has at least one event.
    StreamExists,
    /// The last event of the stream has this revision.
    Exact(u64),
}

impl Expected {
    /// Whether a stream whose last revision is `head` (`None`: no events) is as expected.
    pub fn holds(self, head: Option<u64>) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => head.is_none(),
            Self::StreamExists => head.is_some(),
            Self::Exact(revision) => head == Some(revision),
        }
    }

    /// What to expect of a stream that was read up to `head`.
    pub fn at(head: Option<u64>) -> Self {
        head.map_or(Self::NoStream, Self::Exact)
    }
}

/// The type of an event, such as `PostPublished`. 1 to 127 bytes of printable ASCII without spaces. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(Arc<str>);

impl Kind {
    pub const BYTES_MAX: usize = 127;

    /// `None` when the name is empty, too long or not printable ASCII.
    pub fn new(name: impl Into<Arc<str>>) -> Option<Self> {
        let name = name.into();
        let fits =
            !name.is_empty() && name.len() <= Self::BYTES_MAX && name.bytes().all(|b| b.is_ascii_graphic());
        fits.then_some(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event to append. `data` and `meta` are opaque to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub kind: Kind,
    pub data: Bytes,
    pub meta: Bytes,
}

/// Events for one stream. With no events it is a pure condition: the stream must be as expected, nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub stream: StreamId,
    pub expected: Expected,
    pub events: Vec<NewEvent>,
}

impl Write {
    pub fn condition(stream: StreamId, expected: Expected) -> Self {
        Self { stream, expected, events: Vec::new() }
    }
}

/// One command's events: all of them are appended, in the order given, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Appending the same command id again, however late, writes nothing and returns the first result.
    pub command_id: Uuid,
    pub writes: Vec<Write>,
}

impl Append {
    pub fn event_count(&self) -> usize {
        self.writes.iter().map(|write| write.events.len()).sum()
    }
}

/// What an append did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The position of the first and of the last event. Both are the head of the log when there were no events.
    pub first_position: u64,
    pub last_position: u64,
    /// Each event in the order given: its stream and its revision there.
    pub events: Vec<(StreamId, u64)>,
    /// The command had been appended before; this is the first result.
    pub duplicate: bool,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the whole log: 1, 2, 3 ... without gaps, in commit order.
    pub position: u64,
    pub stream: StreamId,
    /// Its place in its stream: 0, 1, 2 ... without gaps.
    pub revision: u64,
    /// See [`event_id`].
    pub id: Uuid,
    /// Its place among the events of its command.
    pub ordinal: u16,
    pub kind: Kind,
    /// When the log accepted it, in milliseconds since the Unix epoch. Never runs backwards along positions.
    pub recorded_at_ms: u64,
    pub data: Bytes,
    pub meta: Bytes,
}

impl Recorded {
    /// The command that caused the event.
    pub fn command_id(&self) -> Uuid {
        event_id(self.id, self.ordinal)
    }

    /// What tells this history from another one.
    pub fn mark(&self) -> EventMark {
        EventMark { position: self.position, event_id: self.id, recorded_at_ms: self.recorded_at_ms }
    }
}

/// Which event stands at a position: enough to tell one history from another.
///
/// Whatever is derived from a log keeps the mark of the event at its cursor. A log that was put in its place, or restored
/// from a backup and continued otherwise, has another event there: ids are random or hashes of a client's key, and where
/// a client repeats a command after a restore the time tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventMark {
    pub position: u64,
    pub event_id: Uuid,
    pub recorded_at_ms: u64,
}

/// The id of a command's event: the command id with the event's ordinal folded (XOR) into its last two bytes. So the
/// first event's id is the command id itself, one index by event id also finds commands, and the function is its own
/// inverse. Command ids are hashes or random, so two of them do not differ in those two bytes alone.
pub fn event_id(command_id: Uuid, ordinal: u16) -> Uuid {
    Uuid::from_u128(command_id.as_u128() ^ u128::from(ordinal))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forwards,
    Backwards,
}

/// Which events of the whole log to read: those in one of the categories and of one of the kinds. An empty list does
/// not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub categories: Vec<String>,
    pub kinds: Vec<String>,
}

impl Filter {
    pub fn all() -> Self {
        Self::default()
    }

    pub fn categories<S: Into<String>>(categories: impl IntoIterator<Item = S>) -> Self {
        Self { categories: categories.into_iter().map(Into::into).collect(), kinds: Vec::new() }
    }

    pub fn is_all(&self) -> bool {
        self.categories.is_empty() && self.kinds.is_empty()
    }

    pub fn admits(&self, category: &str, kind: &str) -> bool {
        (self.categories.is_empty() || self.categories.iter().any(|c| c == category))
            && (self.kinds.is_empty() || self.kinds.iter().any(|k| k == kind))
    }
}
