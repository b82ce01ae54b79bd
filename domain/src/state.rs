//! The state of a stream, whatever its category, folded from its events.

use nova_eventlog::StreamId;
use nova_events::Event;

use crate::comment::CommentState;
use crate::conversation::ConversationState;
use crate::delivered::DeliveredState;
use crate::media::MediaState;
use crate::message::{MarkState, NonceState};
use crate::post::PostState;
use crate::read::ReadState;
use crate::user::{HandleState, UserState};

/// An edge between two things: on or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EdgeState {
    pub on: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    User(UserState),
    Handle(HandleState),
    Post(PostState),
    Comment(CommentState),
    Like(EdgeState),
    Follow(EdgeState),
    Block(EdgeState),
    Dismissal(EdgeState),
    Conversation(ConversationState),
    /// `messages-` streams grow without end and are never folded.
    Messages,
    Mark(MarkState),
    Nonce(NonceState),
    Read(ReadState),
    Delivered(DeliveredState),
    Media(Box<MediaState>),
}

/// One accessor for each state. The stream's category decides which state it has, so another one can only be asked for
/// by a mistake in the domain itself; it then looks like a stream without events.
macro_rules! accessors {
    ($( $name:ident: $variant:ident($state:ty) ),* $(,)?) => {
        $( pub fn $name(&self) -> &$state {
            static EMPTY: std::sync::LazyLock<$state> = std::sync::LazyLock::new(<$state>::default);
            match self {
                Self::$variant(state) => state,
                _ => &EMPTY,
            }
        } )*
    };
}

impl State {
    /// The state of a stream without events. `None` when no such category exists.
    pub fn empty(stream: &StreamId) -> Option<Self> {
        Some(match stream.category() {
            "user" => Self::User(UserState::default()),
            "handle" => Self::Handle(HandleState::default()),
            "post" => Self::Post(PostState::default()),
            "comment" => Self::Comment(CommentState::default()),
            "like" => Self::Like(EdgeState::default()),
            "follow" => Self::Follow(EdgeState::default()),
            "block" => Self::Block(EdgeState::default()),
            "dismissal" => Self::Dismissal(EdgeState::default()),
            "conversation" => Self::Conversation(ConversationState::default()),
            "messages" => Self::Messages,
            "message" => Self::Mark(MarkState::default()),
            "nonce" => Self::Nonce(NonceState::default()),
            "read" => Self::Read(ReadState::default()),
            "delivered" => Self::Delivered(DeliveredState::default()),
            "media" => Self::Media(Box::default()),
            _ => return None,
        })
    }

    /// Takes in one event, which happened at `at_ms`. An event of another area changes nothing: a stream holds the
    /// events of its own area only.
    pub fn evolve(&mut self, event: &Event, at_ms: i64) {
        use nova_events::block::BlockEvent;
        use nova_events::dismissal::DismissalEvent;
        use nova_events::follow::FollowEvent;
        use nova_events::like::LikeEvent;
        match event {
            Event::User(event) => {
                if let Self::User(state) = self {
                    state.evolve(event)
                }
            }
            Event::Handle(event) => {
                if let Self::Handle(state) = self {
                    state.evolve(event)
                }
            }
            Event::Post(event) => {
                if let Self::Post(state) = self {
                    state.evolve(event, at_ms)
                }
            }
            Event::Comment(event) => {
                if let Self::Comment(state) = self {
                    state.evolve(event, at_ms)
                }
            }
            Event::Like(event) => {
                if let Self::Like(edge) = self {
                    edge.on = match event {
                        LikeEvent::Liked(_) => true,
                        LikeEvent::Unliked(_) => false,
                    };
                }
            }
            Event::Follow(event) => {
                if let Self::Follow(edge) = self {
                    edge.on = match event {
                        FollowEvent::Followed(_) => true,
                        FollowEvent::Unfollowed(_) => false,
                    };
                }
            }
            Event::Block(event) => {
                if let Self::Block(edge) = self {
                    edge.on = match event {
                        BlockEvent::Blocked(_) => true,
                        BlockEvent::Unblocked(_) => false,
                    };
                }
            }
            Event::Dismissal(event) => {
                if let Self::Dismissal(edge) = self {
                    edge.on = match event {
                        DismissalEvent::SuggestionDismissed(_) => true,
                        DismissalEvent::SuggestionRestored(_) => false,
                    };
                }
            }
            Event::Conversation(event) => {
                if let Self::Conversation(state) = self {
                    state.evolve(event, at_ms)
                }
            }
            Event::Message(_) => {}
            Event::MessageMark(event) => {
                if let Self::Mark(state) = self {
                    state.evolve(event)
                }
            }
            Event::Nonce(event) => {
                if let Self::Nonce(state) = self {
                    state.evolve(event)
                }
            }
            Event::Read(event) => {
                if let Self::Read(state) = self {
                    state.evolve(event)
                }
            }
            Event::Delivered(event) => {
                if let Self::Delivered(state) = self {
                    state.evolve(event);
                }
            }
            Event::Media(event) => {
                if let Self::Media(state) = self {
                    state.evolve(event)
                }
            }
        }
    }

    accessors! {
        user: User(UserState),
        handle: Handle(HandleState),
        post: Post(PostState),
        comment: Comment(CommentState),
        conversation: Conversation(ConversationState),
        mark: Mark(MarkState),
        nonce: Nonce(NonceState),
        read: Read(ReadState),
        delivered: Delivered(DeliveredState),
        media: Media(MediaState),
    }

    pub fn edge(&self) -> EdgeState {
        match self {
            Self::Like(edge) | Self::Follow(edge) | Self::Block(edge) | Self::Dismissal(edge) => *edge,
            _ => EdgeState::default(),
        }
    }

    /// About how much memory it takes, in bytes, for caches.
    pub fn size_bytes(&self) -> usize {
        let inside = match self {
            Self::Conversation(state) => state.members.len() * size_of::<crate::conversation::Member>(),
            Self::User(_) => 300,
            Self::Media(_) => 400,
            _ => 0,
        };
        size_of::<Self>() + inside
    }
}
