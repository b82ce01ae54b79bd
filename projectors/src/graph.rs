//! Who follows and who blocks whom, and whose suggestion someone dismissed.

use nova_events::block::BlockEvent;
use nova_events::dismissal::DismissalEvent;
use nova_events::follow::FollowEvent;
use nova_events::{Envelope, Event};
use nova_views::{Change, What, projection};

use crate::Projection;

pub const GRAPH: Projection =
    Projection { name: projection::GRAPH, categories: &["follow", "block", "dismissal"], project };

fn project(envelope: &Envelope) -> Vec<Change> {
    let at = envelope.occurred_at();
    let what = match &envelope.event {
        Event::Follow(FollowEvent::Followed(e)) => {
            What::Follow { follower: e.follower, followee: e.followee, on: true, at }
        }
        Event::Follow(FollowEvent::Unfollowed(e)) => {
            What::Follow { follower: e.follower, followee: e.followee, on: false, at }
        }
        Event::Block(BlockEvent::Blocked(e)) => {
            What::Block { blocker: e.blocker, blocked: e.blocked, on: true, at }
        }
        Event::Block(BlockEvent::Unblocked(e)) => {
            What::Block { blocker: e.blocker, blocked: e.blocked, on: false, at }
        }
        Event::Dismissal(DismissalEvent::SuggestionDismissed(e)) => {
            What::Dismissal { dismisser: e.dismisser, dismissed: e.dismissed, on: true, at }
        }
        Event::Dismissal(DismissalEvent::SuggestionRestored(e)) => {
            What::Dismissal { dismisser: e.dismisser, dismissed: e.dismissed, on: false, at }
        }
        Event::User(_)
        | Event::Handle(_)
        | Event::Post(_)
        | Event::Comment(_)
        | Event::Like(_)
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
