//! An append-only event log in the style of event stores: named streams with dense revisions, expected revisions
//! checked at the append, and one global order that every reader agrees on. It knows bytes, not posts.
//! [`EventLog`] and [`EventFeed`] are the ports; [`FileLog`] is the embedded implementation.
//!
//! Reading order: [`stream`] (names), [`record`] (what is written and read back), [`log`] (the two ports and their
//! contract), then the file log, from the outside in; [`spool`] is a queue made of file logs.

pub mod file;
pub mod log;
pub mod private;
pub mod record;
pub mod spool;
pub mod stream;

pub use file::{FileLog, FileLogOptions, LogReader, LogStats, VerifyReport};
pub use log::{Batch, EventFeed, EventLog, LogError, Page};
pub use record::{
    Append, Appended, Direction, EventMark, Expected, Filter, Kind, NewEvent, Recorded, Write, event_id,
};
pub use spool::{Spool, SpoolError, SpoolOptions, SpoolStats, WhenFull};
pub use stream::{StreamId, StreamIdError};
