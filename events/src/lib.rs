//! What can happen in Nova. Every change is one of the events here; everything else (views, feeds, audits) is derived
//! from them. Personal data is apart from the rest of an event, sealed under its subject's key before it reaches a log.
//!
//! Reading order: [`ids`], the areas ([`user`] to [`media`]), [`Event`] over all of them, [`envelope`] (who, when, why),
//! [`streams`] (where each event lives), then how they are stored: [`personal`], [`seal`], [`keyring`], [`wrapping`],
//! [`codec`].
//! [`samples`] shows every event. [`client_events`] is about something else: what clients tell analysts.

pub mod ids;

pub mod user;

pub mod handle;

pub mod post;

pub mod comment;

pub mod like;

pub mod follow;

pub mod block;

pub mod dismissal;

pub mod conversation;

pub mod message;

pub mod nonce;

pub mod read;

pub mod delivered;

pub mod media;

mod area;
pub mod client_events;
pub mod codec;
pub mod envelope;
pub mod keyring;
pub mod live;
pub mod personal;

pub mod samples;
pub mod seal;
pub mod streams;
pub mod upcast;
pub mod wrapping;

pub use codec::{Codec, CodecError};
pub use envelope::{Actor, Envelope, Meta};
pub use ids::{CommentId, ConversationId, MediaId, MessageId, PostId, UserId};
pub use keyring::{KeyError, Keyring};
pub use personal::{Class, Personal};

use block::BlockEvent;
use comment::CommentEvent;
use conversation::ConversationEvent;
use delivered::DeliveredEvent;
use dismissal::DismissalEvent;
use follow::FollowEvent;
use handle::HandleEvent;
use like::LikeEvent;
use media::MediaEvent;
use message::{MessageEvent, MessageMarkEvent};
use nonce::NonceEvent;
use post::PostEvent;
use read::ReadEvent;
use user::UserEvent;

area::areas! {
    /// Anything that can happen, by area.
    pub enum Event {
        User(UserEvent),
        Handle(HandleEvent),
        Post(PostEvent),
        Comment(CommentEvent),
        Like(LikeEvent),
        Follow(FollowEvent),
        Block(BlockEvent),
        Dismissal(DismissalEvent),
        Conversation(ConversationEvent),
        Message(MessageEvent),
        MessageMark(MessageMarkEvent),
        Nonce(NonceEvent),
        Read(ReadEvent),
        Delivered(DeliveredEvent),
        Media(MediaEvent),
    }
}
