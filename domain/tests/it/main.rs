//! What may happen, told as stories: given what happened, when someone asks for this, then that happens or this is the
//! answer. No runtime, no log, no clock. `properties` says what holds for every command in every world.

mod pool;
mod story;

mod again;
mod block;
mod canonical;
mod comment;
mod conversation;
mod delivered;
mod dismissal;
mod follow;
mod like;
mod media;
mod member;
mod message;
mod post;
mod properties;
mod read;
mod refusal;
mod user;
