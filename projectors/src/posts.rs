//! Posts: their text, who may see them, whether they are there.

use nova_events::media::MediaKind;
use nova_events::post::{PostEvent, PostPublished};
use nova_events::{Envelope, Event, MediaId};
use nova_views::{Change, What, projection};

use crate::Projection;

pub const POSTS: Projection = Projection { name: projection::POSTS, categories: &["post"], project };

fn project(envelope: &Envelope) -> Vec<Change> {
    let Event::Post(event) = &envelope.event else { return Vec::new() };
    let at = envelope.occurred_at();
    let what = match event {
        PostEvent::PostPublished(e) => What::Post {
            post: e.post_id,
            author: e.author,
            visibility: e.visibility,
            media: media_of(e),
            text: e.personal.clear().map(|text| text.text.clone()),
            created_at: at,
        },
        PostEvent::PostEdited(e) => What::PostText {
            post: e.post_id,
            text: e.personal.clear().map(|text| text.text.clone()),
            edited_at: at,
        },
        PostEvent::PostDeleted(e) => What::PostDeleted { post: e.post_id, deleted: true, at },
        PostEvent::PostRestored(e) => {
            What::PostDeleted { post: e.post_id, deleted: e.still_deleted_by.is_some(), at }
        }
        PostEvent::PostPurged(e) => What::PostPurged { post: e.post_id },
    };
    vec![Change { version: envelope.position, what }]
}

/// Events from before kinds were noted name pictures only.
fn media_of(event: &PostPublished) -> Vec<(MediaId, MediaKind)> {
    let kinds = event.media_kinds.iter().copied().chain(std::iter::repeat(MediaKind::Image));
    event.media.iter().copied().zip(kinds).collect()
}
