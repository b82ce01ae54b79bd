//! The audit of deletions: what was deleted, by whom and why, and whether it came back.

use nova_events::comment::CommentEvent;
use nova_events::message::MessageEvent;
use nova_events::post::PostEvent;
use nova_events::user::{Reason, UserEvent};
use nova_events::{Envelope, Event, Personal, UserId};
use nova_views::{Change, Entity, What, projection};

use crate::Projection;

pub const DELETIONS: Projection =
    Projection { name: projection::DELETIONS, categories: &["user", "post", "comment", "messages"], project };

fn project(envelope: &Envelope) -> Vec<Change> {
    let what = match &envelope.event {
        Event::User(event) => user(event, envelope),
        Event::Post(event) => post(event, envelope),
        Event::Comment(event) => comment(event, envelope),
        Event::Message(event) => message(event, envelope),
        Event::Handle(_)
        | Event::Like(_)
        | Event::Follow(_)
        | Event::Block(_)
        | Event::Dismissal(_)
        | Event::Conversation(_)
        | Event::MessageMark(_)
        | Event::Nonce(_)
        | Event::Read(_)
        | Event::Delivered(_)
        | Event::Media(_) => None,
    };
    what.map(|what| Change { version: envelope.position, what }).into_iter().collect()
}

fn user(event: &UserEvent, envelope: &Envelope) -> Option<What> {
    match event {
        UserEvent::UserDeactivated(e) => {
            let by = envelope.meta.actor.user();
            Some(deletion(Entity::User, e.user_id.0, e.user_id, by, &e.personal, envelope))
        }
        UserEvent::UserReactivated(e) => Some(restoration(Entity::User, e.user_id.0, None, envelope)),
        UserEvent::UserRegistered(_) | UserEvent::ProfileChanged(_) => None,
    }
}

fn post(event: &PostEvent, envelope: &Envelope) -> Option<What> {
    match event {
        PostEvent::PostDeleted(e) => {
            Some(deletion(Entity::Post, e.post_id.0, e.author, Some(e.deleted_by), &e.personal, envelope))
        }
        PostEvent::PostRestored(e) => {
            Some(restoration(Entity::Post, e.post_id.0, e.still_deleted_by, envelope))
        }
        // The end of a deletion that is on record already.
        PostEvent::PostPurged(_) | PostEvent::PostPublished(_) | PostEvent::PostEdited(_) => None,
    }
}

fn comment(event: &CommentEvent, envelope: &Envelope) -> Option<What> {
    match event {
        CommentEvent::CommentDeleted(e) => {
            let by = Some(e.deleted_by);
            Some(deletion(Entity::Comment, e.comment_id.0, e.author, by, &e.personal, envelope))
        }
        CommentEvent::CommentRestored(e) => {
            Some(restoration(Entity::Comment, e.comment_id.0, e.still_deleted_by, envelope))
        }
        CommentEvent::CommentAdded(_) | CommentEvent::CommentEdited(_) => None,
    }
}

fn message(event: &MessageEvent, envelope: &Envelope) -> Option<What> {
    match event {
        MessageEvent::MessageDeleted(e) => {
            let by = Some(e.deleted_by);
            Some(deletion(Entity::Message, e.message_id.0, e.sender, by, &e.personal, envelope))
        }
        MessageEvent::MessageSent(_) | MessageEvent::MessageEdited(_) => None,
    }
}

fn deletion(
    entity: Entity,
    id: uuid::Uuid,
    owner: UserId,
    deleted_by: Option<UserId>,
    reason: &Personal<Reason>,
    envelope: &Envelope,
) -> What {
    What::Deletion {
        entity,
        id,
        owner,
        deleted_at: envelope.occurred_at(),
        deleted_by,
        reason: reason.clear().map(|reason| reason.reason.clone()),
        correlation_id: envelope.meta.correlation_id,
        causation_id: envelope.meta.causation_id,
    }
}

fn restoration(
    entity: Entity,
    id: uuid::Uuid,
    still_deleted_by: Option<UserId>,
    envelope: &Envelope,
) -> What {
    What::Restoration { entity, id, restored_at: envelope.occurred_at(), still_deleted_by }
}
