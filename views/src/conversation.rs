//! A conversation, as one member sees it.

use chrono::{DateTime, Utc};
use nova_events::conversation::{ConversationKind, Role};
use nova_events::{ConversationId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::message::Message;

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Conversation {
    #[schema(value_type = uuid::Uuid)]
    pub id: ConversationId,
    #[schema(value_type = String, example = "direct")]
    pub kind: ConversationKind,
    pub title: Option<String>,
    /// In the order they joined, then by id.
    pub members: Vec<Member>,
    /// The highest seq there is; edits and deletions count. Null before the first message.
    pub last_seq: Option<u64>,
    /// How far the viewer has read; null when they have not read anything.
    pub last_read_seq: Option<u64>,
    /// Messages of others after `last_read_seq` that are not deleted.
    pub unread_count: u64,
    /// The newest message that is not deleted.
    pub last_message: Option<Message>,
}

/// Returns whether a block between two members of such a conversation keeps from each of them whether the other is there,
/// types, has received and has read. In a direct conversation it does; in a group everybody sees the same. Queries and live
/// sessions both follow it.
pub fn silences_blocked(kind: ConversationKind) -> bool {
    match kind {
        ConversationKind::Direct => true,
        ConversationKind::Group => false,
    }
}

impl Conversation {
    /// Takes away the marks of everybody who is silenced for the viewer by a block between the two.
    pub fn hide_marks_of_blocked(&mut self, viewer: UserId, is_blocked: impl Fn(UserId) -> bool) {
        if !silences_blocked(self.kind) {
            return;
        }
        for member in self.members.iter_mut().filter(|member| member.user_id != viewer) {
            if is_blocked(member.user_id) {
                (member.last_read_seq, member.delivered_seq) = (None, None);
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    #[schema(value_type = uuid::Uuid)]
    pub user_id: UserId,
    /// `admin` also of the member who acts as the admin of a group whose admins have all closed their accounts: the one
    /// with an open account who has been in it longest.
    #[schema(value_type = String, example = "member")]
    pub role: Role,
    pub joined_at: DateTime<Utc>,
    /// How far they have read; null when they have not read anything, and in a direct conversation while one of the two
    /// blocks the other.
    pub last_read_seq: Option<u64>,
    /// How far any of their devices has received what was said; null when none has said so. What was read was received
    /// as well, whether or not a device said so: the state of a message is told by the higher of the two.
    pub delivered_seq: Option<u64>,
}

impl Conversation {
    /// Shows who manages a group, as decisions see it: its admins with open accounts, else the first member with one. Looks
    /// at as few accounts as it can.
    pub fn show_stand_in<E>(&mut self, mut is_open: impl FnMut(UserId) -> Result<bool, E>) -> Result<(), E> {
        if self.kind != ConversationKind::Group {
            return Ok(());
        }
        for admin in self.members.iter().filter(|member| member.role == Role::Admin) {
            if is_open(admin.user_id)? {
                return Ok(());
            }
        }
        for member in &mut self.members {
            if is_open(member.user_id)? {
                member.role = Role::Admin;
                return Ok(());
            }
        }
        Ok(())
    }
}
