//! What can be asked of Nova: the shapes of the screens, the changes that fill them, and the two ports to the stores
//! that hold them. A store is filled through [`ViewWriter`] and asked through [`ViewReader`]; it never sees an event.
//!
//! Reading order: the rows ([`post_card`], [`media`], [`comment`], [`profile`], [`conversation`], [`message`], [`deletion`]),
//! [`page`] (lists and cursors), [`ranking`] (the order of the feed and of what trends), [`discover`] (whom
//! someone may know), [`words`] and [`search`] (what is found in a conversation, and where in it), [`change`] (what a projection says), [`writer`] and [`reader`] (the ports).

pub mod post_card;

pub mod media;

pub mod comment;

pub mod profile;

pub mod conversation;

pub mod message;

pub mod deletion;

pub mod live;

pub mod page;

pub mod ranking;

pub mod discover;

pub mod words;

pub mod search;

pub mod change;

pub mod reader;
pub mod writer;

mod error;

pub use change::{Change, What};
pub use comment::Comment;
pub use conversation::{Conversation, Member, silences_blocked};
pub use deletion::{Deletion, DeletionQuery, Entity};
pub use error::ViewError;
pub use message::{Message, MessageRange};
pub use page::{Answer, Cursor, List, Lookup, MovingPage, PageRequest};
pub use post_card::{Author, FeedItem, FeedReason, MediaRef, PostCard};
pub use profile::{Profile, ProfileKey};
pub use reader::ViewReader;
pub use search::{Highlight, MessageHit};
pub use writer::{Apply, DeadLetter, Generation, ProjectionStatus, ViewWriter, projection};
