//! People: who they are, and whether their account is open.

use nova_events::user::UserEvent;
use nova_events::{Envelope, Event};
use nova_views::{Change, What, projection};

use crate::Projection;

pub const PROFILES: Projection = Projection { name: projection::PROFILES, categories: &["user"], project };

fn project(envelope: &Envelope) -> Vec<Change> {
    let Event::User(event) = &envelope.event else { return Vec::new() };
    let what = match event {
        UserEvent::UserRegistered(e) => What::Registered {
            user: e.user_id,
            created_at: envelope.occurred_at(),
            profile: e.personal.clear().cloned(),
        },
        UserEvent::ProfileChanged(e) => {
            What::ProfileIs { user: e.user_id, profile: e.personal.clear().cloned() }
        }
        UserEvent::UserDeactivated(e) => What::UserActive { user: e.user_id, active: false },
        UserEvent::UserReactivated(e) => What::UserActive { user: e.user_id, active: true },
    };
    vec![Change { version: envelope.position, what }]
}
