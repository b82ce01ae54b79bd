//! Where the bytes of media are kept. Clients put them there and get them from there by presigned addresses; Nova signs the
//! addresses, looks at what was put there, and moves it to where it counts. In a folder (then the addresses are Nova's own)
//! or on S3.
//!
//! * What can be put is exactly what was reserved: the key, the length, the type and the checksum are signed.
//! * What clients can write (`staging/`) is never what is shown (`media/`).
//! * What counts has no metadata: it is taken out on the way from `staging/` to `media/`.
//! * The store is behind a breaker: while it is away, whoever needs it hears so at once, and nothing else is held up.
//!
//! Reading order: [`keys`] (what lies where), [`store`] (all that is done), [`look`] (is it what was reserved?), [`mod@format`],
//! [`duration`] and [`clean`], [`folder`] and `s3` (the two places).

pub mod keys;

pub mod store;

pub mod look;

pub mod format;

pub mod duration;

pub mod clean;

pub mod folder;

#[cfg(feature = "s3")]
pub mod s3;

mod error;

pub use error::StoreError;
pub use folder::Folder;
pub use look::{Expected, Found};
pub use store::{MediaStore, Object, Presigned};
