//! All there is to ask for.

use nova_events::Event;
use nova_events::block::BlockEvent;
use nova_events::comment::CommentEvent;
use nova_events::conversation::ConversationEvent;
use nova_events::delivered::DeliveredEvent;
use nova_events::dismissal::DismissalEvent;
use nova_events::follow::FollowEvent;
use nova_events::handle::HandleEvent;
use nova_events::like::LikeEvent;
use nova_events::media::MediaEvent;
use nova_events::message::{MessageEvent, MessageMarkEvent};
use nova_events::nonce::NonceEvent;
use nova_events::post::PostEvent;
use nova_events::read::ReadEvent;
use nova_events::user::UserEvent;
use serde::Serialize;
use uuid::Uuid;

use crate::like::target_id;
use crate::world::{By, Decision, Stop, World};
use crate::{
    block, comment, conversation, delivered, dismissal, follow, like, media, message, post, read, user,
};

/// The enum of all commands, how each is decided, and the events that it can begin with (so that a repeated command id
/// with another command is noticed).
macro_rules! commands {
    ($( $variant:ident($command:ty) => $($first:literal)|+ ),* $(,)?) => {
        /// Serialised, it is the canonical form of what was asked for: what a repeated request has in common with the
        /// first, and so without the ids and times that are made up for each.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        pub enum Command { $( $variant($command), )* }

        $( impl From<$command> for Command {
            fn from(command: $command) -> Self { Self::$variant(command) }
        } )*

        impl Command {
            /// Decides, or says what it still needs to look at. Pure.
            pub fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
                match self { $( Self::$variant(command) => command.decide(by, world), )* }
            }

            pub fn name(&self) -> &'static str {
                match self { $( Self::$variant(_) => stringify!($variant), )* }
            }

            /// Whether an event of this kind can be the first of this command.
            pub fn begins_with(&self, kind: &str) -> bool {
                match self { $( Self::$variant(_) => matches!(kind, $($first)|+), )* }
            }
        }
    };
}

commands! {
    Register(user::Register) => "UserRegistered" | "UserReactivated",
    ChangeProfile(user::ChangeProfile) => "ProfileChanged",
    Deactivate(user::Deactivate) => "UserDeactivated",
    Follow(follow::Follow) => "Followed",
    Unfollow(follow::Unfollow) => "Unfollowed",
    Block(block::Block) => "Blocked",
    Unblock(block::Unblock) => "Unblocked",
    DismissSuggestion(dismissal::DismissSuggestion) => "SuggestionDismissed",
    RestoreSuggestion(dismissal::RestoreSuggestion) => "SuggestionRestored",
    PublishPost(post::PublishPost) => "PostPublished",
    EditPost(post::EditPost) => "PostEdited",
    DeletePost(post::DeletePost) => "PostDeleted",
    RestorePost(post::RestorePost) => "PostRestored",
    PurgePost(post::PurgePost) => "PostPurged",
    AddComment(comment::AddComment) => "CommentAdded",
    EditComment(comment::EditComment) => "CommentEdited",
    DeleteComment(comment::DeleteComment) => "CommentDeleted",
    RestoreComment(comment::RestoreComment) => "CommentRestored",
    Like(like::Like) => "Liked",
    Unlike(like::Unlike) => "Unliked",
    StartConversation(conversation::StartConversation) => "ConversationStarted",
    PutMember(conversation::PutMember) => "MemberAdded" | "MemberRoleChanged",
    RemoveMember(conversation::RemoveMember) => "MemberRemoved",
    RenameConversation(conversation::RenameConversation) => "ConversationRenamed",
    SendMessage(message::SendMessage) => "MessageSent",
    SendVoice(message::SendVoice) => "MessageSent",
    EditMessage(message::EditMessage) => "MessageEdited",
    DeleteMessage(message::DeleteMessage) => "MessageDeleted",
    MarkRead(read::MarkRead) => "ReadUpTo",
    MarkDelivered(delivered::MarkDelivered) => "DeliveredUpTo",
    ReserveUpload(media::ReserveUpload) => "UploadReserved",
    CompleteUpload(media::CompleteUpload) => "UploadCompleted",
    RejectUpload(media::RejectUpload) => "UploadRejected",
    DeleteMedia(media::DeleteMedia) => "MediaDeleted",
}

impl Command {
    /// The thing that the request itself names, as [`subject_of`] names it from the first event. `None`: what it is
    /// about is made by the command, or is the actor.
    pub fn names(&self) -> Option<Uuid> {
        match self {
            Self::Register(_) | Self::ChangeProfile(_) | Self::Deactivate(_) => None,
            Self::Follow(c) => Some(c.user.0),
            Self::Unfollow(c) => Some(c.user.0),
            Self::Block(c) => Some(c.user.0),
            Self::Unblock(c) => Some(c.user.0),
            Self::DismissSuggestion(c) => Some(c.user.0),
            Self::RestoreSuggestion(c) => Some(c.user.0),
            Self::PublishPost(_) => None,
            Self::EditPost(c) => Some(c.post.0),
            Self::DeletePost(c) => Some(c.post.0),
            Self::RestorePost(c) => Some(c.post.0),
            Self::PurgePost(c) => Some(c.post.0),
            Self::AddComment(_) => None,
            Self::EditComment(c) => Some(c.comment.0),
            Self::DeleteComment(c) => Some(c.comment.0),
            Self::RestoreComment(c) => Some(c.comment.0),
            Self::Like(c) => Some(target_id(c.target)),
            Self::Unlike(c) => Some(target_id(c.target)),
            Self::StartConversation(_) => None,
            Self::PutMember(c) => Some(c.conversation.0),
            Self::RemoveMember(c) => Some(c.conversation.0),
            Self::RenameConversation(c) => Some(c.conversation.0),
            Self::SendMessage(_) | Self::SendVoice(_) => None,
            Self::EditMessage(c) => Some(c.message.0),
            Self::DeleteMessage(c) => Some(c.message.0),
            Self::MarkRead(c) => Some(c.conversation.0),
            Self::MarkDelivered(c) => Some(c.conversation.0),
            Self::ReserveUpload(_) => None,
            Self::CompleteUpload(c) => Some(c.media.0),
            Self::RejectUpload(c) => Some(c.media.0),
            Self::DeleteMedia(c) => Some(c.media.0),
        }
    }
}

/// The thing that a command was about, from its first event: what the answer names.
pub fn subject_of(event: &Event) -> Uuid {
    match event {
        Event::User(event) => match event {
            UserEvent::UserRegistered(e) => e.user_id.0,
            UserEvent::ProfileChanged(e) => e.user_id.0,
            UserEvent::UserDeactivated(e) => e.user_id.0,
            UserEvent::UserReactivated(e) => e.user_id.0,
        },
        Event::Handle(event) => match event {
            HandleEvent::HandleClaimed(e) => e.user_id.0,
            HandleEvent::HandleReleased(e) => e.user_id.0,
        },
        Event::Post(event) => match event {
            PostEvent::PostPublished(e) => e.post_id.0,
            PostEvent::PostEdited(e) => e.post_id.0,
            PostEvent::PostDeleted(e) => e.post_id.0,
            PostEvent::PostRestored(e) => e.post_id.0,
            PostEvent::PostPurged(e) => e.post_id.0,
        },
        Event::Comment(event) => match event {
            CommentEvent::CommentAdded(e) => e.comment_id.0,
            CommentEvent::CommentEdited(e) => e.comment_id.0,
            CommentEvent::CommentDeleted(e) => e.comment_id.0,
            CommentEvent::CommentRestored(e) => e.comment_id.0,
        },
        Event::Like(event) => match event {
            LikeEvent::Liked(e) => target_id(e.target),
            LikeEvent::Unliked(e) => target_id(e.target),
        },
        Event::Follow(event) => match event {
            FollowEvent::Followed(e) => e.followee.0,
            FollowEvent::Unfollowed(e) => e.followee.0,
        },
        Event::Block(event) => match event {
            BlockEvent::Blocked(e) => e.blocked.0,
            BlockEvent::Unblocked(e) => e.blocked.0,
        },
        Event::Dismissal(event) => match event {
            DismissalEvent::SuggestionDismissed(e) => e.dismissed.0,
            DismissalEvent::SuggestionRestored(e) => e.dismissed.0,
        },
        Event::Conversation(event) => match event {
            ConversationEvent::ConversationStarted(e) => e.conversation_id.0,
            ConversationEvent::MemberAdded(e) => e.conversation_id.0,
            ConversationEvent::MemberRemoved(e) => e.conversation_id.0,
            ConversationEvent::MemberRoleChanged(e) => e.conversation_id.0,
            ConversationEvent::ConversationRenamed(e) => e.conversation_id.0,
        },
        Event::Message(event) => match event {
            MessageEvent::MessageSent(e) => e.message_id.0,
            MessageEvent::MessageEdited(e) => e.message_id.0,
            MessageEvent::MessageDeleted(e) => e.message_id.0,
        },
        Event::MessageMark(event) => match event {
            MessageMarkEvent::MessageEditMarked(e) => e.message_id.0,
            MessageMarkEvent::MessageDeleteMarked(e) => e.message_id.0,
        },
        Event::Read(event) => match event {
            ReadEvent::ReadUpTo(e) => e.conversation_id.0,
        },
        Event::Nonce(event) => match event {
            NonceEvent::NonceUsed(e) => e.message_id.0,
        },
        Event::Delivered(event) => match event {
            DeliveredEvent::DeliveredUpTo(e) => e.conversation_id.0,
        },
        Event::Media(event) => match event {
            MediaEvent::UploadReserved(e) => e.media_id.0,
            MediaEvent::UploadCompleted(e) => e.media_id.0,
            MediaEvent::UploadRejected(e) => e.media_id.0,
            MediaEvent::MediaAttached(e) => e.media_id.0,
            MediaEvent::MediaDeleted(e) => e.media_id.0,
        },
    }
}

/// Whom an event is about: its actors and those it happens to. For the envelope.
pub fn subjects_of(event: &Event) -> Vec<nova_events::UserId> {
    let mut subjects = match event {
        Event::User(_) | Event::Handle(_) => vec![nova_events::UserId(subject_of(event))],
        Event::Post(event) => match event {
            PostEvent::PostPublished(e) => vec![e.author],
            PostEvent::PostEdited(e) => vec![e.author],
            PostEvent::PostDeleted(e) => vec![e.author, e.deleted_by],
            PostEvent::PostRestored(e) => vec![e.author, e.restored_by],
            PostEvent::PostPurged(e) => vec![e.author],
        },
        Event::Comment(event) => match event {
            CommentEvent::CommentAdded(e) => vec![e.author, e.post_author],
            CommentEvent::CommentEdited(e) => vec![e.author],
            CommentEvent::CommentDeleted(e) => vec![e.author, e.deleted_by],
            CommentEvent::CommentRestored(e) => vec![e.author, e.restored_by],
        },
        Event::Like(event) => match event {
            LikeEvent::Liked(e) => vec![e.user_id, e.author],
            LikeEvent::Unliked(e) => vec![e.user_id, e.author],
        },
        Event::Follow(event) => match event {
            FollowEvent::Followed(e) => vec![e.follower, e.followee],
            FollowEvent::Unfollowed(e) => vec![e.follower, e.followee],
        },
        Event::Block(event) => match event {
            BlockEvent::Blocked(e) => vec![e.blocker, e.blocked],
            BlockEvent::Unblocked(e) => vec![e.blocker, e.blocked],
        },
        Event::Dismissal(event) => match event {
            DismissalEvent::SuggestionDismissed(e) => vec![e.dismisser, e.dismissed],
            DismissalEvent::SuggestionRestored(e) => vec![e.dismisser, e.dismissed],
        },
        Event::Conversation(event) => match event {
            ConversationEvent::ConversationStarted(e) => {
                e.members.iter().map(|(member, _)| *member).collect()
            }
            ConversationEvent::MemberAdded(e) => vec![e.user_id, e.added_by],
            ConversationEvent::MemberRemoved(e) => vec![e.user_id, e.removed_by],
            ConversationEvent::MemberRoleChanged(e) => vec![e.user_id, e.changed_by],
            ConversationEvent::ConversationRenamed(e) => vec![e.renamed_by],
        },
        Event::Message(event) => match event {
            MessageEvent::MessageSent(e) => vec![e.sender],
            MessageEvent::MessageEdited(e) => vec![e.sender],
            MessageEvent::MessageDeleted(e) => vec![e.sender, e.deleted_by],
        },
        Event::MessageMark(event) => match event {
            MessageMarkEvent::MessageEditMarked(_) | MessageMarkEvent::MessageDeleteMarked(_) => Vec::new(),
        },
        Event::Read(event) => match event {
            ReadEvent::ReadUpTo(e) => vec![e.user_id],
        },
        Event::Nonce(event) => match event {
            NonceEvent::NonceUsed(_) => Vec::new(),
        },
        Event::Delivered(event) => match event {
            DeliveredEvent::DeliveredUpTo(e) => vec![e.user_id],
        },
        Event::Media(event) => match event {
            MediaEvent::UploadReserved(e) => vec![e.owner],
            MediaEvent::UploadCompleted(e) => vec![e.owner],
            MediaEvent::UploadRejected(e) => vec![e.owner],
            MediaEvent::MediaAttached(e) => vec![e.owner],
            MediaEvent::MediaDeleted(e) => [Some(e.owner), e.deleted_by].into_iter().flatten().collect(),
        },
    };
    subjects.dedup();
    subjects
}
