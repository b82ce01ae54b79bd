//! Conversations: their members, what was said, how far each has received and read.

use nova_events::conversation::ConversationEvent;
use nova_events::delivered::DeliveredEvent;
use nova_events::message::MessageEvent;
use nova_events::read::ReadEvent;
use nova_events::{Envelope, Event};
use nova_views::{Change, What, projection};

use crate::Projection;

pub const CONVERSATIONS: Projection = Projection {
    name: projection::CONVERSATIONS,
    categories: &["conversation", "messages", "read", "delivered"],
    project,
};

fn project(envelope: &Envelope) -> Vec<Change> {
    let what = match &envelope.event {
        Event::Conversation(event) => conversation(event, envelope),
        Event::Message(event) => message(event, envelope),
        Event::Read(ReadEvent::ReadUpTo(e)) => {
            What::ReadUpTo { conversation: e.conversation_id, user: e.user_id, seq: e.seq }
        }
        Event::Delivered(DeliveredEvent::DeliveredUpTo(e)) => {
            What::DeliveredUpTo { conversation: e.conversation_id, user: e.user_id, seq: e.seq }
        }
        Event::User(_)
        | Event::Handle(_)
        | Event::Post(_)
        | Event::Comment(_)
        | Event::Like(_)
        | Event::Follow(_)
        | Event::Block(_)
        | Event::Dismissal(_)
        | Event::MessageMark(_)
        | Event::Nonce(_)
        | Event::Media(_) => return Vec::new(),
    };
    vec![Change { version: envelope.position, what }]
}

fn conversation(event: &ConversationEvent, envelope: &Envelope) -> What {
    let at = envelope.occurred_at();
    match event {
        ConversationEvent::ConversationStarted(e) => What::Conversation {
            conversation: e.conversation_id,
            kind: e.kind,
            title: e.personal.clear().map(|title| title.title.clone()),
            created_at: at,
            members: e.members.clone(),
        },
        ConversationEvent::MemberAdded(e) => What::Member {
            conversation: e.conversation_id,
            user: e.user_id,
            role: Some(e.role),
            at,
            joined: true,
        },
        ConversationEvent::MemberRemoved(e) => {
            What::Member { conversation: e.conversation_id, user: e.user_id, role: None, at, joined: false }
        }
        ConversationEvent::MemberRoleChanged(e) => What::Member {
            conversation: e.conversation_id,
            user: e.user_id,
            role: Some(e.role),
            at,
            joined: false,
        },
        ConversationEvent::ConversationRenamed(e) => What::ConversationTitle {
            conversation: e.conversation_id,
            title: e.personal.clear().map(|title| title.title.clone()),
        },
    }
}

/// The revision in `messages-{conversation}` is the seq.
fn message(event: &MessageEvent, envelope: &Envelope) -> What {
    let (seq, at) = (envelope.revision, envelope.occurred_at());
    match event {
        MessageEvent::MessageSent(e) => What::Message {
            message: e.message_id,
            conversation: e.conversation_id,
            seq,
            sender: e.sender,
            message_type: e.message_type,
            body: e.personal.clear().cloned(),
            reply_to: e.reply_to,
            media: e.media_id,
            created_at: at,
        },
        MessageEvent::MessageEdited(e) => What::MessageBody {
            message: e.message_id,
            conversation: e.conversation_id,
            seq,
            body: e.personal.clear().cloned(),
            edited_at: at,
        },
        MessageEvent::MessageDeleted(e) => {
            What::MessageDeleted { message: e.message_id, conversation: e.conversation_id, seq }
        }
    }
}
