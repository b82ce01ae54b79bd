//! The routes, one file per area.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod conversation;
pub(crate) mod feed;
pub(crate) mod jobs;
pub(crate) mod media;
pub(crate) mod post;
pub(crate) mod system;
pub(crate) mod user;
