//! The views of the distributed profile, by the servers that hold them.

pub mod postgres;
