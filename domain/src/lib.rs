//! What may happen in Nova. Commands are decided here, purely: no clock, no IO, no waiting. A decision is a function of
//! the command and of the states of the streams it looks at, and every stream it looked at becomes a condition of the
//! append, so that nothing is ever decided on something that changes before the write.
//!
//! Reading order: [`command`] (all there is to ask for), the areas ([`user`] to [`media`]: state, commands, decisions),
//! [`deletion`] (who undoes whose), [`state`] (the states by stream), [`world`] (what a decision looks at), [`refusal`] (the ways to say no),
//! [`limits`] and [`text`].

pub mod command;

pub mod user;

pub mod post;

pub mod comment;

pub mod like;

pub mod follow;

pub mod block;

pub mod dismissal;

pub mod conversation;

pub mod message;

pub mod read;

pub mod delivered;

pub mod media;

pub mod deletion;
pub mod limits;
pub mod refusal;
pub mod state;
pub mod text;
pub mod world;

pub use command::Command;
pub use limits::Limits;
pub use refusal::{InvalidField, Refusal, RefusalClass};
pub use state::State;
pub use world::{By, Decision, Names, Need, Stop, World};
