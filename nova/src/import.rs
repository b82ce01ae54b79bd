//! Import of foreign data, through the same commands as over HTTP: nothing is in the log that a client could not have
//! written, and what the domain refuses is refused here too.
//!
//! * Ids and command ids are hashes of the data's own ids, so importing twice changes nothing.
//! * A bad line is told with file and line on stderr, counted, and passed over; the import goes on.
//! * Memory is bounded: files are read as they are imported. What grows with the data is told where it does
//!   ([`ldbc`]: about 130 bytes per comment; [`chitchat`]: 20 bytes per person).
//! * Quotas and rate limits hold for requests, and an import makes none: how much a person of the data made in an hour does not
//!   count.

pub mod chitchat;
pub(crate) mod crew;
pub mod ldbc;
pub mod report;

pub use report::{Kind, Report};

use nova_events::UserId;
use uuid::Uuid;

/// What some programs put before UTF-8, and readers pass over.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The id of a name: UUIDv5 in the URL namespace.
pub fn id_of(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

pub(crate) fn user_of(name: &str) -> UserId {
    UserId(id_of(name))
}
