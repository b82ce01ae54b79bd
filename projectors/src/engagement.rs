//! What people do with posts: comments and likes.

use nova_events::comment::CommentEvent;
use nova_events::like::{LikeEvent, Target};
use nova_events::{Envelope, Event, PostId, UserId};
use nova_views::{Change, What, projection};

use crate::Projection;

pub const ENGAGEMENT: Projection =
    Projection { name: projection::ENGAGEMENT, categories: &["comment", "like"], project };

fn project(envelope: &Envelope) -> Vec<Change> {
    let what = match &envelope.event {
        Event::Comment(event) => comment(event, envelope),
        Event::Like(LikeEvent::Liked(e)) => like(e.target, e.post_id, e.author, e.user_id, true, envelope),
        Event::Like(LikeEvent::Unliked(e)) => like(e.target, e.post_id, e.author, e.user_id, false, envelope),
        Event::User(_)
        | Event::Handle(_)
        | Event::Post(_)
        | Event::Follow(_)
        | Event::Block(_)
        | Event::Dismissal(_)
        | Event::Conversation(_)
        | Event::Message(_)
        | Event::MessageMark(_)
        | Event::Nonce(_)
        | Event::Read(_)
        | Event::Delivered(_)
        | Event::Media(_) => return Vec::new(),
    };
    vec![Change { version: envelope.position, what }]
}

fn comment(event: &CommentEvent, envelope: &Envelope) -> What {
    match event {
        CommentEvent::CommentAdded(e) => What::Comment {
            comment: e.comment_id,
            post: e.post_id,
            post_author: e.post_author,
            parent: e.parent,
            author: e.author,
            text: e.personal.clear().map(|text| text.text.clone()),
            created_at: envelope.occurred_at(),
        },
        CommentEvent::CommentEdited(e) => What::CommentText {
            comment: e.comment_id,
            text: e.personal.clear().map(|text| text.text.clone()),
            edited_at: envelope.occurred_at(),
        },
        CommentEvent::CommentDeleted(e) => What::CommentDeleted { comment: e.comment_id, deleted: true },
        CommentEvent::CommentRestored(e) => {
            What::CommentDeleted { comment: e.comment_id, deleted: e.still_deleted_by.is_some() }
        }
    }
}

fn like(target: Target, post: PostId, author: UserId, user: UserId, on: bool, envelope: &Envelope) -> What {
    What::Like { target, post, author, user, on, at: envelope.occurred_at() }
}
