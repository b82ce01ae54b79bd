//! Delivered marks: each device of a member has its own.

use nova_events::delivered::{DeliveredEvent, DeliveredUpTo};
use nova_events::{ConversationId, UserId, streams};
use serde::Serialize;
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::text::check_text;
use crate::world::{By, Decision, Stop, World};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveredState {
    pub up_to: Option<u64>,
}

impl DeliveredState {
    pub(crate) fn evolve(&mut self, event: &DeliveredEvent) {
        match event {
            DeliveredEvent::DeliveredUpTo(event) => self.up_to = self.up_to.max(Some(event.seq)),
        }
    }
}

/// A device has everything up to `seq`. A lower mark than the present one changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MarkDelivered {
    pub conversation: ConversationId,
    /// As the client names it. It goes no further than its keyed hash.
    pub device_id: String,
    pub seq: u64,
}

impl MarkDelivered {
    pub(crate) fn decide(&self, by: &By<'_>, world: &World) -> Result<Decision, Stop> {
        let user_id = by.user()?;
        check_text("device_id", &self.device_id, by.limits.client_id_bytes_max)?;
        let stream = streams::delivered(self.conversation, device_key(by, user_id, &self.device_id));
        world.want([stream.clone(), streams::conversation(self.conversation), streams::user(user_id)])?;
        world.check_actor(user_id)?;
        world.conversation(self.conversation)?.check_member(user_id)?;
        let length = world.length(streams::messages(self.conversation))?;
        if self.seq >= length {
            let detail = format!("is beyond the last message: the conversation has {length} so far");
            return Err(Refusal::invalid("seq", "beyond_end", detail).into());
        }
        if world.state(stream.clone())?.delivered().up_to >= Some(self.seq) {
            return Ok(Decision::nothing(self.conversation.0, stream));
        }
        let event = DeliveredUpTo { conversation_id: self.conversation, user_id, seq: self.seq };
        Ok(Decision::one(self.conversation.0, stream, event))
    }
}

/// Handles hold no control characters, so that no handle has the hash of a device.
fn device_key(by: &By<'_>, user: UserId, device: &str) -> Uuid {
    by.names.key(&format!("device\n{}\n{device}", user.0.simple()))
}
